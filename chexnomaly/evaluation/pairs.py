"""Scores of a pair classifier: Table IV's accuracy and MAE, and what they leave out."""

import numpy as np
import pandas as pd
from scipy import stats

from chexnomaly.evaluation.intervals import entry, interval
from chexnomaly.metrics import Scores
from chexnomaly.results import Entry


def accuracy(scores: Scores, axis: int = -1) -> np.ndarray:
    """Share of pairs whose probability of "similar" falls on the right side of 0.5."""
    return ((scores["prob"] > 0.5) == (scores["similar"] == 1)).mean(axis)


def absolute_error(scores: Scores, axis: int = -1) -> np.ndarray:
    """Mean of |probability of "similar" - label|."""
    return np.abs(scores["prob"] - scores["similar"]).mean(axis)


def auc(scores: Scores, axis: int = -1) -> np.ndarray:
    """Chance that a similar pair gets a higher probability than a dissimilar one.

    Ties count half; NaN where one of the two kinds is missing.
    """
    ranks = stats.rankdata(scores["prob"], axis=axis)
    similar = scores["similar"] == 1
    positives = similar.sum(axis).astype(np.float64)
    negatives = similar.shape[axis] - positives
    wins = np.where(similar, ranks, 0).sum(axis) - positives * (positives + 1) / 2
    both = np.where(positives * negatives == 0, np.nan, positives * negatives)
    return wins / both


def summarize_pairs(table: pd.DataFrame, resamples: int = 2000) -> dict[str, Entry]:
    """Compute the results entries of a pair classifier.

    Args:
        table: From `systems.score_pairs`.
        resamples: Bootstrap samples; pairs are resampled, so that films that occur in
            several pairs make the intervals somewhat too narrow.

    Returns:
        "accuracy", "mae_soft", "auc", and "majority_share", what always giving the
        commoner class would be right for.
    """
    scores = {name: table[name].to_numpy(np.float64) for name in ("prob", "similar")}
    share = float(table.similar.mean())
    return {
        "accuracy": interval(accuracy, scores, resamples=resamples),
        "mae_soft": interval(absolute_error, scores, resamples=resamples),
        "auc": interval(auc, scores, resamples=resamples),
        "majority_share": entry(max(share, 1 - share), None, None, len(table)),
    }
