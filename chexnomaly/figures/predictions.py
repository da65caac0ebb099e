"""Figures 11 and 14 to 16: films with boxes and predicted masks.

Cases are chosen by a seeded rule from the annotations alone, before any prediction
is seen. An empty category is drawn as "none found", never filled with a near miss.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.datasets.store.images import read_image
from chexnomaly.evidence import IMAGES, PHANTOM
from chexnomaly.figures import style
from chexnomaly.figures.viewer import ON_PAGES, Panel, Viewer, boxes_layer, mask_layer
from chexnomaly.labels import DISPLAY_NAMES, NO_FINDING, spoken


@dataclass(frozen=True)
class Example:
    """One film with its boxes and the predictions to draw.

    Attributes:
        film: (H, W) in [0, 1], any size; None where it may not be shown.
        boxes: True boxes, (N, 4), xyxy px of the prediction's frame.
        maps: Probability map (S, S) by system name.
        origin: What the pixels are: "phantom", "nih" (real films that may be shown), or
            "images" (real films that may not).
    """

    film: np.ndarray | None
    boxes: np.ndarray
    maps: Mapping[str, np.ndarray]
    origin: str


def make_cases(
    ids: Sequence[str],
    data: PreparedSet,
    predictors: Mapping[str, Callable[[SegmentationSet], Iterable[torch.Tensor]]],
    films: Mapping[str, Path],
    findings_kept: Sequence[str] | None = None,
) -> dict[str, Example]:
    """Predict a few films and put them beside their boxes, ready to draw.

    Args:
        ids: Which films.
        data: Their data set.
        predictors: System name to what yields its probability maps.
        films: Image id to file, read at full size for display; a real film that may
            not be shown is not even opened.
        findings_kept: Only boxes of these findings; all by default.

    Returns:
        Image id to its case.
    """
    if not ids:
        return {}
    subset = SegmentationSet(data.store, data.findings, ids, findings_kept)
    source = data.findings.groupby("image_id").source.first()
    maps = {
        name: torch.cat(list(predictor(subset)))[:, 0].numpy()
        for name, predictor in predictors.items()
    }
    cases = {}
    for row, image_id in enumerate(ids):
        collection = source.get(image_id)
        origin = collection if collection in ON_PAGES else IMAGES
        shown = origin in ON_PAGES and image_id in films
        film = read_image(films[image_id]) if shown else None
        marked = {name: probs[row] for name, probs in maps.items()}
        boxes = subset.boxes(image_id).numpy()
        cases[image_id] = Example(film, boxes, marked, origin)
    return cases


def choose_cases(
    findings: pd.DataFrame, ids: Sequence[str], seed: int
) -> dict[str, str]:
    """Choose one film for each row of Fig. 11 that its own data set can fill.

    Args:
        findings: Findings table.
        ids: Films to choose from.
        seed: Seed of the choice.

    Returns:
        Row name to image id; a row without a candidate is left out.
    """
    drawn = findings[findings.finding != NO_FINDING]
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
    category_of: Mapping[str, str], rows: Mapping[str, str], most: int, seed: int
) -> dict[str, list[str]]:
    """Choose a few films of each category by seed (Figs. 15 and 16).

    Args:
        category_of: Image id to category, such as "TN".
        rows: Categories to choose from, in this order, each with its name in words.
        most: How many of each, or all where there are fewer.
        seed: Seed of the choice.

    Returns:
        Category in words to image ids, every category present.
    """
    rng = np.random.default_rng(seed)
    chosen = {}
    for category, name in rows.items():
        found = sorted(i for i, given in category_of.items() if given == category)
        chosen[name] = sorted(rng.permutation(found)[:most].tolist())
    return chosen


def choose_abnormal(scans: SegmentationSet, seed: int) -> list[str]:
    """Choose one film with a box by seed (Fig. 14).

    Args:
        scans: Where from; what counts as a box is its own affair.
        seed: Seed of the choice.

    Returns:
        Its image id, or nothing where no film has a box.
    """
    ill = [i for i, has in zip(scans.ids, scans.is_abnormal(), strict=True) if has]
    return [str(i) for i in np.random.default_rng(seed).permutation(sorted(ill))[:1]]


def figure_hero(cases: Sequence[Example], threshold: float) -> plt.Figure:
    """Draw films in two columns, with boxes and predicted mask, for the front page.

    Args:
        cases: What to draw; at least one.
        threshold: Where to binarize.

    Returns:
        The figure, on a dark ground, as on a light box.
    """
    rows = -(-len(cases) // 2)
    fig, axs = style.new_figure(rows, 2, height_in=4.0 * rows)
    fig.set_facecolor("#0B0D10")
    fig.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)
    for ax in axs.flat:
        ax.set_axis_off()
    for ax, case in zip(axs.flat, cases, strict=False):
        style.draw_film(ax, case.film)
        for probs in case.maps.values():
            style.draw_boxes(ax, case.boxes, probs.shape[0])
            style.draw_map(ax, probs, threshold)
    return fig


def case_panel(
    case: Example, thresholds: Mapping[str, float], title: str = ""
) -> Panel:
    """Lay a case's boxes and masks over its film.

    Args:
        case: The case.
        thresholds: Where to binarize, by system; only these are drawn.
        title: Text under the film.

    Returns:
        The panel.
    """
    size = next(iter(case.maps.values())).shape
    boxes = boxes_layer("readers", case.boxes, size[::-1], "boxes of readers")
    masks = [mask_layer(case.maps[name], t) for name, t in thresholds.items()]
    return Panel(case.film, case.origin, (boxes, *masks), title)


def figure_cases(rows: Mapping[str, Sequence[Example]], threshold: float) -> Viewer:
    """Show examples of each category in rows.

    Args:
        rows: Category to its examples.
        threshold: Where to binarize.

    Returns:
        The films; categories without a case say "none found".
    """
    panels = {
        name: [case_panel(case, dict.fromkeys(case.maps, threshold)) for case in cases]
        for name, cases in rows.items()
    }
    return Viewer(panels)


def figure_categories(
    category_of: Mapping[float, Mapping[str, str]],
    names: Mapping[str, str],
    draw: Callable[[Sequence[str]], Mapping[str, Example]],
    most: int,
    seed: int,
) -> Viewer:
    """Show a few films of each category at each threshold (Figs. 15 and 16).

    Args:
        category_of: Threshold to image id to category, such as "TN".
        names: Categories in the order of the rows, each with its name in words.
        draw: Makes cases of image ids, as `make_cases` does.
        most: How many of each, or all where there are fewer.
        seed: Seed of the choice.

    Returns:
        The films; categories without a case say "none found".
    """
    rows = {}
    for threshold, categories in category_of.items():
        chosen = choose_per_category(categories, names, most, seed)
        cases = draw([i for ids in chosen.values() for i in ids])
        shown = {name: [cases[i] for i in ids] for name, ids in chosen.items()}
        panels = figure_cases(shown, threshold).rows
        rows |= {f"{name}, at {threshold:g}": films for name, films in panels.items()}
    return Viewer(rows)


def figure_11(rows: Mapping[str, Example], thresholds: Mapping[str, float]) -> Viewer:
    """Show each system on each test case (Fig. 11).

    Args:
        rows: Row name to its case.
        thresholds: Where to binarize, by system, in the order of the columns.

    Returns:
        One row of films per case, one film per system.
    """
    titles = {s: f"{spoken(s)} at {cut:g}" for s, cut in thresholds.items()}
    panels = {
        name: [case_panel(case, {s: thresholds[s]}, titles[s]) for s in thresholds]
        for name, case in rows.items()
    }
    return Viewer(panels, len(thresholds))


def figure_14(
    cases: Mapping[str, Example | None], thresholds: Mapping[str, float]
) -> Viewer:
    """Show one film per finding with its specialized model's mask (Fig. 14).

    Args:
        cases: Finding to its case; None where no test film shows it.
        thresholds: Where to binarize, by system.

    Returns:
        The films.
    """
    panels = [_finding_panel(f, case, thresholds) for f, case in cases.items()]
    return Viewer({"": panels}, min(5, len(cases)))


def _finding_panel(
    finding: str, case: Example | None, thresholds: Mapping[str, float]
) -> Panel:
    name, system = DISPLAY_NAMES[finding], f"specialized_{finding}"
    if case is None:
        return Panel(None, PHANTOM, (), f"{name}: no test film shows it")
    cut = thresholds[system]
    return case_panel(case, {system: cut}, f"{name}, at {cut:g}")
