"""Scores of a pair classifier: Table IV's accuracy and MAE, and what they leave out."""

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader

from chexnomaly import metrics
from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.evaluation.intervals import entry, interval
from chexnomaly.metrics import Scores
from chexnomaly.results import Entry


@torch.no_grad()
def score_pairs(
    model: nn.Module, pairs: PairsSet, batch_size: int = 16
) -> pd.DataFrame:
    """Run a Siamese network over pairs.

    Args:
        model: A Siamese network.
        pairs: The pairs.
        batch_size: Pairs per batch.

    Returns:
        One row per pair, in order: "first" and "second" (image ids), "similar" (0 or
        1), "prob" (of similar, in [0, 1]) and "distance".
    """
    model.eval()
    device = next(model.parameters()).device
    table = pd.DataFrame(pairs.ids, columns=["first", "second"])
    parts = []
    for first, second, similar in DataLoader(pairs, batch_size=batch_size):
        logits, distance = model(first.to(device), second.to(device))
        scores = (torch.sigmoid(logits).float().cpu(), distance.float().cpu())
        parts.append(torch.stack([similar, *scores], dim=1))
    table[["similar", "prob", "distance"]] = torch.cat(parts).double().numpy()
    return table.astype({"similar": int})


def accuracy(scores: Scores, axis: int = -1) -> np.ndarray:
    """Share of pairs whose probability of "similar" falls on the right side of 0.5."""
    return ((scores["prob"] > 0.5) == (scores["similar"] == 1)).mean(axis)


def absolute_error(scores: Scores, axis: int = -1) -> np.ndarray:
    """Mean of |probability of "similar" - label|."""
    return np.abs(scores["prob"] - scores["similar"]).mean(axis)


def auc(scores: Scores, axis: int = -1) -> np.ndarray:
    """Chance that a similar pair gets a higher probability; see `metrics.auc`."""
    return metrics.auc(scores["prob"], scores["similar"] == 1, axis)


def summarize_pairs(table: pd.DataFrame, resamples: int = 2000) -> dict[str, Entry]:
    """Compute the results entries of a pair classifier.

    Args:
        table: From `score_pairs`.
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
