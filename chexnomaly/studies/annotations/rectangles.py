"""Boxes as disjoint rectangles: pixel counts of whole data sets without drawing them.

Filling 36,096 boxes at 512 px and counting pixels takes minutes. The masks of one
image change only at the edges of its boxes, so the edges cut the image into a few
rectangles on which nothing changes; their areas give the same counts, exactly, in
seconds. A pixel is inside when its center is, as in `boxes.boxes_to_mask`.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from chexnomaly.datasets.annotations.findings import scale_boxes
from chexnomaly.datasets.annotations.validation import BOX
from chexnomaly.labels import NO_FINDING

CHUNK = 20_000
"""Rectangles looked up at once in a stack of masks; bounds the memory."""


@dataclass(frozen=True)
class Cover:
    """The boxes of N images, cut into M disjoint rectangles.

    Attributes:
        ids: Image ids, sorted; images without a box included. Shape (N,).
        size: Side of the common square, px.
        image: Position of each rectangle's image in `ids`. Shape (M,).
        corners: left, top, right, bottom of each rectangle, px. Shape (M, 4).
        drawn_by: Who covers it: bit k for the image's k-th reader, by name, with a
            box anywhere on it. Shape (M,), uint8.
        n_readers: Most readers that drew on one image.
    """

    ids: np.ndarray
    size: int
    image: np.ndarray
    corners: np.ndarray
    drawn_by: np.ndarray
    n_readers: int

    @property
    def area(self) -> np.ndarray:
        """Area of each rectangle, px; shape (M,)."""
        left, top, right, bottom = self.corners.T
        return (right - left) * (bottom - top)


def cover(findings: pd.DataFrame, size: int = 512) -> Cover:
    """Cut the boxes of a findings table into disjoint rectangles.

    Args:
        findings: Findings table; images with a box need their size, and at most
            eight readers may have drawn on one.
        size: Side of the square that every image is scaled to, px.

    Returns:
        The rectangles, in the order of the image ids.
    """
    ids = np.sort(findings.image_id.unique())
    drawn = findings[findings.finding != NO_FINDING]
    drawn = drawn.sort_values(["image_id", "reader"], kind="stable")
    pixels = scale_boxes(drawn, size)[list(BOX)].to_numpy(np.float64)
    grid = np.ceil(pixels - 0.5).astype(np.int32)
    image = np.searchsorted(ids, drawn.image_id.to_numpy())
    starts = np.flatnonzero(np.diff(image, prepend=-1))
    rank = _rank(image, pd.factorize(drawn.reader)[0], starts)
    bit = (1 << rank).astype(np.uint8)
    stops = np.append(starts, len(image))[1:]
    parts = [
        _cut(grid[start:stop], bit[start:stop])
        for start, stop in zip(starts, stops, strict=True)
    ]
    counts = [len(codes) for _, codes in parts]
    return Cover(
        ids,
        size,
        np.repeat(image[starts], counts),
        np.concatenate([np.empty((0, 4), np.int32), *(c for c, _ in parts)]),
        np.concatenate([np.empty(0, np.uint8), *(codes for _, codes in parts)]),
        int(rank.max(initial=-1)) + 1,
    )


def _rank(image: np.ndarray, reader: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Number the readers of each image from 0; rows come sorted by image and reader."""
    change = (np.diff(image, prepend=-1) != 0) | (np.diff(reader, prepend=-1) != 0)
    number = change.cumsum()
    return number - np.repeat(number[starts], np.diff([*starts, len(image)]))


def _cut(boxes: np.ndarray, bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut the boxes of one image along all edges; pieces without a reader go."""
    x, y = np.unique(boxes[:, ::2]), np.unique(boxes[:, 1::2])
    places = np.searchsorted(x, boxes[:, ::2]), np.searchsorted(y, boxes[:, 1::2])
    codes = np.zeros((len(y) - 1, len(x) - 1), np.uint8)
    for (left, right), (top, bottom), bit in zip(*places, bits, strict=True):
        codes[top:bottom, left:right] |= bit
    row, column = np.nonzero(codes)
    corners = np.stack([x[column], y[row], x[column + 1], y[row + 1]], axis=1)
    return corners, codes[row, column]


def pixels_by_readers(cover: Cover) -> np.ndarray:
    """Count the pixels of each image by who drew there.

    Args:
        cover: Of images with R readers.

    Returns:
        Shape (N, 2**R): column c counts the pixels covered by exactly the readers
        whose bits c holds; column 0 what no one covers.
    """
    width = 2**cover.n_readers
    counts = np.bincount(
        cover.image * width + cover.drawn_by,
        weights=cover.area,
        minlength=len(cover.ids) * width,
    ).reshape(len(cover.ids), width)
    counts[:, 0] = cover.size**2 - counts.sum(axis=1)
    return counts


def sum_of_rectangles(cover: Cover, chosen: np.ndarray) -> np.ndarray:
    """Add up some rectangles.

    Args:
        cover: The images.
        chosen: Which of its rectangles, bool, shape (M,).

    Returns:
        At each pixel, the number of images with a chosen rectangle there; (S, S).
    """
    left, top, right, bottom = cover.corners[chosen].T
    steps = np.zeros((cover.size + 1, cover.size + 1), np.int64)
    for x, sign in ((left, 1), (right, -1)):
        np.add.at(steps, (top, x), sign)
        np.add.at(steps, (bottom, x), -sign)
    return steps.cumsum(axis=0).cumsum(axis=1)[:-1, :-1]


def overlap_with_masks(cover: Cover, masks: np.ndarray) -> np.ndarray:
    """Count what fixed masks share with each image's own mask (union of readers).

    Args:
        cover: The images.
        masks: Shape (L, S, S), bool.

    Returns:
        Pixels, shape (N, L).
    """
    summed = np.zeros((cover.size + 1, cover.size + 1, len(masks)), np.int32)
    summed[1:, 1:] = masks.cumsum(1, np.int32).cumsum(2).transpose(1, 2, 0)
    found = np.zeros((len(cover.ids), len(masks)), np.int64)
    for start in range(0, len(cover.image), CHUNK):
        rows = slice(start, start + CHUNK)
        left, top, right, bottom = cover.corners[rows].T
        inside = summed[bottom, right] - summed[top, right]
        inside += summed[top, left] - summed[bottom, left]
        image = cover.image[rows]
        first = np.flatnonzero(np.diff(image, prepend=-1))
        found[image[first]] += np.add.reduceat(inside, first, axis=0)
    return found


def overlap_with_boxes(cover: Cover, boxes: np.ndarray) -> np.ndarray:
    """Count what one box per image shares with the image's mask (union of readers).

    Args:
        cover: The images.
        boxes: Corners on the pixel grid, xyxy, shape (N, 4).

    Returns:
        Pixels, shape (N,).
    """
    box = boxes[cover.image]
    low = np.maximum(cover.corners[:, :2], box[:, :2])
    high = np.minimum(cover.corners[:, 2:], box[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    return np.bincount(cover.image, weights=shared, minlength=len(cover.ids))
