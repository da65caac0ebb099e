"""The losses of the paper: focal, focal over boxes, contrastive.

Departures from the printed text:
- The printed focal loss has a second term that is negative and unbounded; the text
  names the standard one, which is what is used (`printed_focal_loss` shows the
  other).
- The contrastive loss is the printed equation; the distance it receives is a root
  mean square, so that a margin of 1 means the same for any number of features.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from chexnomaly.boxes import rectangularize

PROBABILITY_FLOOR = 1e-7
"""Probabilities are kept this far from 0 and 1 before a logarithm."""


def sigmoid_focal_loss(
    logits: Tensor,
    mask: Tensor,
    alpha: float = 0.25,
    gamma: float = 2.0,
    reduction: str = "mean",
) -> Tensor:
    r"""Focal loss of independent pixels, computed from logits.

    .. math:: L = -\alpha (1 - p)^\gamma y \log p
                  - (1 - \alpha) p^\gamma (1 - y) \log(1 - p)

    Args:
        logits: Unbounded scores; p is their sigmoid. Any shape.
        mask: Targets y in {0, 1}, same shape.
        alpha: Weight of the positive class; the negative class gets 1 - alpha.
            0.25 in Section IV-A.
        gamma: Focusing exponent; 0 leaves a weighted cross-entropy. 2.0 in
            Section IV-A.
        reduction: "mean", "sum" or "none".

    Returns:
        Loss, >= 0; a scalar unless reduction is "none".

    Raises:
        ValueError: The shapes differ or the reduction is unknown.

    References:
        Lin et al., Focal Loss for Dense Object Detection, 2017. Paper, Section IV-A.
    """
    _check_shapes(logits, mask)
    cross_entropy = F.binary_cross_entropy_with_logits(logits, mask, reduction="none")
    probs = torch.sigmoid(logits)
    wrong = probs + mask - 2 * probs * mask  # 1 - p where y is 1, p where y is 0
    weight = alpha * mask + (1 - alpha) * (1 - mask)
    return _reduce(weight * wrong**gamma * cross_entropy, reduction)


def box_focal_loss(
    logits: Tensor,
    mask: Tensor,
    alpha: float = 0.25,
    gamma: float = 2.0,
    threshold: float = 0.5,
    min_area: int = 16,
    reduction: str = "mean",
) -> Tensor:
    """Focal loss over rectangularized probabilities: the paper's custom loss.

    Args:
        logits: Unbounded scores. Shape (B, 1, H, W).
        mask: Targets in {0, 1}, same shape.
        alpha: As in `sigmoid_focal_loss`.
        gamma: As in `sigmoid_focal_loss`.
        threshold: As in `boxes.rectangularize`.
        min_area: As in `boxes.rectangularize`, px of this map.
        reduction: "mean", "sum" or "none".

    Returns:
        Loss, >= 0; equals `sigmoid_focal_loss` while no probability exceeds the
        threshold (to the floor at which probabilities are clipped).

    Raises:
        ValueError: The shapes differ or are not (B, 1, H, W).

    References:
        Paper, Section IV-A: y' = transform(y_pred), then the focal loss of y'.
    """
    _check_shapes(logits, mask)
    boxed = rectangularize(torch.sigmoid(logits.float()), threshold, min_area)
    boxed = boxed.clamp(PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)
    return sigmoid_focal_loss(torch.logit(boxed), mask, alpha, gamma, reduction)


def printed_focal_loss(
    probs: Tensor, mask: Tensor, alpha: float = 0.25, gamma: float = 2.0
) -> Tensor:
    """Evaluate the focal loss exactly as printed, per pixel, to show what it does.

    Its second term, -(alpha - 1)(1 - p)^gamma log(p)(1 - y), is negative and falls
    without bound as p goes to 0. Nothing is trained with it by default.

    Args:
        probs: Probabilities in [0, 1], clipped at 1e-7. Any shape.
        mask: Targets in {0, 1}, same shape.
        alpha: Balancing factor.
        gamma: Modulating factor.

    Returns:
        Per-pixel values, same shape; negative on the background.

    References:
        Paper, Section IV-A, the equation under "The loss function is defined as".
    """
    _check_shapes(probs, mask)
    p = probs.clamp(min=PROBABILITY_FLOOR)
    positive = -alpha * (1 - p) ** gamma * p.log() * mask
    negative = -(alpha - 1) * (1 - p) ** gamma * p.log() * (1 - mask)
    return positive + negative


def contrastive_loss(distance: Tensor, similar: Tensor, margin: float = 1.0) -> Tensor:
    r"""Pull similar pairs together, push dissimilar ones a margin apart.

    .. math:: L = \tfrac12 y D^2 + \tfrac12 (1 - y) \max(0, \phi - D)^2

    Args:
        distance: D >= 0 between the twins' features. Shape (B,).
        similar: y, 1 for a similar pair and 0 for a dissimilar one. Shape (B,).
        margin: phi, the distance beyond which dissimilar pairs are left alone.

    Returns:
        Mean over the pairs, >= 0, a scalar.

    Raises:
        ValueError: The shapes differ.

    References:
        Paper, Section IV-E. Hadsell, Chopra and LeCun, 2006.
    """
    _check_shapes(distance, similar)
    pull = similar * distance**2
    push = (1 - similar) * (margin - distance).clamp(min=0) ** 2
    return 0.5 * (pull + push).mean()


def _check_shapes(prediction: Tensor, target: Tensor) -> None:
    if prediction.shape != target.shape:
        raise ValueError(
            f"expected prediction and target of one shape, got "
            f"{tuple(prediction.shape)} and {tuple(target.shape)}"
        )


def _reduce(loss: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"reduction {reduction!r}; expected 'mean', 'sum' or 'none'")
