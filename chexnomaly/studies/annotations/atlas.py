"""The convention atlas: one system, every reading of "Mean IOU", "F1" and "MAE".

Rows of it come from whole annotation tables and from systems of this build alike; each
carries its evidence level. What a share of normal films does to a score is computed
from the same per-image counts, by weighting abnormal and normal films.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from chexnomaly import metrics
from chexnomaly.evaluation.intervals import Entry
from chexnomaly.metrics.segmentation import IOU_CONVENTIONS, Scores
from chexnomaly.studies.annotations.audit import AUDIT_KEYS


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
        each key of `audit.AUDIT_KEYS`.
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
    """Give what a system scores when only the share of normal films changes.

    Args:
        scores: Per image, shape (N,) or (R, N), with abnormal and normal images.
        shares: Shares of normal films, in [0, 1).

    Returns:
        Index share; columns "A", "B", "C", "D", "f1_any_pixel", "f1_healthy",
        "mae_hard".
    """
    flat = {name: np.ravel(scores[name]) for name in ("tp", "fp", "fn", "tn")}
    each = pd.DataFrame(flat)
    each["ill"], each["flagged"] = each.tp + each.fn > 0, each.tp + each.fp > 0
    each["hit"], each["clear"] = each.ill & each.flagged, ~each.ill & ~each.flagged
    each["iou"] = each.tp / (each.tp + each.fp + each.fn).clip(1)  # 0 on normal films
    means = each.astype(float).groupby(each.ill).mean()
    normal, ill = means.to_numpy()
    share = np.array(shares)[:, None]
    index = pd.Index(shares, name="share")
    mixed = pd.DataFrame((1 - share) * ill + share * normal, index, each.columns)
    pixels = {name: mixed[[name]].to_numpy() for name in flat}
    table = {
        "A": mixed.iou + mixed.clear,
        "B": metrics.iou_statistic(pixels, "B"),
        "C": means.iou[True],
        "D": mixed.iou,
        "f1_any_pixel": 2 * mixed.hit / (mixed.ill + mixed.flagged),
        "f1_healthy": 2 * mixed.clear / (2 - mixed.ill - mixed.flagged),
        "mae_hard": (mixed.fp + mixed.fn) / mixed[[*flat]].sum(axis=1),
    }
    return pd.DataFrame(table, mixed.index)
