"""The convention atlas: one system, every reading of "Mean IOU", "F1" and "MAE".

Rows of it come from whole annotation tables and from systems of this build alike; each
carries its evidence level. What a share of normal scans does to a score is computed
from the same per-image counts, by weighting abnormal and normal scans.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from chexnomaly import metrics
from chexnomaly.evaluation.intervals import Entry
from chexnomaly.metrics.segmentation import IOU_CONVENTIONS, Scores
from chexnomaly.studies.annotations.draws import AUDIT_KEYS


def atlas_rows(
    printed: Mapping[str, float],
    groups: Mapping[str, Mapping[str, Mapping[str, Entry]]],
) -> pd.DataFrame:
    """Lay printed and measured systems out as rows, one convention per column.

    Args:
        printed: System to its printed mean IoU, whose convention is not known.
        groups: Source and evidence level to system to results entries.

    Returns:
        Columns "group", "system", "printed" and "A" to "E" (one or the other NaN), and
        each key of `draws.AUDIT_KEYS`.
    """
    rows = [
        {"group": "printed, convention unknown", "system": name, "printed": value}
        for name, value in printed.items()
    ]
    for group, systems in groups.items():
        for name, entries in systems.items():
            values = {key: entries[key]["value"] for key in AUDIT_KEYS}
            values |= {c: values[f"iou_{c.lower()}"] for c in IOU_CONVENTIONS}
            rows.append({"group": group, "system": name} | values)
    columns = ["group", "system", "printed", *IOU_CONVENTIONS, *AUDIT_KEYS]
    return pd.DataFrame(rows, columns=columns)


def as_table(rows: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Lay the measured rows of `atlas_rows` out for a person to read.

    Args:
        rows: From `atlas_rows`; printed ones are left out.
        columns: Results key to heading.

    Returns:
        Index (group, system); values to three digits.
    """
    measured = rows[rows.printed.isna()].set_index(["group", "system"])
    shown = measured[[*columns]].rename(columns=columns)
    return shown.map("{:.3f}".format, na_action="ignore").fillna("–")


def with_normal_share(scores: Scores, shares: Sequence[float]) -> pd.DataFrame:
    """Give what a system scores when only the share of normal scans changes.

    Args:
        scores: Per image, shape (N,) or (R, N), with abnormal and normal images.
        shares: Shares of normal scans, in [0, 1).

    Returns:
        Index share; columns "A", "B", "C", "D", "f1_any_pixel", "f1_healthy",
        "mae_hard".
    """
    flat = {name: np.ravel(values) for name, values in scores.items()}
    ill = flat["tp"] + flat["fn"] > 0
    means = [_means({n: v[rows] for n, v in flat.items()}) for rows in (ill, ~ill)]
    rows = [_mixture(*means, float(share)) for share in shares]
    return pd.DataFrame(rows, index=pd.Index(shares, name="share"))


def _means(scores: Scores) -> dict[str, float]:
    counts = {name: scores[name].mean() for name in ("tp", "fp", "fn", "tn")}
    return counts | {
        "iou": metrics.iou_statistic(scores, "D"),
        "flagged": np.mean(scores["tp"] + scores["fp"] > 0),
    }


def _mixture(ill: dict, normal: dict, share: float) -> dict[str, float]:
    """Weight the means of abnormal and of normal scans."""
    pixels = {
        name: (1 - share) * ill[name] + share * normal[name]
        for name in ("tp", "fp", "fn", "tn")
    }
    wrong = pixels["fp"] + pixels["fn"]
    found, alarms = (1 - share) * ill["flagged"], share * normal["flagged"]
    clear = share - alarms
    positives = max(1 - share + found + alarms, 1e-12)
    negatives = share + clear + (1 - share - found)
    one = {name: np.array([value]) for name, value in pixels.items()}
    return {
        "A": (1 - share) * ill["iou"] + clear,
        "B": float(metrics.iou_statistic(one, "B")),
        "C": ill["iou"],
        "D": (1 - share) * ill["iou"],
        "f1_any_pixel": 2 * found / positives,
        "f1_healthy": 2 * clear / negatives if negatives else np.nan,
        "mae_hard": wrong / sum(pixels.values()),
    }
