"""The gallery: test cases by finding, by system and by outcome.

Cases are chosen by a seeded rule from the annotations alone. Outcomes are those of
the scores that were measured, at the operating threshold that the masks are drawn at.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from chexnomaly import metrics
from chexnomaly.figures.predictions import Example
from chexnomaly.figures.viewer import Panel, Viewer, boxes_layer, mask_layer
from chexnomaly.labels import DISPLAY_NAMES, NO_FINDING, spoken

OUTCOMES = {
    "TP": "TP: touched, or found",
    "FN": "FN: missed",
    "50/50": "50/50: some regions found",
    "FP": "FP: false alarm",
    "TN": "TN: rightly left alone",
}
"""Every outcome, and what it means."""


@dataclass(frozen=True)
class Exhibit:
    """One case of the gallery.

    Attributes:
        case: Film, boxes, maps.
        group: Its data set, in words.
        findings: Finding keys that any reader gave it.
        judged: System to strict outcome, lenient outcome and IoU (NaN where the film
            is healthy), by `judge`.
    """

    case: Example
    group: str
    findings: Sequence[str]
    judged: Mapping[str, Sequence]


def choose_gallery(
    findings: pd.DataFrame,
    ids: Sequence[str],
    per_finding: int,
    n_healthy: int,
    seed: int,
) -> list[str]:
    """Choose films so that every finding is there a few times, and healthy ones too.

    Args:
        findings: Findings table.
        ids: Films to choose from.
        per_finding: Films with each finding, or all where there are fewer. A film
            counts for each of its findings; the rarest finding chooses first.
        n_healthy: Films on which no reader found anything.
        seed: Seed of the choice.

    Returns:
        Image ids, sorted.
    """
    table = findings[findings.image_id.isin(ids) & (findings.finding != NO_FINDING)]
    holders = table.groupby("finding").image_id.unique().apply(sorted)
    rng = np.random.default_rng(seed)
    chosen: set[str] = set()
    for found in sorted(holders, key=lambda found: (len(found), found)):
        missing = per_finding - len(chosen.intersection(found))
        spare = sorted(set(found) - chosen)
        chosen.update(rng.permutation(spare)[: max(0, missing)].tolist())
    healthy = sorted(set(ids) - set(table.image_id))
    chosen.update(rng.permutation(healthy)[:n_healthy].tolist())
    return sorted(chosen)


def judge(
    ids: Sequence[str], scores: metrics.Scores, lenient: Callable
) -> dict[str, tuple[str, str, float]]:
    """Say how each film came out.

    Args:
        ids: Its films.
        scores: Per-image scores, of the same order.
        lenient: The lenient rule of the set, from `metrics.categories`.

    Returns:
        Image id to strict outcome, lenient outcome and IoU (NaN for a healthy film).
    """
    strict, overlap = metrics.strict_categories(scores), metrics.iou_per_image(scores)
    judged = zip(strict, lenient(scores), overlap, strict=True)
    return dict(zip(ids, judged, strict=True))


def figure_gallery(
    entries: Sequence[Exhibit], thresholds: Mapping[str, float]
) -> Viewer:
    """Lay the cases out, with filters.

    Args:
        entries: What to show.
        thresholds: Where to binarize, by system; the first is shown at first.

    Returns:
        The films.
    """
    panels = [_panel(entry, thresholds) for entry in entries]
    return Viewer({"": panels}, 6, _filters(entries, list(thresholds)))


def _panel(entry: Exhibit, thresholds: Mapping[str, float]) -> Panel:
    case, first = entry.case, next(iter(thresholds))
    size = case.maps[first].shape[::-1]
    masks = [  # coarser outlines: the page holds hundreds
        mask_layer(case.maps[name], threshold, name, tolerance_px=0.5)
        for name, threshold in thresholds.items()
    ]
    data = {"set": entry.group, "findings": " ".join(entry.findings)}
    for name, (strict, lenient, overlap) in entry.judged.items():
        data[f"of_{name}"] = f"{strict} {lenient} {_overlap(overlap)}"
    _, lenient, overlap = entry.judged[first]
    below = (
        f'<p class="xray-title xray-said"><span class="xray-outcome"'
        f' data-outcome="{lenient}">{lenient}</span> <span class="xray-overlap">'
        f"{'' if np.isnan(overlap) else f'IoU {_overlap(overlap)}'}</span></p>"
    )
    title = ", ".join(DISPLAY_NAMES[finding] for finding in entry.findings)
    boxes = boxes_layer("readers", case.boxes, size, "boxes of readers")
    return Panel(case.film, case.origin, (boxes, *masks), title, data, first, below)


def _overlap(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.2f}"


def _filters(entries: Sequence[Exhibit], systems: Sequence[str]) -> str:
    there = {finding for entry in entries for finding in entry.findings}
    findings = {f: name for f, name in DISPLAY_NAMES.items() if f in there}
    groups = {entry.group: entry.group for entry in entries}
    choices = (
        ("finding", "Finding", {"": "any"} | findings),
        ("set", "Scans", {"": "all"} | groups),
        ("system", "System", {s: spoken(s) for s in systems}),
        ("rule", "Rule", {"lenient": "lenient: touched at all", "strict": "strict"}),
        ("outcome", "Outcome", {"": "any"} | OUTCOMES),
    )
    selects = "".join(_select(*choice) for choice in choices)
    return (
        f'<form class="xray-filters" hidden>{selects}'
        '<button type="reset">Reset</button><output></output></form>'
    )


def _select(name: str, label: str, options: Mapping[str, str]) -> str:
    written = "".join(
        f'<option value="{escape(value)}">{escape(text)}</option>'
        for value, text in options.items()
    )
    return f'<label>{label}<select name="{name}">{written}</select></label>'
