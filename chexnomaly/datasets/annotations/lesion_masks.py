"""Lesion masks of two sources, and the boxes they become.

CANDID-PTX (like the SIIM challenge) writes run lengths: a list of pairs "gap length",
the gap counted from the end of the run before (the first from pixel 0), pixels
counted down the columns, left column first; "-1" stands for no mask.

A mask may hold several lesions: one region of the COVID masks usually covers both
lungs, and one box around it would cover the heart as well. So every 8-connected
component gets its own tight box, as VinDr's radiologists draw them.
"""

import numpy as np
from scipy import ndimage

NO_MASK = "-1"

MIN_COMPONENT_PX = 16
"""Smaller components are slips of the pen and get no box."""


def runs_to_mask(text: str, height_px: int, width_px: int) -> np.ndarray:
    """Decode a run-length mask.

    Args:
        text: Pairs of non-negative integers, or "-1".
        height_px: Height of the image.
        width_px: Width of the image.

    Returns:
        The mask, (H, W), bool.

    Raises:
        ValueError: The text is no list of pairs, or leaves the image.
    """
    mask = np.zeros(height_px * width_px, dtype=bool)
    words = [] if text.strip() == NO_MASK else text.split()
    whole = (word.isascii() and word.isdigit() and len(word) < 10 for word in words)
    if len(words) % 2 or not text.strip() or not all(whole):
        raise ValueError("not pairs of integers")
    gaps, lengths = np.array(words, dtype=np.int64).reshape(-1, 2).T
    ends = np.cumsum(gaps + lengths)
    if len(ends) and ends[-1] > mask.size:
        raise ValueError("a run outside the image")
    for start, end in zip(ends - lengths, ends, strict=True):
        mask[start:end] = True
    return mask.reshape(width_px, height_px).T


def component_boxes(
    mask: np.ndarray, min_area_px: int = MIN_COMPONENT_PX
) -> list[tuple[float, float, float, float]]:
    """Bound every 8-connected component of a mask.

    Args:
        mask: Shape (H, W), bool.
        min_area_px: Components of fewer pixels are left out.

    Returns:
        Tight corners x_min, y_min, x_max, y_max, px, in the order of the
        components' first pixels; empty for an empty mask.
    """
    components, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    areas = np.bincount(components.ravel())[1:]
    return [
        (float(x.start), float(y.start), float(x.stop), float(y.stop))
        for area, (y, x) in zip(areas, ndimage.find_objects(components), strict=True)
        if area >= min_area_px
    ]
