"""From scores of scans to statistics, intervals and comparisons."""

from chexnomaly.evaluation.intervals import (
    interval,
    share_entry,
)
from chexnomaly.evaluation.scores import (
    PAPER_THRESHOLD,
    THRESHOLDS,
    ScoredSet,
    choose_threshold,
    predict,
    score,
    score_set,
)
from chexnomaly.evaluation.statistics import (
    AP_THRESHOLDS,
    OPERATING_KEYS,
    PAIRED_KEYS,
    Statistic,
    paired_differences,
    statistics,
    summarize,
)

__all__ = [
    "AP_THRESHOLDS",
    "OPERATING_KEYS",
    "PAIRED_KEYS",
    "PAPER_THRESHOLD",
    "ScoredSet",
    "Statistic",
    "THRESHOLDS",
    "choose_threshold",
    "interval",
    "paired_differences",
    "predict",
    "score",
    "score_set",
    "share_entry",
    "statistics",
    "summarize",
]
