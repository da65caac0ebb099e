"""The metrics of the paper, under every reading that its text allows.

"Mean IOU" can mean five things (conventions A to E), "F1 score" five more. All are
computed from the same per-image pixel counts, so that a reader can compare them on
the same predictions. `image_scores` counts; the statistics below it turn counts of
N images into one number, along an axis, so that a bootstrap can resample them.

Departures from the paper: none can be named, since Section V defines no metric.
"""

import numpy as np
from torch import Tensor

IOU_CONVENTIONS = ("A", "B", "C", "D", "E")

Scores = dict[str, np.ndarray]


def image_scores(probs: Tensor, mask: Tensor, threshold: float = 0.5) -> Scores:
    """Count, image by image, what every metric below needs.

    Args:
        probs: Probabilities in [0, 1]. Shape (B, 1, H, W).
        mask: Targets in {0, 1}, same shape.
        threshold: A pixel is predicted when its probability is strictly above.

    Returns:
        Arrays of shape (B,), float64: "tp", "fp", "fn", "tn" in px; "soft_error",
        the mean of |p - y|; "soft_iou", the soft intersection over union with 1
        added above and below.

    Raises:
        ValueError: The shapes differ or are not (B, 1, H, W).
    """
    if probs.ndim != 4 or probs.shape[1] != 1 or probs.shape != mask.shape:
        raise ValueError(
            f"expected probs and mask of one shape (B, 1, H, W), got "
            f"{tuple(probs.shape)} and {tuple(mask.shape)}"
        )
    p = probs.flatten(1).double()  # (B, H * W)
    y = mask.flatten(1).double()
    hard = probs.flatten(1) > threshold
    marked, true = hard.sum(1).double(), y.sum(1)
    tp, overlap = (hard * y).sum(1), (p * y).sum(1)
    scores = {
        "tp": tp,
        "fp": marked - tp,
        "fn": true - tp,
        "tn": y.shape[1] - marked - true + tp,
        "soft_error": (p - y).abs().mean(1),
        "soft_iou": (overlap + 1) / (p.sum(1) + true - overlap + 1),
    }
    return {name: value.cpu().numpy() for name, value in scores.items()}


def count_pixels(marked: np.ndarray, masks: np.ndarray) -> Scores:
    """Count, image by image, what is hit, extra and missed.

    Args:
        marked: Predictions, bool. Shape (N, ...), or (...) for one of all images.
        masks: Targets, bool. Shape (N, ...).

    Returns:
        "tp", "fp" and "fn" in px, arrays of shape (N,), float64: the part of
        `image_scores` that `iou_per_image` needs, at a tenth of its cost.
    """
    marked, masks = np.broadcast_arrays(marked, masks)
    tp, predicted, true = (
        np.array([np.count_nonzero(image) for image in images], dtype=np.float64)
        for images in (marked & masks, marked, masks)
    )
    return {"tp": tp, "fp": predicted - tp, "fn": true - tp}


def iou_per_image(scores: Scores) -> np.ndarray:
    """Intersection over union of each image, which convention C is the mean of.

    Args:
        scores: From `image_scores` or `count_pixels`; arrays of any equal shape.

    Returns:
        That shape, in [0, 1]; NaN where the mask is empty.
    """
    true = scores["tp"] + scores["fn"]
    return divide(scores["tp"], true + scores["fp"], np.nan, where=true > 0)


def iou(
    probs: Tensor, mask: Tensor, convention: str = "C", threshold: float = 0.5
) -> float:
    """Mean intersection over union under one of five conventions.

    Args:
        probs: Probabilities in [0, 1]. Shape (B, 1, H, W).
        mask: Targets in {0, 1}, same shape.
        convention: "A" per image over all images, 1 where prediction and mask are
            both empty; "B" background and foreground IoU of all pixels pooled, then
            their mean; "C" per image, mean over the images with a non-empty mask;
            "D" as A with 0 for both empty; "E" soft IoU per image, no threshold.
        threshold: A pixel is predicted when its probability is strictly above.

    Returns:
        A value in [0, 1]. C is NaN when no image is abnormal. B leaves out a class
        that neither prediction nor mask holds.

    Raises:
        ValueError: Shapes differ or the convention is unknown.
    """
    return float(iou_statistic(image_scores(probs, mask, threshold), convention))


