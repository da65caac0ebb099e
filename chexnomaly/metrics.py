"""The metrics of the paper, under every reading that its text allows.

"Mean IOU" can mean five things (conventions A to E), "F1 score" five more. All are
computed from the same per-image pixel counts, so that a reader can compare them on
the same predictions. `image_scores` counts; the statistics below it turn counts of
N images into one number, along an axis, so that a bootstrap can resample them.

Departures from the paper: none can be named, since Section V defines no metric.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from chexnomaly.boxes import mask_to_boxes

STRICT_LIMIT = 100 / 512**2
"""A strict true positive differs in fewer pixels than this share (Fig. 15)."""

IOU_CONVENTIONS = ("A", "B", "C", "D", "E")
F1_RULES = ("any_pixel", "healthy", "strict", "pooled", "mean_iou_0.3")

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
    p = probs.flatten(1).double()
    y = mask.flatten(1).double()
    hard = (probs.flatten(1) > threshold).double()
    overlap = (p * y).sum(1)
    scores = {
        "tp": (hard * y).sum(1),
        "fp": (hard * (1 - y)).sum(1),
        "fn": ((1 - hard) * y).sum(1),
        "tn": ((1 - hard) * (1 - y)).sum(1),
        "soft_error": (p - y).abs().mean(1),
        "soft_iou": (overlap + 1) / (p.sum(1) + y.sum(1) - overlap + 1),
    }
    return {name: value.cpu().numpy() for name, value in scores.items()}


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
    union = scores["tp"] + scores["fp"] + scores["fn"]
    both_empty = 1.0 if convention == "A" else 0.0
    per_image = _divide(scores["tp"], union, both_empty)
    if convention != "C":
        return per_image.mean(axis)
    abnormal = scores["tp"] + scores["fn"] > 0
    total = np.where(abnormal, per_image, 0.0).sum(axis)
    return _divide(total, abnormal.sum(axis), np.nan)


def _pooled_iou(scores: Scores, axis: int) -> np.ndarray:
    tp, fp, fn, tn = (scores[name].sum(axis) for name in ("tp", "fp", "fn", "tn"))
    classes = np.stack(
        [_divide(tp, tp + fp + fn, np.nan), _divide(tn, tn + fp + fn, np.nan)]
    )
    return np.nanmean(classes, axis=0)


def _divide(numerator: np.ndarray, denominator: np.ndarray, empty: float) -> np.ndarray:
    """Divide, with a stated value where the denominator is 0."""
    safe = np.where(denominator == 0, 1, denominator)
    return np.where(denominator == 0, empty, numerator / safe)


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


def f1_score(
    probs: Tensor, mask: Tensor, rule: str = "any_pixel", threshold: float = 0.5
) -> float:
    """F1 under one of five rules, since the paper names none.

    Args:
        probs: Probabilities in [0, 1]. Shape (B, 1, H, W).
        mask: Targets in {0, 1}, same shape.
        rule: "any_pixel" an image counts as abnormal when any pixel is predicted,
            abnormal is the positive class; "healthy" the same decision with healthy
            as the positive class; "strict" the categories of Fig. 15; "pooled" the
            Dice score of all pixels; "mean_iou_0.3" an abnormal image is found when
            the mean of its background and foreground IoU exceeds 0.3.
        threshold: A pixel is predicted when its probability is strictly above.

    Returns:
        A value in [0, 1]; NaN when there is neither a positive nor a predicted
        positive.

    Raises:
        ValueError: Shapes differ or the rule is unknown.
    """
    return float(f1_statistic(image_scores(probs, mask, threshold), rule))


def f1_statistic(scores: Scores, rule: str = "any_pixel", axis: int = -1) -> np.ndarray:
    """Reduce per-image counts to an F1 score; see `f1_score`."""
    if rule == "pooled":
        tp, fp, fn = (scores[name].sum(axis) for name in ("tp", "fp", "fn"))
    elif rule == "strict":
        category = strict_categories(scores)
        tp, fp, fn = ((category == name).sum(axis) for name in ("TP", "FP", "FN"))
    else:
        truth, predicted = _decisions(scores, rule)
        tp = (truth & predicted).sum(axis)
        fp = (~truth & predicted).sum(axis)
        fn = (truth & ~predicted).sum(axis)
    return _divide(2.0 * tp, 2 * tp + fp + fn, np.nan)


def _decisions(scores: Scores, rule: str) -> tuple[np.ndarray, np.ndarray]:
    """Image-level truth and prediction of the rule's positive class."""
    abnormal = scores["tp"] + scores["fn"] > 0
    flagged = scores["tp"] + scores["fp"] > 0
    if rule == "any_pixel":
        return abnormal, flagged
    if rule == "healthy":
        return ~abnormal, ~flagged
    if rule == "mean_iou_0.3":
        wrong = scores["fp"] + scores["fn"]
        foreground = _divide(scores["tp"], scores["tp"] + wrong, 1.0)
        background = _divide(scores["tn"], scores["tn"] + wrong, 1.0)
        found = (foreground + background) / 2 > 0.3
        return abnormal, np.where(abnormal, found, flagged)
    raise ValueError(f"rule {rule!r}; expected one of {F1_RULES}")


def pixel_precision_statistic(scores: Scores, axis: int = -1) -> np.ndarray:
    """Share of predicted pixels, pooled, that lie in the mask; NaN without any."""
    tp, fp = scores["tp"].sum(axis), scores["fp"].sum(axis)
    return _divide(tp, tp + fp, np.nan)


