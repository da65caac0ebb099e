"""The loss of each recipe (Sections IV-A and IV-E; register items 27, 30, 31, 61)."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from chexnomaly.boxes import soft_boxes, straight_through_boxes
from chexnomaly.losses import (
    box_focal_loss,
    contrastive_loss,
    printed_focal_loss,
    sigmoid_focal_loss,
)
from chexnomaly.systems.options import Options
from chexnomaly.training.schedule import Loss

MIN_AREA_AT_512 = 16
"""Smallest component that the transform takes for a finding, px of a 512-px map."""

BOX_MARGIN = 0.01
"""Boxes of 0 and 1 are drawn this far from both, since a logarithm follows whose slope
would be without bound; a clip would take the gradient away."""


def min_area(size: int) -> int:
    """Scale the smallest component with the image area; at least 1 px."""
    return max(1, round(MIN_AREA_AT_512 * (size / 512) ** 2))


def segmentation_loss(size: int, options: Options, loss: str = "box_focal") -> Loss:
    """Build the loss of a network that draws masks.

    Args:
        size: Side of the masks, px; scales the smallest component.
        options: Gives alpha and gamma.
        loss: "box_focal", the paper's: transform into boxes, then focal loss. Other
            readings transform into hard boxes with the identity as gradient
            ("straight_through") or into row and column maxima ("soft_boxes"). Without
            a transform: "plain_focal", the focal loss as printed ("printed_focal"), or
            "cross_entropy", the "before" of Fig. 14.

    Returns:
        A loss of logits and masks, (B, 1, S, S).

    Raises:
        ValueError: The loss is unknown.
    """
    smallest = min_area(size)
    weights = {"alpha": options.alpha, "gamma": options.gamma}
    hard_boxes = partial(straight_through_boxes, min_area=smallest)
    losses = {
        "box_focal": partial(box_focal_loss, min_area=smallest, **weights),
        "straight_through": partial(_focal_after, hard_boxes, **weights),
        "soft_boxes": partial(_focal_after, soft_boxes, **weights),
        "plain_focal": partial(sigmoid_focal_loss, **weights),
        "printed_focal": partial(_printed_focal, **weights),
        "cross_entropy": F.binary_cross_entropy_with_logits,
    }
    if loss not in losses:
        raise ValueError(f"loss {loss!r}, expected one of {', '.join(losses)}")
    return losses[loss]


def _focal_after(transform, logits: Tensor, mask: Tensor, **weights) -> Tensor:
    boxed = transform(torch.sigmoid(logits.float()))
    inner = BOX_MARGIN + (1 - 2 * BOX_MARGIN) * boxed
    return sigmoid_focal_loss(torch.logit(inner), mask, **weights)


def _printed_focal(logits: Tensor, mask: Tensor, **weights) -> Tensor:
    return printed_focal_loss(torch.sigmoid(logits.float()), mask, **weights).mean()


def siamese_loss(
    prediction: tuple[Tensor, Tensor],
    similar: Tensor,
    margin: float = 1.0,
    contrastive: float = 1.0,
    cross_entropy: float = 1.0,
    on_head: bool = False,
) -> Tensor:
    """Contrastive loss on the distance plus cross-entropy on the head.

    Args:
        prediction: Logits and distances, (B,) each.
        similar: 1 for a similar pair, 0 for a dissimilar one, (B,).
        margin: As in `losses.contrastive_loss`.
        contrastive: Weight of the first term; 0 leaves it out.
        cross_entropy: Weight of the second.
        on_head: Take the sigmoid of the head, the chance of "dissimilar", for the
            distance in the first term.

    Returns:
        Mean over the pairs, >= 0, a scalar.

    References:
        Paper, Section IV-E, gives the first term as the loss and a sigmoid as the
        output; Table IV scores the sigmoid.
    """
    logits, distance = prediction
    if on_head:
        distance = torch.sigmoid(-logits)
    apart = contrastive_loss(distance, similar, margin)
    head = F.binary_cross_entropy_with_logits(logits, similar)
    return contrastive * apart + cross_entropy * head
