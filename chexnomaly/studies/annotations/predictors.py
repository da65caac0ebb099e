"""Predictors that need no pixel, scored on whole annotation tables.

Four never look: nothing everywhere, everything everywhere, one fixed place, one random
box. One is human: a reader against the others. `baselines` scores the first four on
prepared sets, film by film; here pixel counts of rectangles give the same numbers for
tables of many thousand films that have no films.

All predictions are binary, so that soft and hard errors are equal.
"""

import numpy as np

from chexnomaly.metrics.segmentation import Scores
from chexnomaly.studies.annotations import rectangles
from chexnomaly.studies.annotations.rectangles import Cover

PLACE_CUTS = np.round(np.arange(0.02, 1.0, 0.02), 2)
"""Shares of abnormal films above which the fixed place is cut; the best one counts."""

DRAWN_BY = {"union": 1, "two_readers": 2}
"""How several readers' boxes become one mask: how many must have drawn at a pixel."""


def counts(
    overlap: np.ndarray, predicted: np.ndarray, true: np.ndarray, size: int
) -> Scores:
    """Turn areas into what every metric needs; see `metrics.image_scores`.

    Args:
        overlap: Pixels that prediction and mask share.
        predicted: Pixels of the prediction, same shape.
        true: Pixels of the mask, same shape.
        size: Side of the images, px.

    Returns:
        The scores, arrays of that shape.
    """
    overlap, predicted, true = np.broadcast_arrays(overlap, predicted, true)
    union = predicted + true - overlap
    return {
        "tp": overlap.astype(np.float64),
        "fp": (predicted - overlap).astype(np.float64),
        "fn": (true - overlap).astype(np.float64),
        "tn": (size**2 - union).astype(np.float64),
        "soft_error": (union - overlap) / size**2,
        "soft_iou": (overlap + 1) / (union + 1),
    }


def true_pixels(cover: Cover, mask: str = "union") -> np.ndarray:
    """Count the pixels of each image's mask.

    Args:
        cover: The images.
        mask: One of `DRAWN_BY`, or "one_reader" for the masks of each reader alone.

    Returns:
        Shape (N,); (R, N) for "one_reader".
    """
    pixels, one = rectangles.pixels_by_readers(cover), _drawn(cover)
    which = one if mask == "one_reader" else one.sum(axis=0) >= DRAWN_BY[mask]
    return which @ pixels.T


def covered_share(cover: Cover) -> np.ndarray:
    """Share of each image that some reader's box covers; (N,)."""
    return true_pixels(cover) / cover.size**2


def _drawn(cover: Cover) -> np.ndarray:
    """Tell whether each reader is in each code of `pixels_by_readers`; (R, 2**R)."""
    readers = np.arange(cover.n_readers)[:, None]
    return np.arange(2**cover.n_readers) >> readers & 1 > 0


def all_empty(cover: Cover, mask: str = "union") -> Scores:
    """Predict nothing, everywhere; the masks are those of `true_pixels`."""
    return counts(np.zeros(1), np.zeros(1), true_pixels(cover, mask), cover.size)


def all_ones(cover: Cover) -> Scores:
    """Predict everything, everywhere."""
    true = true_pixels(cover)
    return counts(true, np.full(1, cover.size**2), true, cover.size)


def fixed_place(cover: Cover, seed: int = 0) -> Scores:
    """Predict one place for all films: the mean mask of others, cut where it fits best.

    The films are dealt into two halves; each is scored with the place that the other
    half's abnormal films give, so that no film enters its own prediction.

    Args:
        cover: The images; at least two abnormal ones in each half.
        seed: Of the halves.

    Returns:
        The scores, shape (N,).
    """
    true = true_pixels(cover)
    half = np.random.default_rng(seed).permutation(len(true)) % 2
    overlap, predicted = np.zeros(len(true)), np.zeros(len(true))
    for own in (0, 1):
        place = fit_place(cover, (half != own) & (true > 0))
        mine = half == own
        overlap[mine] = rectangles.overlap_with_masks(cover, place[None])[mine, 0]
        predicted[mine] = place.sum()
    return counts(overlap, predicted, true, cover.size)


def place_from(other: Cover, cover: Cover) -> Scores:
    """Predict one place for all films: the one that fits another collection best.

    The paper's models were trained on VinDr-CXR; so is the zero-shot mask, by this. A
    mask fitted on the target itself is a ceiling that none of them could use.

    Args:
        other: Images of the collection that the place is fitted on, of the same side.
        cover: The images that are scored; none of them enters the place.

    Returns:
        The scores, shape (N,).
    """
    place = fit_place(other, true_pixels(other) > 0)
    overlap = rectangles.overlap_with_masks(cover, place[None])[:, 0]
    return counts(overlap, place.sum()[None], true_pixels(cover), cover.size)


def fit_place(cover: Cover, chosen: np.ndarray) -> np.ndarray:
    """Find the fixed mask with the best mean IoU on some abnormal images.

    Args:
        cover: The images.
        chosen: Which to fit on, bool, shape (N,); all abnormal.

    Returns:
        The mask, (S, S), bool: the mean mask, cut at one of `PLACE_CUTS`.

    Raises:
        ValueError: No image is chosen.
    """
    if not chosen.any():
        raise ValueError("expected at least one abnormal image, got none")
    mean = rectangles.sum_of_rectangles(cover, chosen[cover.image]) / chosen.sum()
    levels = PLACE_CUTS[PLACE_CUTS < mean.max()]
    masks = mean > np.append(levels, 0.0)[:, None, None]
    shared = rectangles.overlap_with_masks(cover, masks)[chosen]
    union = masks.sum(axis=(1, 2)) + true_pixels(cover)[chosen, None] - shared
    return masks[np.argmax((shared / union).mean(axis=0))]


def random_box(cover: Cover, boxes: np.ndarray, seed: int = 0) -> Scores:
    """Predict one box per film: the size of a drawn one, at a uniform place.

    Args:
        cover: The images.
        boxes: Boxes to take sizes from, xyxy px on the square, shape (B, 4), B > 0.
        seed: Of sizes and places.

    Returns:
        The scores, shape (N,).
    """
    rng = np.random.default_rng(seed)
    n = len(cover.ids)
    sides = np.round(boxes[:, 2:] - boxes[:, :2])[rng.integers(len(boxes), size=n)]
    sides = np.clip(sides, 1, cover.size).astype(np.int64)
    corner = rng.integers(cover.size - sides + 1)
    overlap = rectangles.overlap_with_boxes(cover, np.hstack([corner, corner + sides]))
    return counts(overlap, np.prod(sides, axis=1), true_pixels(cover), cover.size)


def one_reader(cover: Cover, against: str = "others") -> Scores:
    """Predict what one reader drew; each reader of a film in turn.

    Args:
        cover: Images on each of which R readers drew, or none did.
        against: "others" for the union of the other readers, or one of `DRAWN_BY`, to
            which the reader contributes.

    Returns:
        The scores, shape (R, N): a statistic is the mean over the first axis.

    Raises:
        ValueError: There are fewer than two readers.
    """
    if cover.n_readers < 2:
        raise ValueError(f"expected two readers or more, got {cover.n_readers}")
    one = _drawn(cover)
    readers = one.sum(axis=0)
    true = readers > one if against == "others" else readers >= DRAWN_BY[against]
    pixels = rectangles.pixels_by_readers(cover)
    areas = [which @ pixels.T for which in (one & true, one, true)]
    return counts(*areas, cover.size)