def iou_statistic(scores: Scores, convention: str = "C", axis: int = -1) -> np.ndarray:
    """Reduce per-image counts to a mean IoU; see `iou`.

    Args:
        scores: From `image_scores`; arrays of any equal shape.
        convention: "A" to "E".
        axis: The axis of the images.

    Returns:
        The statistic, with that axis removed.

    Raises:
        ValueError: The convention is unknown.
    """
    if convention not in IOU_CONVENTIONS:
        raise ValueError(
            f"convention {convention!r}; expected one of {IOU_CONVENTIONS}"
        )
    if convention == "E":
        return scores["soft_iou"].mean(axis)
    if convention == "B":
        return _pooled_iou(scores, axis)
    if convention == "C":
        per_image = iou_per_image(scores)
        abnormal = ~np.isnan(per_image)
        total = np.where(abnormal, per_image, 0.0).sum(axis)
        return divide(total, abnormal.sum(axis), np.nan)
    union = scores["tp"] + scores["fp"] + scores["fn"]
    both_empty = 1.0 if convention == "A" else 0.0
    return divide(scores["tp"], union, both_empty).mean(axis)


def _pooled_iou(scores: Scores, axis: int) -> np.ndarray:
    tp, fp, fn, tn = (scores[name].sum(axis) for name in ("tp", "fp", "fn", "tn"))
    classes = np.stack(
        [divide(tp, tp + fp + fn, np.nan), divide(tn, tn + fp + fn, np.nan)]
    )
    return np.nanmean(classes, axis=0)


def divide(
    numerator: np.ndarray,
    denominator: np.ndarray,
    empty: float,
    where: np.ndarray | None = None,
) -> np.ndarray:
    """Divide; a stated value stands where the denominator is 0, or not `where`."""
    where = denominator != 0 if where is None else where
    return np.where(where, numerator / np.where(where, denominator, 1), empty)


def mean_absolute_error(
    probs: Tensor, mask: Tensor, threshold: float | None = None
) -> float:
    """Mean absolute difference of prediction and mask over all pixels.

    Args:
        probs: Probabilities in [0, 1]. Shape (B, 1, H, W).
        mask: Targets in {0, 1}, same shape.
        threshold: None compares the probabilities (soft); a number compares the
            thresholded prediction, which is the share of wrong pixels (hard).

    Returns:
        A value in [0, 1]; 0 for two empty maps.

    Raises:
        ValueError: The shapes differ or are not (B, 1, H, W).
    """
    scores = image_scores(probs, mask, 0.5 if threshold is None else threshold)
    return float(mae_statistic(scores, hard=threshold is not None))


def mae_statistic(scores: Scores, hard: bool = False, axis: int = -1) -> np.ndarray:
    """Reduce per-image counts to a mean absolute error; see `mean_absolute_error`."""
    return (hard_error(scores) if hard else scores["soft_error"]).mean(axis)


def hard_error(scores: Scores) -> np.ndarray:
    """Share of wrong pixels per image, in [0, 1] (Fig. 13 shows it in percent)."""
    wrong = scores["fp"] + scores["fn"]
    return wrong / (wrong + scores["tp"] + scores["tn"])


def pixel_precision_statistic(scores: Scores, axis: int = -1) -> np.ndarray:
    """Share of predicted pixels, pooled, that lie in the mask; NaN without any."""
    tp, fp = scores["tp"].sum(axis), scores["fp"].sum(axis)
    return divide(tp, tp + fp, np.nan)
