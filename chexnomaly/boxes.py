"""Boxes to and from masks, and the paper's box transform (Section IV-A, Fig. 6).

The paper names `y' = transform(y_pred)` and never defines it. The reading used
here (`rectangularize`): threshold, take 8-connected components, fill each
component's bounding box with the component's mean probability. Two other readings
stand beside it so that a reader can compare: `straight_through_boxes` and
`soft_boxes`.

A pixel (row r, column c) covers [c, c + 1) x [r, r + 1); it belongs to a box when
its center (c + 0.5, r + 0.5) does.
"""

import numpy as np
import torch
from torch import Tensor

from chexnomaly.ops.box_fill import FilledBoxes, paint
from chexnomaly.ops.connected_components import find_components


def boxes_to_mask(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Fill axis-aligned boxes into one binary mask.

    Args:
        boxes: Corners, xyxy, px. Shape (N, 4); N may be 0.
        size: Height and width of the mask, px.

    Returns:
        1.0 where a pixel's center lies inside any box, else 0.0. Shape (1, H, W),
        float32. A box that covers no pixel center leaves no trace.

    Raises:
        ValueError: A box is inverted, not finite, or leaves the mask.
    """
    height, width = size
    corners = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    _check_boxes(corners, height, width)
    mask = torch.zeros(1, height, width)
    # The first center at or right of x is the one of pixel ceil(x - 0.5).
    for left, top, right, bottom in np.ceil(corners - 0.5).astype(int):
        mask[0, top:bottom, left:right] = 1.0
    return mask


def _check_boxes(corners: np.ndarray, height: int, width: int) -> None:
    left, top, right, bottom = corners.T
    inside = (left >= 0) & (top >= 0) & (right <= width) & (bottom <= height)
    good = inside & (left <= right) & (top <= bottom)  # False for NaN as well
    if not good.all():
        worst = corners[~good][0].tolist()
        raise ValueError(
            f"box {worst} is inverted, not finite, or leaves the mask; "
            f"expected 0 <= x_min <= x_max <= {width}, 0 <= y_min <= y_max <= {height}"
        )


def mask_to_boxes(mask: Tensor) -> Tensor:
    """Bound each 8-connected component of a mask.

    Args:
        mask: Binary mask, foreground where > 0.5. Shape (1, H, W).

    Returns:
        Tight corners, xyxy, px, in reading order of the components' first pixels.
        Shape (N, 4), float32. The inverse of `boxes_to_mask` for boxes on the pixel
        grid that do not touch each other.
    """
    return masks_to_boxes(mask.unsqueeze(0))[0]


def masks_to_boxes(masks: Tensor) -> list[Tensor]:
    """Bound the components of each mask of a batch, (B, 1, H, W), in one pass."""
    boxes = find_components(masks.detach()[:, 0] > 0.5).boxes.cpu()
    counts = boxes[:, 0].bincount(minlength=len(masks))
    return list(boxes[:, [2, 1, 4, 3]].float().split(counts.tolist()))


def rectangularize(probs: Tensor, threshold: float = 0.5, min_area: int = 16) -> Tensor:
    """Replace each blob of a probability map by its bounding box.

    Every 8-connected component of `probs > threshold` with at least `min_area`
    pixels becomes its bounding box, filled with the component's mean probability.
    Where boxes overlap the larger mean stands. All other pixels stay unchanged, so
    that the transform is the identity while nothing exceeds the threshold.

    A filled pixel passes its gradient to the pixels of the component, equally; a
    pixel inside a box but outside the component gets none: the model is not taught
    the rectangle. Pixels outside every box keep their own gradient.

    Args:
        probs: Probabilities in [0, 1]. Shape (B, 1, H, W), any float dtype, any
            device.
        threshold: A pixel is foreground when it is strictly above.
        min_area: Smallest component that is transformed, px of this map. The recipes
            pass 16 at 512 px and scale it with the image area.

    Returns:
        Transformed probabilities, same shape, dtype and device; differentiable.

    Raises:
        ValueError: The shape is not (B, 1, H, W).

    References:
        Paper, Section IV-A and Figure 6; the reading is ours.
    """
    _check_map(probs)
    wide = probs if probs.dtype == torch.float64 else probs.float()
    return FilledBoxes.apply(wide, threshold, min_area).to(probs.dtype)


def _check_map(probs: Tensor) -> None:
    if probs.ndim != 4 or probs.shape[1] != 1:
        raise ValueError(
            f"expected probs of shape (B, 1, H, W), got {tuple(probs.shape)}"
        )


def straight_through_boxes(
    probs: Tensor, threshold: float = 0.5, min_area: int = 16
) -> Tensor:
    """Harden a probability map into 0/1 boxes, with the identity as gradient.

    Another reading of the paper's transform: the loss sees hard rectangles, and its
    gradient is handed to the probabilities as if nothing had been done.

    Args:
        probs: Probabilities in [0, 1]. Shape (B, 1, H, W).
        threshold: A pixel is foreground when it is strictly above.
        min_area: Smallest component that becomes a box, px.

    Returns:
        1.0 inside the box of any component, else 0.0, same shape. Detach it for
        the variant without any gradient.

    Raises:
        ValueError: The shape is not (B, 1, H, W).
    """
    _check_map(probs)
    found = find_components(probs.detach()[:, 0] > threshold).at_least(min_area)
    nothing = torch.zeros_like(probs[:, 0], dtype=torch.float32)
    order = torch.arange(len(found), device=probs.device)
    hard = paint(nothing, found, order, torch.ones_like(order)).to(probs.dtype)
    return probs + (hard.unsqueeze(1) - probs).detach()


def soft_boxes(probs: Tensor) -> Tensor:
    """Bound a probability map softly: the smaller of its row and column maximum.

    Another reading of the paper's transform, without threshold or components. It is
    right for one object and draws ghosts for two.

    Args:
        probs: Probabilities in [0, 1]. Shape (B, 1, H, W).

    Returns:
        min(max over the row, max over the column), same shape; differentiable.

    Raises:
        ValueError: The shape is not (B, 1, H, W).
    """
    _check_map(probs)
    return torch.minimum(probs.amax(-1, keepdim=True), probs.amax(-2, keepdim=True))
