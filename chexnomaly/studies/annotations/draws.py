"""What a predictor scores on a whole table, and on test sets drawn from it.

A whole table is no sample, so its values have no interval. A drawn set has one: the
range of the middle 95 % of many draws, which says how far a test set of that size
moves a score that is fixed.
"""

import numpy as np

from chexnomaly.evaluation.intervals import Entry, entry
from chexnomaly.evaluation.statistics import statistics
from chexnomaly.metrics.classification import F1_RULES
from chexnomaly.metrics.segmentation import IOU_CONVENTIONS, Scores

AUDIT_KEYS = (
    *(f"iou_{convention.lower()}" for convention in IOU_CONVENTIONS),
    *("mae_soft", "mae_hard"),
    *(f"f1_{rule}" for rule in F1_RULES),
    *("recall_any_pixel", "pixel_precision", "predicted_share", "true_share"),
)
"""What is computed: every convention of the metrics, and what explains them."""


def draw_sets(
    abnormal: np.ndarray, positives: int, negatives: int, draws: int, seed: int
) -> np.ndarray:
    """Draw test sets with a fixed number of abnormal and of normal images.

    Args:
        abnormal: Whether each image is, bool, shape (N,).
        positives: Abnormal images per set.
        negatives: Normal images per set.
        draws: Number of sets, D.
        seed: Seed of the draws.

    Returns:
        Positions of images, shape (D, positives + negatives); no image twice in a set.

    Raises:
        ValueError: There are fewer images of a kind than a set needs.
    """
    rng = np.random.default_rng(seed)
    pools = np.flatnonzero(abnormal), np.flatnonzero(~abnormal)
    kinds = list(zip(pools, (positives, negatives), strict=True))
    for pool, wanted in kinds:
        if len(pool) < wanted:
            raise ValueError(f"expected {wanted} images of a kind, got {len(pool)}")
    sets = [
        [rng.choice(pool, n, replace=False, shuffle=False) for pool, n in kinds]
        for _ in range(draws)
    ]
    return np.array([np.concatenate(parts) for parts in sets])


def whole_entries(scores: Scores, rows: np.ndarray | None = None) -> dict[str, Entry]:
    """Compute every value of `AUDIT_KEYS` on a whole table.

    Args:
        scores: Shape (N,), or (R, N): values are then means over the first axis.
        rows: Which images, bool, shape (N,); all by default.

    Returns:
        Entries without interval; undefined values are None.
    """
    if rows is not None:
        scores = {name: values[..., rows] for name, values in scores.items()}
    n = next(iter(scores.values())).shape[-1]
    return {
        key: entry(np.mean(values), None, None, n)
        for key, values in _values(scores).items()
    }


def drawn_entries(scores: Scores, sets: np.ndarray) -> dict[str, Entry]:
    """Compute every value of `AUDIT_KEYS` on drawn test sets.

    Args:
        scores: Shape (N,) or (R, N).
        sets: From `draw_sets`, shape (D, n).

    Returns:
        Entries: the mean over the draws and the range of their middle 95 %; n is the
        size of one set. A value that some draw leaves undefined is None.
    """
    drawn = {name: values[..., sets] for name, values in scores.items()}
    entries = {}
    for key, values in _values(drawn).items():
        each = values.reshape(-1, len(sets)).mean(axis=0)
        low, high = np.percentile(each, [2.5, 97.5])
        entries[key] = entry(each.mean(), low, high, sets.shape[1])
    return entries


def _values(scores: Scores) -> dict[str, np.ndarray]:
    table = statistics()
    return {key: np.asarray(table[key](scores)) for key in AUDIT_KEYS}
