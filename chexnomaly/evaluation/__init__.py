"""From scores of films to statistics, intervals and comparisons."""

from chexnomaly.evaluation.intervals import interval, share_entry
from chexnomaly.evaluation.scores import (
    PAPER_THRESHOLD,
    THRESHOLDS,
    ScoredSet,
    choose_threshold,
    operating_threshold,
    predict,
    predict_ensemble,
    score,
    score_set,
)
from chexnomaly.evaluation.statistics import paired_differences, statistics, summarize
