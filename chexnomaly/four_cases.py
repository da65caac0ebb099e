"""Fig. 11 as a test: how often is a system best, over many scans of each kind?

Four scans picked by hand cannot show that one system "consistently surpasses all
other models"; shares over random scans of the same four kinds can.
"""

from collections.abc import Mapping

import numpy as np

from chexnomaly.metrics import Scores, hard_error

ROWS = ("unseen", "many", "one", "healthy")
"""The four kinds of Fig. 11: an unseen disease, many findings, one, none."""


def best_share(scores: Mapping[str, Scores], system: str, rows: np.ndarray) -> float:
    """Share of scans on which a system is alone at the top.

    Args:
        scores: Per-image scores of each system on the same scans.
        system: The one in question.
        rows: Which scans, indices.

    Returns:
        The share in [0, 1]; NaN without scans. An abnormal scan is won by the highest
        IoU, a healthy one by the fewest wrong pixels; a tie is no win.
    """
    if len(rows) == 0:
        return float("nan")
    merits = {name: _merit(table)[rows] for name, table in scores.items()}
    rivals = np.max([m for name, m in merits.items() if name != system], axis=0)
    return float((merits[system] > rivals).mean())


def _merit(table: Scores) -> np.ndarray:
    union = table["tp"] + table["fp"] + table["fn"]
    overlap = table["tp"] / np.where(union == 0, 1, union)
    abnormal = table["tp"] + table["fn"] > 0
    return np.where(abnormal, overlap, -hard_error(table))
