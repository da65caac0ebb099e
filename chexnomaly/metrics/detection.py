"""Boxes found in maps, and their average precision (Table II's third column)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from chexnomaly.boxes import masks_to_boxes
from chexnomaly.metrics.segmentation import divide


def detections(probs: Tensor, threshold: float = 0.5) -> list[tuple[Tensor, Tensor]]:
    """Turn each probability map into scored boxes.

    Args:
        probs: Probabilities in [0, 1]. Shape (B, 1, H, W).
        threshold: A pixel is foreground when it is strictly above.

    Returns:
        For each map boxes (N, 4), xyxy px, one per 8-connected component, and scores
        (N,): the mean probability of the foreground pixels inside the box.
    """
    foreground = (probs > threshold).float()
    found = []
    for image, marked, boxes in zip(
        probs[:, 0], foreground[:, 0], masks_to_boxes(foreground), strict=True
    ):
        scores = []
        for left, top, right, bottom in boxes.int().tolist():
            inside = (slice(top, bottom), slice(left, right))
            weight = marked[inside]
            scores.append(float((image[inside] * weight).sum() / weight.sum()))
        found.append((boxes, torch.tensor(scores)))
    return found


def average_precision(
    probs: Tensor, mask_boxes: Sequence[Tensor], iou_threshold: float = 0.4
) -> float:
    """Average precision of maps, (B, 1, H, W), at 0.5; see `average_precisions`."""
    return average_precisions(detections(probs), mask_boxes, [iou_threshold])[0]


def average_precisions(
    found: Sequence[tuple[Tensor, Tensor]],
    mask_boxes: Sequence[Tensor],
    iou_thresholds: Sequence[float],
) -> list[float]:
    """Class-agnostic average precision of components as boxes (PASCAL VOC 2010).

    Args:
        found: Boxes (N, 4) and scores (N,) per image, from `detections`.
        mask_boxes: True boxes per image, xyxy px, (M, 4); M may be 0.
        iou_thresholds: A box matches when its IoU with a free true box is strictly
            above.

    Returns:
        For each threshold the area under the interpolated precision-recall curve, in
        [0, 1]; NaN when there is no true box at all.

    Raises:
        ValueError: The number of images differs.
    """
    scores, closest, overlap, before = [np.empty(0)], [], [], 0
    for (boxes, confidence), truth in zip(found, mask_boxes, strict=True):
        ious = box_iou(boxes.numpy(), truth.numpy())
        ious = np.pad(ious, [(0, 0), (0, 1)])  # where there is no true box
        scores.append(confidence.numpy())
        closest.append(before + ious.argmax(1))
        overlap.append(ious.max(1))
        before += ious.shape[1]
    total, areas = before - len(mask_boxes), []
    if total == 0:
        return [float("nan")] * len(iou_thresholds)
    ranked = np.argsort(-np.concatenate(scores), kind="stable")
    closest, overlap = (np.concatenate(one)[ranked] for one in (closest, overlap))
    for threshold in iou_thresholds:
        near, hits = np.flatnonzero(overlap > threshold), np.zeros(len(ranked), bool)
        # Of several boxes on one true box the first is right, the others are not.
        hits[near[np.unique(closest[near], return_index=True)[1]]] = True
        true_positives = np.cumsum(hits)
        precision = true_positives / np.arange(1, len(hits) + 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]  # none later exceeds it
        gained = np.diff(true_positives / total, prepend=0.0)
        areas.append(float((gained * envelope).sum()))
    return areas


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
    return divide(overlap, area[0][:, None] + area[1][None] - overlap, 0.0)
