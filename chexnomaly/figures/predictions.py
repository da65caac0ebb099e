"""Figures 11 and 14 to 16: films with boxes and predicted masks.

Cases are chosen by a seeded rule from the annotations alone, before any prediction
is seen. An empty category is drawn as "none found", never filled with a near miss.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor

from chexnomaly.datasets.images import read_image
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.figures.style import (
    WIDTH_IN,
    draw_boxes,
    draw_film,
    draw_map,
    new_figure,
)
from chexnomaly.labels import NO_FINDING


@dataclass(frozen=True)
class Case:
    """One film with its boxes and the predictions to draw.

    Attributes:
        film: (H, W) in [0, 1], any size; None where it may not be shown.
        boxes: True boxes, (N, 4), xyxy px of the prediction's frame.
        maps: Probability map (S, S) by system name.
        note: Text under the film, such as the number of findings.
    """

    film: np.ndarray | None
    boxes: np.ndarray
    maps: Mapping[str, np.ndarray]
    note: str = ""


def make_cases(
    ids: Sequence[str],
    data: PreparedSet,
    predictors: Mapping[str, Callable[[SegmentationSet], Iterable[Tensor]]],
    films: Mapping[str, Path],
    findings_kept: Sequence[str] | None = None,
) -> dict[str, Case]:
    """Predict a few scans and put them beside their boxes, ready to draw.

    Args:
        ids: Which scans.
        data: Their data set.
        predictors: System name to what yields its probability maps.
        films: Image id to file, read at full size for display; a scan without one
            is drawn as withheld.
        findings_kept: Only boxes of these findings; all by default.

    Returns:
        Image id to its case.
    """
    ids = list(dict.fromkeys(ids))
    if not ids:
        return {}
    subset = SegmentationSet(data.store, data.findings, ids, findings_kept)
    maps = {
        name: torch.cat(list(predictor(subset)))[:, 0].numpy()
        for name, predictor in predictors.items()
    }
    return {
        image_id: Case(
            read_image(films[image_id]) if image_id in films else None,
            subset.boxes(image_id).numpy(),
            {name: probs[row] for name, probs in maps.items()},
        )
        for row, image_id in enumerate(ids)
    }


def choose_cases(
    findings: pd.DataFrame, ids: Sequence[str], seed: int
) -> dict[str, str]:
    """Choose one scan for each row of Fig. 11 that its own data set can fill.

    Args:
        findings: Findings table.
        ids: Scans to choose from.
        seed: Seed of the choice.

    Returns:
        Row name to image id; a row without a candidate is left out.
    """
    table = findings[findings.image_id.isin(ids)]
    drawn = table[table.finding != NO_FINDING]
    count = drawn.groupby("image_id").finding.nunique()
    count = count.reindex(sorted(set(ids)), fill_value=0)
    rows = {
        "many findings": count.index[count >= 5],
        "one finding": count.index[count == 1],
        "no finding": count.index[count == 0],
    }
    rng = np.random.default_rng(seed)
    return {name: str(rng.choice(found)) for name, found in rows.items() if len(found)}


def choose_per_category(
    category_of: Mapping[str, str], per_category: int, seed: int
) -> dict[str, list[str]]:
    """Choose a few scans of each category of Fig. 15 by seed.

    Args:
        category_of: Image id to "TN", "TP", "FN" or "FP".
        per_category: How many of each, or all where there are fewer.
        seed: Seed of the choice.

    Returns:
        Category in words to image ids, every category present.
    """
    names = {
        "TN": "true negative",
        "TP": "true positive",
        "FN": "false negative",
        "FP": "false positive",
    }
    rng = np.random.default_rng(seed)
    chosen = {}
    for short, name in names.items():
        found = sorted(i for i, category in category_of.items() if category == short)
        picked = rng.permutation(len(found))[:per_category]
        chosen[name] = [found[k] for k in sorted(picked)]
    return chosen


def figure_hero(cases: Sequence[Case], threshold: float) -> Figure:
    """Draw a row of films, each with boxes and predicted mask, for the front page.

    Args:
        cases: What to draw; at least one.
        threshold: Where to binarize.

    Returns:
        The figure.
    """
    columns = max(1, len(cases))
    fig, axs = new_figure(1, columns, height_in=8.2 / columns)
    for ax, case in zip(axs[0], cases, strict=False):
        draw_film(ax, case.film)
        for probs in case.maps.values():
            draw_boxes(ax, case.boxes, probs.shape[0])
            draw_map(ax, probs, threshold)
    return fig


def figure_cases(
    rows: Mapping[str, Sequence[Case] | Case],
    threshold: float,
    per_row: int,
    describe: Callable[[Case], str] | None = None,
) -> Figure:
    """Draw examples of each category in rows (Figs. 14 to 16).

    Args:
        rows: Category to its examples, at most `per_row`.
        threshold: Where to binarize.
        per_row: Columns.
        describe: Text above each film; the case's note by default.

    Returns:
        The figure; categories without a case say "none found".
    """
    fig, axs = new_figure(len(rows), per_row, height_in=2.1 * len(rows))
    for line, (name, cases) in zip(axs, rows.items(), strict=True):
        for ax in line:
            ax.set_axis_off()
        for ax, case in zip(line, cases, strict=False):
            ax.set_axis_on()
            draw_film(ax, case.film, describe(case) if describe else case.note)
            for probs in case.maps.values():
                draw_boxes(ax, case.boxes, probs.shape[0])
                draw_map(ax, probs, threshold)
        line[0].set_axis_on()
        line[0].set_ylabel(name, fontsize=9)
        if not len(cases):
            line[0].text(0.5, 0.5, "none found", ha="center", va="center")
            line[0].set(xticks=[], yticks=[])
            line[0].set_box_aspect(1)
    return fig


def figure_11(
    rows: Mapping[str, Case], systems: Sequence[str], thresholds: Mapping[str, float]
) -> Figure:
    """Draw each system on each test case (Fig. 11).

    Args:
        rows: Row name to its case.
        systems: Systems to draw, in the order of the columns.
        thresholds: Where to binarize, by system.

    Returns:
        The figure: film, true boxes, then one column per system.
    """
    columns = 2 + len(systems)
    row_in = min(2.2, WIDTH_IN / columns + 0.45)
    fig, axs = new_figure(len(rows), columns, height_in=row_in * len(rows))
    for line, (name, case) in zip(axs, rows.items(), strict=True):
        draw_film(line[0], case.film, "scan")
        line[0].set_ylabel(name, fontsize=9)
        size = next(iter(case.maps.values())).shape[0]
        draw_film(line[1], case.film, "all readers'\nboxes")
        draw_boxes(line[1], case.boxes, size)
        for ax, system in zip(line[2:], systems, strict=True):
            title = f"{system.replace('_', ' ')}\nat {thresholds[system]:g}"
            draw_film(ax, case.film, title)
            draw_map(ax, case.maps[system], thresholds[system])
    return fig
