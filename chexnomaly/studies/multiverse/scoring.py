"""Readings of the paper that need no training: how predictions are scored.

The paper names no convention for "mean IOU", no threshold, no rule that turns three
readers into one mask, and does not say whether its box transform is applied when it
tests. Every combination of these is a paper that could have been written; `readings`
scores a system under all of them.
"""

from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from chexnomaly import metrics
from chexnomaly.boxes import rectangularize
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.metrics.segmentation import IOU_CONVENTIONS, Scores

READER_RULES = {"union": "union", "two readers": 2, "first reader": "first"}
"""Readers' rule to what a data set is told; the first is the register's."""

SWEEP = tuple(round(0.1 * k, 1) for k in range(1, 10))
"""Thresholds of the readings, beside the one chosen on validation."""


def masks_of(scans: SegmentationSet) -> dict[str, Tensor]:
    """Draw every film's mask under every readers' rule; (N, 1, S, S) each."""
    return {
        name: torch.from_numpy(
            np.stack([scans.reader_mask(i, rule) for i in scans.ids])
        ).unsqueeze(1)
        for name, rule in READER_RULES.items()
    }


def readings(
    maps: Tensor, masks: Mapping[str, Tensor], operating: float, min_area: int
) -> pd.DataFrame:
    """Score one system's maps under every combination of readings.

    Args:
        maps: Probabilities, (N, 1, S, S).
        masks: Readers' rule to masks, (N, 1, S, S).
        operating: The threshold chosen on validation.
        min_area: Smallest component that the transform takes, px.

    Returns:
        Columns "convention", "threshold" (a number in words, or "operating"),
        "masks", "transform" (bool: also when testing) and "iou".
    """
    thresholds = {f"{t:.1f}": t for t in SWEEP} | {"operating": operating}
    flat = {rule: mask.flatten(1).numpy() > 0 for rule, mask in masks.items()}
    rows = []
    for (name, threshold), boxed in product(thresholds.items(), (False, True)):
        shown = rectangularize(maps, threshold, min_area) if boxed else maps
        probs = shown.flatten(1).numpy()
        for rule, mask in flat.items():
            scores = _counts(probs, mask, threshold)
            for convention in IOU_CONVENTIONS:
                value = float(metrics.iou_statistic(scores, convention))
                rows.append((convention, name, rule, boxed, value))
    columns = ["convention", "threshold", "masks", "transform", "iou"]
    return pd.DataFrame(rows, columns=columns)


def _counts(probs: np.ndarray, mask: np.ndarray, threshold: float) -> Scores:
    """Count as `metrics.image_scores` does, ten times faster in single precision.

    Args:
        probs: (N, pixels).
        mask: The same shape, bool.
        threshold: A pixel is predicted when it is strictly above.

    Returns:
        What `metrics.iou_statistic` needs, (N,) each.
    """
    counts = metrics.count_pixels(probs > threshold, mask)
    true = mask.sum(1)
    overlap = np.einsum("np,np->n", probs, mask.astype(np.float32))
    soft = (overlap + 1) / (probs.sum(1) + true - overlap + 1)
    tn = probs.shape[1] - sum(counts.values())
    return counts | {"tn": tn, "soft_iou": soft.astype(np.float64)}


DEFAULT_READING = {
    "convention": "C",
    "threshold": "operating",
    "masks": "union",
    "transform": False,
}
"""The register's reading, with the threshold that every system is given."""


def is_default(table: pd.DataFrame) -> pd.Series:
    """Tell which rows of `readings` are the register's; (rows,), bool."""
    return (table[[*DEFAULT_READING]] == pd.Series(DEFAULT_READING)).all(axis=1)


def is_first(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Tell under which readings each system is alone in front.

    Args:
        tables: System to its `readings`, rows in one order.

    Returns:
        One row per reading, one column per system, bool.
    """
    wide = pd.DataFrame({name: table.iou for name, table in tables.items()})
    return wide.rank(axis=1, method="max", ascending=False) == 1
