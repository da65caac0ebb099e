"""Losses under readings that are not the register's (register items 27, 30, 31, 61)."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from chexnomaly.boxes import soft_boxes, straight_through_boxes
from chexnomaly.losses import printed_focal_loss, sigmoid_focal_loss
from chexnomaly.systems.recipe import Options
from chexnomaly.training.schedule import Loss

READINGS = ("straight_through", "soft_boxes", "printed_focal", "cross_entropy")
"""Transform into hard boxes with the identity as gradient; into row and column
maxima; no transform and the focal loss as printed; no transform and plain
cross-entropy, the "before" of Fig. 14."""


FLOOR = 0.01
"""Boxes of 0 and 1 are drawn this far from both, since a logarithm follows whose slope
would be without bound; a clip would take the gradient away."""


def reading_loss(reading: str, options: Options, min_area: int) -> Loss:
    """Build a loss under another reading.

    Args:
        reading: One of `READINGS`.
        options: Gives alpha and gamma.
        min_area: Smallest component that becomes a box, px.

    Returns:
        A loss of logits and masks, (B, 1, S, S).

    Raises:
        ValueError: The reading is unknown.
    """
    weights = {"alpha": options.alpha, "gamma": options.gamma}
    if reading == "cross_entropy":
        return F.binary_cross_entropy_with_logits
    if reading == "printed_focal":
        return partial(_printed, **weights)
    if reading == "straight_through":
        boxes = partial(straight_through_boxes, min_area=min_area)
        return partial(_focal_after, boxes, **weights)
    if reading == "soft_boxes":
        return partial(_focal_after, soft_boxes, **weights)
    raise ValueError(f"reading {reading!r}, expected one of {READINGS}")


def _focal_after(transform, logits: Tensor, mask: Tensor, **weights) -> Tensor:
    boxed = transform(torch.sigmoid(logits.float()))
    inner = FLOOR + (1 - 2 * FLOOR) * boxed
    return sigmoid_focal_loss(torch.logit(inner), mask, **weights)


def _printed(logits: Tensor, mask: Tensor, **weights) -> Tensor:
    return printed_focal_loss(torch.sigmoid(logits.float()), mask, **weights).mean()
