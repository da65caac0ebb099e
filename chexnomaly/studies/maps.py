"""Maps that predict, the masks they are held against, and where to cut them."""

import numpy as np
import torch
from torch import nn

from chexnomaly import evaluation, metrics
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.systems import baselines

FilmScores = dict[str, np.ndarray]
"""Scores by their key in a results file, film by film in the last axis; NaN on films
on which a score is undefined."""


def predict_maps(
    model: nn.Module, scans: SegmentationSet, batch_size: int = 64
) -> np.ndarray:
    """Predict probability maps, (N, S, S), in the order of the films."""
    maps = [*evaluation.predict(model, scans, batch_size)]
    return torch.cat(maps)[:, 0].numpy() if maps else np.zeros((0, 1, 1))


def masks_of(scans: SegmentationSet) -> np.ndarray:
    """Draw the masks, (N, S, S), bool, in the order of the films."""
    masks = [scans.mask(i)[0].numpy() > 0 for i in scans.ids]
    return np.reshape(masks, (len(masks), scans.size, scans.size)).astype(bool)


def iou_per_image(marked: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Intersection over union of each image.

    Args:
        marked: Predictions, (N, S, S), bool, or one for all, (S, S).
        masks: Targets, (N, S, S), bool.

    Returns:
        Shape (N,), in [0, 1]; NaN where the target is empty (convention C).
    """
    return metrics.iou_per_image(metrics.count_pixels(marked, masks))


def best_threshold(
    maps: np.ndarray, masks: np.ndarray, counted: np.ndarray | bool = True
) -> float:
    """Choose the threshold with the best IoU on validation films.

    Args:
        maps: Probabilities, (N, S, S).
        masks: What is to be found, (N, S, S), bool.
        counted: Where it counts, (N, S, S), bool; everywhere by default.

    Returns:
        One of `evaluation.THRESHOLDS`; the one nearest to 0.5 where several are
        equally good, or where nothing is to be found.
    """
    seen = torch.from_numpy(np.where(counted, maps, 0)).unsqueeze(1).split(64)
    wanted = torch.from_numpy(masks & counted).unsqueeze(1)
    return evaluation.operating_threshold(seen, wanted)


def fit_mean_mask(
    train: SegmentationSet, val: SegmentationSet
) -> tuple[np.ndarray, float]:
    """Find where findings tend to be, the floor of any network.

    Args:
        train: Whose masks are averaged.
        val: Where the threshold is chosen.

    Returns:
        The mean mask, (S, S), and its threshold.
    """
    prior, masks = baselines.mean_mask(train)[0].numpy(), masks_of(val)
    return prior, best_threshold(np.broadcast_to(prior, masks.shape), masks)
