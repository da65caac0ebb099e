"""Who is best on which kind of film (Fig. 11)."""

from collections.abc import Mapping

import numpy as np

from chexnomaly.metrics.segmentation import Scores, hard_error, iou_per_image

KINDS_OF_FILM = ("unseen", "many", "one", "healthy")
"""The four kinds of Fig. 11: an unseen disease, many findings, one, none."""


def best_share(scores: Mapping[str, Scores], system: str, rows: np.ndarray) -> float:
    """Share of films on which a system is alone at the top.

    Args:
        scores: Per-image scores of each system on the same films.
        system: The one in question.
        rows: Which films, indices.

    Returns:
        The share in [0, 1]; NaN without films. An abnormal film is won by the highest
        IoU, a healthy one by the fewest wrong pixels; a tie is no win.
    """
    if len(rows) == 0:
        return float("nan")
    merits = {name: _merit(table)[rows] for name, table in scores.items()}
    rivals = np.max([m for name, m in merits.items() if name != system], axis=0)
    return float((merits[system] > rivals).mean())


def _merit(table: Scores) -> np.ndarray:
    overlap = iou_per_image(table)
    return np.where(np.isnan(overlap), -hard_error(table), overlap)
