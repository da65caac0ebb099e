"""Predictors that never look at the image: the floor under every results table.

The paper compares with none. Each function yields probability maps in the order of a
data set, as `evaluation.predict` does for a network.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from chexnomaly.datasets.segmentation import SegmentationSet

BATCH = 32


def constant(dataset: SegmentationSet, value: float) -> Iterator[Tensor]:
    """Predict one probability everywhere: 0 for `all_empty`, 1 for `all_ones`.

    Args:
        dataset: Whose images would be predicted.
        value: The probability.

    Yields:
        Maps, (B, 1, S, S).
    """
    size = (1, dataset.size, dataset.size)
    return fixed_map(dataset, torch.full(size, float(value)))


def mean_mask(train_set: SegmentationSet) -> Tensor:
    """Average the masks of the abnormal training images: where findings tend to be.

    Args:
        train_set: The training part.

    Returns:
        Share of abnormal images marked at each pixel, in [0, 1], (1, S, S).

    Raises:
        ValueError: No training image is abnormal.
    """
    total = torch.zeros(1, train_set.size, train_set.size, dtype=torch.float64)
    count = 0
    for mask in map(train_set.mask, train_set.ids):
        total += mask
        count += bool(mask.any())
    if count == 0:
        raise ValueError("expected at least one abnormal training image, got none")
    return (total / count).float()


def fixed_map(dataset: SegmentationSet, probs: Tensor) -> Iterator[Tensor]:
    """Predict the same map for every image, such as `mean_mask`.

    Args:
        dataset: Whose images would be predicted.
        probs: The map, (1, S, S).

    Yields:
        Maps, (B, 1, S, S).
    """
    for count in _batches(len(dataset)):
        yield probs.expand(count, -1, -1, -1)


def label_alone(
    dataset: SegmentationSet, labels: Mapping[str, str], train_set: SegmentationSet
) -> Iterator[Tensor]:
    """Predict how often training images of the same label are abnormal.

    With AP and PA as labels: how far the view alone tells sick from healthy.

    Args:
        dataset: Whose images would be predicted.
        labels: Image id to its label.
        train_set: The training part.

    Yields:
        Maps of one value, (1, 1, S, S); 0 for a label that no training image has.
    """
    known = [labels[i] for i in train_set.ids]
    shares = pd.Series(train_set.is_abnormal(), index=known).groupby(level=0).mean()
    for image_id in dataset.ids:
        share = shares.get(labels[image_id], 0.0)
        yield torch.full((1, 1, dataset.size, dataset.size), float(share))


def random_box(
    dataset: SegmentationSet, train_set: SegmentationSet, seed: int = 0
) -> Iterator[Tensor]:
    """Predict one box per image: a training box's size at a uniform place.

    Args:
        dataset: Whose images would be predicted.
        train_set: Where sizes are drawn from.
        seed: Seed of sizes and places.

    Yields:
        Maps in {0, 1}, (B, 1, S, S).

    Raises:
        ValueError: The training part has no box.
    """
    boxes = np.concatenate([train_set.boxes(i) for i in dict.fromkeys(train_set.ids)])
    if len(boxes) == 0:
        raise ValueError("expected at least one training box, got none")
    rng = np.random.default_rng(seed)
    size = dataset.size
    for count in _batches(len(dataset)):
        maps = torch.zeros(count, 1, size, size)
        for one in maps:
            left, top, right, bottom = boxes[rng.integers(len(boxes))]
            width, height = max(1, round(right - left)), max(1, round(bottom - top))
            x, y = rng.integers(size - width + 1), rng.integers(size - height + 1)
            one[0, y : y + height, x : x + width] = 1.0
        yield maps


def one_reader(
    dataset: SegmentationSet, seed: int = 0
) -> tuple[Iterator[Tensor], Iterator[Tensor]]:
    """One reader of each image as the prediction, the union of the others as truth.

    A ceiling rather than a floor: what a human scores under the same metric.

    Args:
        dataset: Images with at least two readers.
        seed: Chooses the reader of each image.

    Returns:
        Predictions, (1, 1, S, S) each, and the masks to score them against,
        (1, S, S) each.

    Raises:
        ValueError: An image has fewer than two readers.
    """
    rng = np.random.default_rng(seed)
    chosen = []
    for image_id in dataset.ids:
        readers = dataset.readers_of(image_id)
        if len(readers) < 2:
            raise ValueError(f"image {image_id}: expected two readers, got {readers}")
        chosen.append((image_id, readers[rng.integers(len(readers))]))
    predictions = (
        torch.from_numpy(dataset.reader_mask(i, reader))[None, None]
        for i, reader in chosen
    )
    return predictions, (_others(dataset, i, reader) for i, reader in chosen)


def _others(dataset: SegmentationSet, image_id: str, reader: str) -> Tensor:
    masks = [
        dataset.reader_mask(image_id, other)
        for other in dataset.readers_of(image_id)
        if other != reader
    ]
    return torch.from_numpy(np.max(masks, axis=0)).unsqueeze(0)


def _batches(total: int) -> Iterator[int]:
    for start in range(0, total, BATCH):
        yield min(BATCH, total - start)