def recall_statistic(scores: Scores, axis: int = -1) -> np.ndarray:
    """Share of abnormal images with any predicted pixel; NaN without any."""
    abnormal, flagged = _decisions(scores, "any_pixel")
    return _divide((abnormal & flagged).sum(axis), abnormal.sum(axis), np.nan)


def strict_categories(scores: Scores) -> np.ndarray:
    """Sort images by the strict rule of Fig. 15, with our tie rules.

    TN: mask and prediction both empty. TP: abnormal, and fewer than 100 of 262,144
    pixels differ (the same share at other sizes). Any other normal image is FP. Any
    other abnormal image is FN when at least as many pixels are missed as are extra,
    else FP.

    Args:
        scores: From `image_scores`.

    Returns:
        "TN", "TP", "FN" or "FP" per image.
    """
    abnormal = scores["tp"] + scores["fn"] > 0
    empty = ~abnormal & (scores["fp"] == 0)
    close = abnormal & (hard_error(scores) < STRICT_LIMIT)
    missed = abnormal & ~close & (scores["fn"] >= scores["fp"])
    return np.select([empty, close, missed], ["TN", "TP", "FN"], default="FP")


def detections(probs: Tensor, threshold: float = 0.5) -> tuple[Tensor, Tensor]:
    """Turn one probability map into scored boxes.

    Args:
        probs: Probabilities in [0, 1]. Shape (1, H, W).
        threshold: A pixel is foreground when it is strictly above.

    Returns:
        Boxes (N, 4), xyxy px, one per 8-connected component, and scores (N,): the
        mean probability of the foreground pixels inside the box.
    """
    foreground = (probs > threshold).float()
    boxes = mask_to_boxes(foreground)
    scores = []
    for left, top, right, bottom in boxes.int().tolist():
        inside = (0, slice(top, bottom), slice(left, right))
        weight = foreground[inside]
        scores.append(float((probs[inside] * weight).sum() / weight.sum()))
    return boxes, torch.tensor(scores)


def average_precision(
    probs: Tensor, mask_boxes: Sequence[Tensor], iou_threshold: float = 0.4
) -> float:
    """Class-agnostic average precision of components as boxes (PASCAL VOC 2010).

    Args:
        probs: Probabilities in [0, 1]. Shape (B, 1, H, W).
        mask_boxes: True boxes per image, xyxy px, (N_i, 4); N_i may be 0.
        iou_threshold: A prediction matches when its IoU with a free true box is
            strictly above.

    Returns:
        Area under the interpolated precision-recall curve, in [0, 1]; NaN when
        there is no true box at all.

    Raises:
        ValueError: The number of images differs.
    """
    if len(probs) != len(mask_boxes):
        raise ValueError(
            f"expected boxes for {len(probs)} images, got {len(mask_boxes)}"
        )
    found = [detections(p) for p in probs]
    return average_precision_of_boxes(found, mask_boxes, iou_threshold)


def average_precision_of_boxes(
    found: Sequence[tuple[Tensor, Tensor]],
    mask_boxes: Sequence[Tensor],
    iou_threshold: float = 0.4,
) -> float:
    """Average precision of scored boxes; see `average_precision`.

    Args:
        found: Boxes (N, 4) and scores (N,) per image.
        mask_boxes: True boxes per image, (M, 4).
        iou_threshold: Strict lower bound of a match.

    Returns:
        A value in [0, 1], or NaN without true boxes.
    """
    total = sum(len(boxes) for boxes in mask_boxes)
    if total == 0:
        return float("nan")
    scores, hits = [np.empty(0)], [np.empty(0, dtype=bool)]
    for (boxes, confidence), truth in zip(found, mask_boxes, strict=True):
        order = np.argsort(-confidence.numpy(), kind="stable")
        scores.append(confidence.numpy()[order])
        hits.append(_match(boxes.numpy()[order], truth.numpy(), iou_threshold))
    ranked = np.argsort(-np.concatenate(scores), kind="stable")
    true_positives = np.cumsum(np.concatenate(hits)[ranked])
    precision = true_positives / np.arange(1, len(true_positives) + 1)
    return _area_under_envelope(true_positives / total, precision)


def _match(boxes: np.ndarray, truth: np.ndarray, iou_threshold: float) -> np.ndarray:
    """Give each box, in order, its best true box unless that one is taken."""
    taken = np.zeros(len(truth), dtype=bool)
    hits = np.zeros(len(boxes), dtype=bool)
    for i, box in enumerate(boxes if len(truth) else []):
        overlaps = box_iou(box[None], truth)[0]
        best = int(overlaps.argmax())
        if overlaps[best] > iou_threshold and not taken[best]:
            taken[best] = hits[i] = True
    return hits


def box_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of every pair of boxes.

    Args:
        first: (N, 4), xyxy.
        second: (M, 4), xyxy.

    Returns:
        (N, M) in [0, 1]; 0 where both boxes have no area.
    """
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    overlap = np.prod(np.clip(high - low, 0, None), axis=-1)
    area = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=-1) for boxes in (first, second)]
    return _divide(overlap, area[0][:, None] + area[1][None] - overlap, 0.0)


def _area_under_envelope(recall: np.ndarray, precision: np.ndarray) -> float:
    """Area under the precision that no later point exceeds."""
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(recall, prepend=0.0)
    return float((steps * envelope).sum())
