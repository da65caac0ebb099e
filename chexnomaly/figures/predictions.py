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

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.datasets.store.images import read_image
from chexnomaly.evidence import IMAGES, PHANTOM
from chexnomaly.figures import style
from chexnomaly.figures.layers import boxes_layer, mask_layer
from chexnomaly.figures.viewer import Panel, Viewer
from chexnomaly.labels import DISPLAY_NAMES, NO_FINDING


@dataclass(frozen=True)
class Example:
    """One film with its boxes and the predictions to draw.

    Attributes:
        film: (H, W) in [0, 1], any size; None where it may not be shown.
        boxes: True boxes, (N, 4), xyxy px of the prediction's frame.
        maps: Probability map (S, S) by system name.
        origin: What the pixels are, "phantom" or "images" (real radiographs).
    """

    film: np.ndarray | None
    boxes: np.ndarray
    maps: Mapping[str, np.ndarray]
    origin: str


def make_cases(
    ids: Sequence[str],
    data: PreparedSet,
    predictors: Mapping[str, Callable[[SegmentationSet], Iterable[Tensor]]],
    films: Mapping[str, Path],
    findings_kept: Sequence[str] | None = None,
) -> dict[str, Example]:
    """Predict a few films and put them beside their boxes, ready to draw.

    Args:
        ids: Which films.
        data: Their data set.
        predictors: System name to what yields its probability maps.
        films: Image id to file, read at full size for display; a real film is not
            even opened.
        findings_kept: Only boxes of these findings; all by default.

    Returns:
        Image id to its case.
    """
    ids = list(dict.fromkeys(ids))
    if not ids:
        return {}
    subset = SegmentationSet(data.store, data.findings, ids, findings_kept)
    source = data.findings.groupby("image_id").source.first()
    shown = {i for i in ids if source.get(i) == PHANTOM and i in films}
    maps = {
        name: torch.cat(list(predictor(subset)))[:, 0].numpy()
        for name, predictor in predictors.items()
    }
    return {
        image_id: Example(
            read_image(films[image_id]) if image_id in shown else None,
            subset.boxes(image_id).numpy(),
            {name: probs[row] for name, probs in maps.items()},
            PHANTOM if source.get(image_id) == PHANTOM else IMAGES,
        )
        for row, image_id in enumerate(ids)
    }


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
    """Choose a few films of each category of Fig. 15 by seed.

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


def figure_hero(cases: Sequence[Example], threshold: float) -> Figure:
    """Draw films in two columns, with boxes and predicted mask, for the front page.

    Args:
        cases: What to draw; at least one.
        threshold: Where to binarize.

    Returns:
        The figure, on a dark ground, as on a light box.
    """
    rows = -(-len(cases) // 2)
    fig, axs = style.new_figure(rows, 2, height_in=4.0 * rows)
    fig.set_facecolor(style.LIGHT_BOX)
    fig.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)
    for ax in axs.flat:
        ax.set_axis_off()
    for ax, case in zip(axs.flat, cases, strict=False):
        style.draw_film(ax, case.film)
        for probs in case.maps.values():
            style.draw_boxes(ax, case.boxes, probs.shape[0])
            style.draw_map(ax, probs, threshold, style.SKY)
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


def figure_cases(
    rows: Mapping[str, Sequence[Example]], threshold: float, per_row: int
) -> Viewer:
    """Show examples of each category in rows (Figs. 15 and 16).

    Args:
        rows: Category to its examples, at most `per_row`.
        threshold: Where to binarize.
        per_row: Columns.

    Returns:
        The films; categories without a case say "none found".
    """
    panels = {
        name: [case_panel(case, dict.fromkeys(case.maps, threshold)) for case in cases]
        for name, cases in rows.items()
    }
    return Viewer(panels, per_row)


def figure_11(
    rows: Mapping[str, Example],
    systems: Sequence[str],
    thresholds: Mapping[str, float],
) -> Viewer:
    """Show each system on each test case (Fig. 11).

    Args:
        rows: Row name to its case.
        systems: Systems to show, in the order of the columns.
        thresholds: Where to binarize, by system.

    Returns:
        One row of films per case, one film per system.
    """
    titles = {s: f"{s.replace('_', ' ')} at {thresholds[s]:g}" for s in systems}
    panels = {
        name: [case_panel(case, {s: thresholds[s]}, titles[s]) for s in systems]
        for name, case in rows.items()
    }
    return Viewer(panels, len(systems))


def figure_14(
    cases: Mapping[str, Example | None], thresholds: Mapping[str, float]
) -> Viewer:
    """Show one film per finding with its specialized model's mask (Fig. 14).

    Args:
        cases: Finding to its case; None where no test film shows it.
        thresholds: Where to binarize, by system.

    Returns:
        The films, with the masks of `specialized_<finding>`.
    """
    return Viewer({"": _finding_panels(cases, thresholds)}, 5)


def figure_14_before(
    cases: Mapping[str, Example | None], thresholds: Mapping[str, float]
) -> Viewer:
    """Show films with a model's mask before the custom loss, and after (Fig. 14).

    Args:
        cases: Finding to its case, with the maps of both models.
        thresholds: Where to binarize, by system.

    Returns:
        Two rows: `specialized_<finding>__cross_entropy`, then `specialized_<finding>`.
    """
    before = _finding_panels(cases, thresholds, "__cross_entropy")
    after = _finding_panels(cases, thresholds)
    panels = {"before: plain cross-entropy": before, "after: the custom loss": after}
    return Viewer(panels, len(cases))


def _finding_panels(
    cases: Mapping[str, Example | None],
    thresholds: Mapping[str, float],
    arm: str = "",
) -> list[Panel]:
    panels = []
    for finding, case in cases.items():
        name, system = DISPLAY_NAMES[finding], f"specialized_{finding}{arm}"
        if case is None:
            panels.append(Panel(None, PHANTOM, (), f"{name}: no test film shows it"))
        else:
            cut = thresholds[system]
            panels.append(case_panel(case, {system: cut}, f"{name}, at {cut:g}"))
    return panels
