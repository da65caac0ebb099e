"""Two systems compared on the films of many findings at once.

Among fourteen tests at 5 % one in two would find something by chance alone. The
p-values are therefore adjusted together, by Benjamini and Hochberg's procedure: of the
comparisons called different at 5 %, at most 5 % are expected to be chance.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from chexnomaly.evaluation.intervals import mean_entry
from chexnomaly.evaluation.scores import ScoredSet
from chexnomaly.metrics.segmentation import Scores, hard_error, iou_per_image


def abnormal_ious(scored: ScoredSet, threshold: float) -> np.ndarray:
    """Give the overlap with the mask on each abnormal film, which C is the mean of.

    Args:
        scored: Per-image scores.
        threshold: One of its thresholds.

    Returns:
        Shape (number of abnormal films,), in [0, 1].
    """
    ious = iou_per_image(scored.scores[threshold])
    return ious[~np.isnan(ious)]


def compare_all(pairs: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> pd.DataFrame:
    """Compare two systems in several groups of films.

    Args:
        pairs: Name of a group to the values of either system, film by film in one
            order, shape (N,) each.

    Returns:
        Index group. "difference", "low", "high": mean of first minus second with
        Student's 95 % interval; "n": films; "p": Wilcoxon's signed-rank test, two
        sides; "p, adjusted". NaN where no two values differ.
    """
    gaps = {name: np.subtract(*map(np.asarray, pair)) for name, pair in pairs.items()}
    table = pd.DataFrame({name: mean_entry(gap) for name, gap in gaps.items()}).T
    table = table.rename(columns={"value": "difference"}).astype(float)
    signed = {k: stats.wilcoxon(gap).pvalue for k, gap in gaps.items() if np.any(gap)}
    table["p"] = pd.Series(signed, dtype=float)
    known = table["p"].dropna()
    adjusted = stats.false_discovery_control(known) if len(known) else known
    table["p, adjusted"] = pd.Series(adjusted, known.index)
    return table.astype({"n": int})


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
