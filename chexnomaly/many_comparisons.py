"""Two systems compared on the scans of many findings at once.

Among fourteen tests at 5 % one in two would find something by chance alone. The
p-values are therefore adjusted together, by Benjamini and Hochberg's procedure: of the
comparisons called different at 5 %, at most 5 % are expected to be chance.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from chexnomaly.evaluation import ScoredSet
from chexnomaly.intervals import mean_entry


def abnormal_ious(scored: ScoredSet, threshold: float) -> np.ndarray:
    """Give the overlap with the mask on each abnormal scan, which C is the mean of.

    Args:
        scored: Per-image scores.
        threshold: One of its thresholds.

    Returns:
        Shape (number of abnormal scans,), in [0, 1].
    """
    scores = scored.scores[threshold]
    true = scores["tp"] + scores["fn"]
    union = true + scores["fp"]
    return (scores["tp"][true > 0] / union[true > 0]).astype(np.float64)


def compare_all(pairs: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> pd.DataFrame:
    """Compare two systems in several groups of scans.

    Args:
        pairs: Name of a group to the values of either system, scan by scan in one
            order, shape (N,) each.

    Returns:
        Index group. "difference", "low", "high": mean of first minus second with
        Student's 95 % interval; "n": scans; "p": Wilcoxon's signed-rank test, two
        sides; "p, adjusted". NaN where no two values differ.
    """
    rows = {name: _compare(*values) for name, values in pairs.items()}
    table = pd.DataFrame.from_dict(rows, orient="index").astype(float)
    table = table.astype({"n": int})
    known = table["p"].notna()
    table["p, adjusted"] = np.nan
    if known.any():
        adjusted = stats.false_discovery_control(table.loc[known, "p"])
        table.loc[known, "p, adjusted"] = adjusted
    return table


def _compare(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    gaps = np.asarray(first, dtype=np.float64) - second
    entry = mean_entry(gaps)
    p = stats.wilcoxon(gaps).pvalue if np.any(gaps) else np.nan
    return {
        "difference": entry["value"],
        "low": entry["low"],
        "high": entry["high"],
        "n": len(gaps),
        "p": float(p),
    }
