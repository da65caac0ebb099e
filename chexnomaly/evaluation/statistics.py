"""One number per film of everything a table shows, and what they come to together."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import numpy as np
from scipy import stats

from chexnomaly import metrics
from chexnomaly.evaluation.intervals import entry, interval, share_entry
from chexnomaly.evaluation.scores import PAPER_THRESHOLD, ScoredSet
from chexnomaly.metrics import categories, classification, segmentation
from chexnomaly.results import Entry

AP_THRESHOLDS = (0.4, 0.5, 0.6, 0.7)

Statistic = Callable[[metrics.Scores], np.ndarray]


def _share_of(name: str, sort: Callable, scores: metrics.Scores) -> np.ndarray:
    return (sort(scores) == name).mean(-1)


CATEGORY_SHARES: dict[str, Statistic] = {
    f"{name.lower()}_share_{rule}": partial(_share_of, name, sort)
    for name in ("TP", "TN", "FP", "FN")
    for rule, sort in (
        ("strict", metrics.strict_categories),
        ("lenient", metrics.lenient_categories),
    )
}
"""Share of the films in each category, by either rule."""

PROPORTIONS = (*CATEGORY_SHARES, "partial_share", "outlier_share", "recall_any_pixel")
"""Shares of films, which get Wilson's interval: it has a width at 0 and 1 too."""

OPERATING_KEYS = (
    *("iou_a", "iou_b", "iou_c", "mae_hard", "f1_any_pixel", "f1_healthy"),
    *("pixel_precision", "predicted_share", "rectangularity"),
    *("hard_error_median", "hard_error_skewness", *PROPORTIONS),
)
"""What is also reported at the operating threshold."""


PAIRED_KEYS = (
    *("iou_a", "iou_c", "mae_soft", "mae_hard", "f1_any_pixel"),
    *("pixel_precision", "predicted_share", "rectangularity"),
)
"""What two systems are compared by."""


def statistics() -> dict[str, Statistic]:
    """Every statistic of a results file by its key; each reduces the last axis."""
    ious = {
        f"iou_{c.lower()}": partial(metrics.iou_statistic, convention=c)
        for c in metrics.IOU_CONVENTIONS
    }
    f1s = {f"f1_{r}": partial(metrics.f1_statistic, rule=r) for r in metrics.F1_RULES}
    return {
        **(ious | f1s | CATEGORY_SHARES),
        "mae_soft": metrics.mae_statistic,
        "mae_hard": partial(metrics.mae_statistic, hard=True),
        "partial_share": partial(_share_of, "50/50", categories.unseen_categories),
        "pixel_precision": segmentation.pixel_precision_statistic,
        "recall_any_pixel": classification.recall_statistic,
        "outlier_share": lambda s: (metrics.hard_error(s) > 0.04).mean(-1),
        "hard_error_median": lambda s: np.median(metrics.hard_error(s), -1),
        "hard_error_skewness": lambda s: stats.skew(metrics.hard_error(s), axis=-1),
        "rectangularity": categories.rectangularity,
        "predicted_share": partial(_area, ("tp", "fp")),
        "true_share": partial(_area, ("tp", "fn")),
    }


FILM_STATISTICS: dict[str, Statistic] = {
    "auc": classification.auc_statistic,
    "pointing": classification.pointing_statistic,
}
"""Of films whose patients are known: sick against healthy, and the highest pixel."""


def _area(kinds: tuple[str, str], scores: metrics.Scores) -> np.ndarray:
    total = sum(scores[name] for name in ("tp", "fp", "fn", "tn"))
    return ((scores[kinds[0]] + scores[kinds[1]]) / total).mean(-1)


def summarize(
    scored: ScoredSet,
    operating: float | None = None,
    resamples: int = 2000,
    keys: Iterable[str] = (),
) -> dict[str, Entry]:
    """Compute every statistic of a results file, with intervals.

    Args:
        scored: Per-image scores at the paper's threshold and the operating one.
        operating: The threshold chosen on validation; its keys end in "@operating".
        resamples: Bootstrap samples per interval.
        keys: Which statistics; all by default.

    Returns:
        Results entries by key; convention C counts abnormal images as its n.
    """
    table = statistics() | (FILM_STATISTICS if scored.patients else {})
    chosen = None if operating is None else [operating]
    values = _entries(table, keys or table, [scored], chosen, resamples)
    for key in values.keys() & {"iou_c", "iou_c@operating"}:
        scores = scored.scores[operating if "@" in key else PAPER_THRESHOLD]
        values[key]["n"] = int((scores["tp"] + scores["fn"] > 0).sum())
    for t in AP_THRESHOLDS if not keys else ():
        value = metrics.average_precision_of_boxes(scored.found, scored.truth, t)
        values[f"ap_{t}"] = entry(value, None, None, len(scored.ids))
    return values


def paired_differences(
    first: ScoredSet,
    second: ScoredSet,
    operating: tuple[float, float] | None = None,
    resamples: int = 2000,
    keys: Iterable[str] = (),
) -> dict[str, Entry]:
    """Compare two systems on the same films.

    Args:
        first: Scores of one system.
        second: Scores of the other, on the same ids in the same order.
        operating: Each system's own operating threshold.
        resamples: Bootstrap samples per interval.
        keys: Which statistics; by default `PAIRED_KEYS`, and `FILM_STATISTICS` where
            patients are known.

    Returns:
        First minus second by key, with paired intervals.

    Raises:
        ValueError: The films differ.
    """
    if first.ids != second.ids:
        raise ValueError("expected two systems scored on the same films, in one order")
    extra = FILM_STATISTICS if first.patients else {}
    table = {
        key: lambda a, b, s=statistic: s(a) - s(b)
        for key, statistic in (statistics() | extra).items()
    }
    keys = keys or (*PAIRED_KEYS, *extra)
    return _entries(table, keys, [first, second], operating, resamples)


def _entries(
    table: Mapping[str, Callable[..., np.ndarray]],
    keys: Iterable[str],
    scored: Sequence[ScoredSet],
    operating: Sequence[float] | None,
    resamples: int,
) -> dict[str, Entry]:
    """Compute statistics of one system or two, each at its thresholds."""
    thresholds = {"": [PAPER_THRESHOLD] * len(scored)}
    if operating is not None:
        thresholds["@operating"] = operating
    values, patients = {}, scored[0].patients
    for suffix, levels in thresholds.items():
        samples = [s.scores[t] for s, t in zip(scored, levels, strict=True)]
        for key in keys if not suffix else [k for k in keys if k in OPERATING_KEYS]:
            if key in PROPORTIONS and not patients:
                found = _proportion(key, table[key], samples[0])
            else:
                about = {"patients": patients, "resamples": resamples}
                found = interval(table[key], *samples, **about)
            values[key + suffix] = found
    return values


def _proportion(key: str, statistic: Statistic, scores: metrics.Scores) -> Entry:
    abnormal = scores["tp"] + scores["fn"] > 0
    n = int(abnormal.sum()) if key == "recall_any_pixel" else len(abnormal)
    return share_entry(round(np.nan_to_num(float(statistic(scores))) * n), n)
