"""Scores of a system on a data set, and its operating threshold (Section V).

A predictor is anything that yields probability maps batch by batch in the order of
a data set: a network through `predict`, or a baseline. Everything is counted per
image once; all statistics and their paired bootstraps resample those counts.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from chexnomaly import metrics
from chexnomaly.boxes import masks_to_boxes
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.metrics.categories import box_scores
from chexnomaly.metrics.detection import detections
from chexnomaly.models import ModelEnsemble

PAPER_THRESHOLD = 0.5
THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(1, 20))
"""The sweep 0.05 to 0.95 from which an operating threshold is chosen."""

AT_ONCE = 64
"""Films that are counted at once: half the time of 16."""


@dataclass(frozen=True)
class ScoredSet:
    """Per-image scores of one system on one data set.

    Attributes:
        ids: Image ids, in order.
        scores: Per-image counts by threshold.
        found: Predicted boxes and their scores per image, at the paper's threshold.
        truth: Boxes of the mask's components per image.
        patients: Whose each image is; empty where the source does not say.
    """

    ids: list[str]
    scores: dict[float, metrics.Scores]
    found: list[tuple[Tensor, Tensor]]
    truth: list[Tensor]
    patients: Sequence[str] = ()


@torch.no_grad()
def predict(
    model: nn.Module, dataset: SegmentationSet, batch_size: int = 16
) -> Iterator[Tensor]:
    """Run a network over a data set.

    Args:
        model: Maps images to logits of shape (B, 1, S, S).
        dataset: Images and masks.
        batch_size: Images per batch.

    Yields:
        Probabilities, (B, 1, S, S), float32, on the CPU, in the data set's order.
    """
    model.eval()
    device = next(model.parameters()).device
    for image, _ in DataLoader(dataset, batch_size=batch_size):
        image = image.to(device, memory_format=torch.channels_last)
        yield torch.sigmoid(model(image).float()).cpu()


@torch.no_grad()
def predict_ensemble(
    ensemble: ModelEnsemble, dataset: SegmentationSet, batch_size: int = 16
) -> tuple[Tensor, Tensor]:
    """Run the specialized models over a data set, and what joins them, in one pass.

    Args:
        ensemble: A trained Model Ensemble.
        dataset: Images and masks.
        batch_size: Images per batch.

    Returns:
        Probabilities of the specialized models, (N, models, S, S), whose maximum is
        the Max Ensemble's, and of the Model Ensemble, (N, 1, S, S), on the CPU.
    """
    device, parts = next(ensemble.eval().parameters()).device, []
    for image, _ in DataLoader(dataset, batch_size=batch_size):
        masks = ensemble.stack(image.to(device, memory_format=torch.channels_last))
        parts.append((masks.cpu(), torch.sigmoid(ensemble.unet(masks)).cpu()))
    return tuple(map(torch.cat, zip(*parts, strict=True)))


def score(
    predictions: Iterable[Tensor],
    masks: Iterable[Tensor],
    ids: Sequence[str],
    thresholds: Sequence[float],
) -> ScoredSet:
    """Count what every metric needs, image by image.

    Args:
        predictions: Probability maps, (B, 1, S, S), in the order of `ids`.
        masks: One mask per image, (1, S, S).
        ids: Image ids.
        thresholds: Where to binarize; one that is named twice counts once.

    Returns:
        The per-image scores.

    Raises:
        ValueError: There are fewer predictions or masks than ids.
    """
    parts: dict[float, list[metrics.Scores]] = {t: [] for t in thresholds}
    found, truth = [], []
    for probs, mask in _batches(predictions, masks):
        whole = metrics.film_scores(probs, mask)
        for threshold in parts:
            counts = metrics.image_scores(probs, mask, threshold)
            boxes = box_scores(probs, mask, threshold)
            parts[threshold].append(counts | boxes | whole)
        found += detections(probs, PAPER_THRESHOLD)
        truth += masks_to_boxes(mask)
    if len(found) != len(ids):
        raise ValueError(f"expected {len(ids)} predictions, got {len(found)}")
    return ScoredSet(list(ids), _joined(parts), found, truth)


def _batches(
    predictions: Iterable[Tensor], masks: Iterable[Tensor]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Pair predictions with masks, (B, 1, S, S) each, `AT_ONCE` however they come."""
    maps, masks = chain.from_iterable(predictions), iter(masks)
    while probs := list(islice(maps, AT_ONCE)):
        yield torch.stack(probs), torch.stack(list(islice(masks, len(probs))))


def _joined(
    parts: Mapping[float, Sequence[metrics.Scores]],
) -> dict[float, metrics.Scores]:
    return {
        threshold: {k: np.concatenate([p[k] for p in part]) for k in part[0]}
        for threshold, part in parts.items()
    }


def score_set(
    predictions: Iterable[Tensor], dataset: SegmentationSet, thresholds: Sequence[float]
) -> ScoredSet:
    """Score predictions against the masks of their data set; see `score`."""
    return score(predictions, map(dataset.mask, dataset.ids), dataset.ids, thresholds)


def choose_threshold(scored: ScoredSet) -> float:
    """Choose the operating threshold: the best IoU under convention C.

    Args:
        scored: Scores of the validation part, never of a test part.

    Returns:
        The threshold; the one nearest to 0.5 where several are equally good, or
        where nothing is to be found.
    """
    ious = {t: metrics.iou_statistic(s, "C") for t, s in scored.scores.items()}
    return max(ious, key=lambda t: (np.nan_to_num(ious[t]), -abs(t - PAPER_THRESHOLD)))


def operating_threshold(
    predictions: Iterable[Tensor], masks: Iterable[Tensor]
) -> float:
    """Choose the operating threshold from `THRESHOLDS`; see `choose_threshold`.

    Args:
        predictions: Probability maps of validation images, (B, 1, S, S), on the CPU.
        masks: One mask per image, (1, S, S), in the same order.

    Returns:
        The threshold. Only pixels are counted, which is much faster than `score`.
    """
    parts: dict[float, list[metrics.Scores]] = {t: [] for t in THRESHOLDS}
    for probs, mask in _batches(predictions, masks):
        maps, true = probs.numpy(), mask.numpy() > 0.5
        for threshold in THRESHOLDS:
            parts[threshold].append(metrics.count_pixels(maps > threshold, true))
    return choose_threshold(ScoredSet([], _joined(parts), [], []))
