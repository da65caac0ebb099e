"""One number per scan of everything a table shows, and what they come to together."""

from collections.abc import Callable

import numpy as np
from scipy import stats

from chexnomaly import metrics
from chexnomaly.evaluation.intervals import interval, number
from chexnomaly.evaluation.scores import PAPER_THRESHOLD, ScoredSet
from chexnomaly.metrics.categories import (
    lenient_categories,
    unseen_categories,
)

AP_THRESHOLDS = (0.4, 0.5, 0.6, 0.7)


OPERATING_KEYS = (
    *("iou_a", "iou_b", "iou_c", "mae_hard", "f1_any_pixel", "f1_healthy"),
    *("pixel_precision", "recall_any_pixel", "predicted_share"),
)
"""What is also reported at the operating threshold."""


Statistic = Callable[[metrics.Scores], np.ndarray]


def statistics() -> dict[str, Statistic]:
    """Every statistic of a results file by its key; each reduces the last axis."""
    table: dict[str, Statistic] = {}
    for c in metrics.IOU_CONVENTIONS:
        table[f"iou_{c.lower()}"] = lambda s, c=c: metrics.iou_statistic(s, c)
    table["mae_soft"] = metrics.mae_statistic
    table["mae_hard"] = lambda s: metrics.mae_statistic(s, hard=True)
    for rule in metrics.F1_RULES:
        table[f"f1_{rule}"] = lambda s, r=rule: metrics.f1_statistic(s, r)
    for name in ("TP", "TN", "FP", "FN"):
        table[f"{name.lower()}_share_strict"] = lambda s, n=name: (
            metrics.strict_categories(s) == n
        ).mean(-1)
        table[f"{name.lower()}_share_lenient"] = lambda s, n=name: (
            lenient_categories(s) == n
        ).mean(-1)
    table["partial_share"] = lambda s: (unseen_categories(s) == "50/50").mean(-1)
    table["pixel_precision"] = metrics.pixel_precision_statistic
    table["recall_any_pixel"] = metrics.recall_statistic
    table["outlier_share"] = lambda s: (metrics.hard_error(s) > 0.04).mean(-1)
    table["hard_error_median"] = lambda s: np.median(metrics.hard_error(s), -1)
    table["hard_error_skewness"] = lambda s: stats.skew(metrics.hard_error(s), axis=-1)
    table["predicted_share"] = lambda s: _share(s, "tp", "fp")
    table["true_share"] = lambda s: _share(s, "tp", "fn")
    return table


def _share(scores: metrics.Scores, first: str, second: str) -> np.ndarray:
    total = sum(scores[name] for name in ("tp", "fp", "fn", "tn"))
    return ((scores[first] + scores[second]) / total).mean(-1)


def summarize(
    scored: ScoredSet, operating: float | None = None, resamples: int = 2000
) -> dict[str, dict[str, float | int | None]]:
    """Compute every statistic of a results file, with intervals.

    Args:
        scored: Per-image scores at the paper's threshold and the operating one.
        operating: The threshold chosen on validation; its keys end in "@operating".
        resamples: Bootstrap samples per interval.

    Returns:
        Results entries by key; convention C counts abnormal images as its n.
    """
    values = {}
    suffixes = {"": PAPER_THRESHOLD} | (
        {} if operating is None else {"@operating": operating}
    )
    for suffix, threshold in suffixes.items():
        scores = scored.scores[threshold]
        abnormal = int((scores["tp"] + scores["fn"] > 0).sum())
        for key, statistic in statistics().items():
            if suffix and key not in OPERATING_KEYS:
                continue
            entry = interval(statistic, scores, resamples=resamples)
            values[key + suffix] = entry | ({"n": abnormal} if key == "iou_c" else {})
    for t in AP_THRESHOLDS:
        value = metrics.average_precision_of_boxes(scored.found, scored.truth, t)
        values[f"ap_{t}"] = {
            "value": number(value),
            "low": None,
            "high": None,
            "n": len(scored.ids),
        }
    return values


PAIRED_KEYS = (
    *("iou_a", "iou_c", "mae_soft", "mae_hard", "f1_any_pixel"),
    *("pixel_precision", "predicted_share"),
)


def paired_differences(
    first: ScoredSet,
    second: ScoredSet,
    operating: tuple[float, float] | None = None,
    resamples: int = 2000,
) -> dict[str, dict[str, float | int | None]]:
    """Compare two systems on the same scans.

    Args:
        first: Scores of one system.
        second: Scores of the other, on the same ids in the same order.
        operating: Each system's own operating threshold.
        resamples: Bootstrap samples per interval.

    Returns:
        First minus second by key, with paired intervals.

    Raises:
        ValueError: The scans differ.
    """
    if first.ids != second.ids:
        raise ValueError("expected two systems scored on the same scans, in one order")
    thresholds = {"": (PAPER_THRESHOLD, PAPER_THRESHOLD)}
    if operating is not None:
        thresholds["@operating"] = operating
    table, values = statistics(), {}
    for suffix, (a, b) in thresholds.items():
        for key in PAIRED_KEYS:
            if suffix and key not in OPERATING_KEYS:
                continue
            statistic = table[key]
            values[key + suffix] = interval(
                lambda x, y, s=statistic: s(x) - s(y),
                first.scores[a],
                second.scores[b],
                resamples=resamples,
            )
    return values
