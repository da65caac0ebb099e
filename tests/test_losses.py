"""Losses against slow loops written from the paper's equations."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from chexnomaly.boxes import rectangularize
from chexnomaly.losses import (
    box_focal_loss,
    contrastive_loss,
    printed_focal_loss,
    sigmoid_focal_loss,
)


def focal_loop(logits: np.ndarray, mask: np.ndarray, alpha: float, gamma: float):
    """The standard focal loss, pixel by pixel."""
    values = []
    for z, y in zip(logits.ravel(), mask.ravel(), strict=True):
        p = 1 / (1 + math.exp(-z))
        if y == 1:
            values.append(-alpha * (1 - p) ** gamma * math.log(p))
        else:
            values.append(-(1 - alpha) * p**gamma * math.log(1 - p))
    return np.array(values).reshape(logits.shape)


@pytest.mark.parametrize("alpha", [0.25, 0.75])
@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 1, 5, 7)])
def test_focal_loss_equals_the_loop(alpha, gamma, shape):
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(shape, generator=generator, dtype=torch.float64) * 4
    mask = (torch.rand(shape, generator=generator) > 0.6).double()
    expected = focal_loop(logits.numpy(), mask.numpy(), alpha, gamma)
    ours = sigmoid_focal_loss(logits, mask, alpha, gamma, reduction="none")
    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-9)
    mean = sigmoid_focal_loss(logits, mask, alpha, gamma)
    assert float(mean) == pytest.approx(expected.mean(), rel=1e-9)


def test_gamma_zero_is_half_the_cross_entropy():
    logits, mask = torch.randn(2, 1, 4, 4), torch.randint(0, 2, (2, 1, 4, 4)).float()
    ours = sigmoid_focal_loss(logits, mask, alpha=0.5, gamma=0)
    plain = F.binary_cross_entropy_with_logits(logits, mask)
    assert torch.allclose(ours, plain / 2)


def test_focal_loss_stays_finite_at_extreme_logits():
    logits = torch.tensor([[[[-200.0, 200.0]]]], requires_grad=True)
    loss = sigmoid_focal_loss(logits, torch.tensor([[[[1.0, 0.0]]]]))
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(logits.grad).all()


def test_alpha_of_a_quarter_settles_at_half_where_the_chance_is_three_quarters():
    # d/dz of q a L1 + (1 - q)(1 - a) L0 vanishes at z = 0 for q a = (1 - q)(1 - a).
    z = torch.zeros(4, requires_grad=True)
    sigmoid_focal_loss(
        z, torch.tensor([1.0, 1.0, 1.0, 0.0]), reduction="sum"
    ).backward()
    assert float(z.grad.sum()) == pytest.approx(0, abs=1e-7)


def test_box_loss_equals_focal_loss_of_the_transformed_map():
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(2, 1, 16, 16, generator=generator, dtype=torch.float64)
    mask = (torch.rand(2, 1, 16, 16, generator=generator) > 0.7).double()
    boxed = rectangularize(torch.sigmoid(logits.float()), 0.5, 4).double()
    expected = focal_loop(torch.logit(boxed).numpy(), mask.numpy(), 0.25, 2.0).mean()
    ours = box_focal_loss(logits, mask, min_area=4)
    assert float(ours) == pytest.approx(expected, rel=1e-5)


def test_box_loss_is_focal_loss_while_nothing_exceeds_the_threshold():
    logits = -torch.rand(2, 1, 8, 8)
    mask = torch.randint(0, 2, (2, 1, 8, 8)).float()
    assert torch.allclose(
        box_focal_loss(logits, mask), sigmoid_focal_loss(logits, mask)
    )


def test_box_loss_gives_the_rest_of_a_box_no_gradient():
    logits = torch.full((1, 1, 5, 5), -2.0)
    logits[0, 0, 1:4, 1] = logits[0, 0, 3, 1:4] = 2.0
    logits.requires_grad_()
    box_focal_loss(logits, torch.zeros(1, 1, 5, 5), min_area=1).backward()
    inside_only = logits.grad[0, 0, 1:3, 2:4]
    assert inside_only.abs().sum() == 0
    assert (logits.grad[0, 0, 1:4, 1] > 0).all() and (logits.grad[0, 0, 0] > 0).all()


def test_the_printed_loss_is_unbounded_below_on_the_background():
    # 0.75 (1 - p)^2 log p at p = 1e-7, which the text's own weights give.
    value = printed_focal_loss(torch.tensor([1e-7]), torch.tensor([0.0]))
    assert float(value) == pytest.approx(0.75 * math.log(1e-7), rel=1e-5)
    assert float(value) < -12


def contrastive_loop(distance, similar, margin):
    total = 0.0
    for d, y in zip(distance, similar, strict=True):
        total += 0.5 * y * d**2 + 0.5 * (1 - y) * max(0.0, margin - d) ** 2
    return total / len(distance)


@pytest.mark.parametrize("margin", [0.5, 1.0, 2.0])
def test_contrastive_loss_equals_the_loop(margin):
    distance = torch.linspace(0, 3, 13, dtype=torch.float64)
    similar = torch.tensor([0.0, 1.0, 1.0] * 4 + [0.0], dtype=torch.float64)
    ours = contrastive_loss(distance, similar, margin)
    expected = contrastive_loop(distance.tolist(), similar.tolist(), margin)
    assert float(ours) == pytest.approx(expected, rel=1e-12)


def test_dissimilar_pairs_beyond_the_margin_are_left_alone():
    distance = torch.tensor([1.5], requires_grad=True)
    contrastive_loss(distance, torch.tensor([0.0])).backward()
    assert distance.grad == 0


@pytest.mark.parametrize("loss", [sigmoid_focal_loss, box_focal_loss, contrastive_loss])
def test_different_shapes_are_refused(loss):
    with pytest.raises(ValueError, match="one shape"):
        loss(torch.rand(2, 1, 4, 4), torch.rand(2, 1, 4, 5))


def test_an_unknown_reduction_is_refused():
    with pytest.raises(ValueError, match="'mean', 'sum' or 'none'"):
        sigmoid_focal_loss(torch.rand(3), torch.rand(3), reduction="median")


@pytest.mark.parametrize("alpha", [0.25, 0.5, 0.75])
def test_one_half_is_best_where_the_chance_is_what_alpha_lacks_to_one(alpha):
    probs = torch.linspace(0.01, 0.99, 99, dtype=torch.float64)
    kinds = torch.ones_like(probs), torch.zeros_like(probs)
    logits = torch.logit(probs)
    costs = [sigmoid_focal_loss(logits, y, alpha, reduction="none") for y in kinds]
    for chance, side in ((1 - alpha, 0), (0.9 - alpha, -1), (1.1 - alpha, 1)):
        best = probs[(chance * costs[0] + (1 - chance) * costs[1]).argmin()]
        assert torch.sign((best - 0.5).round(decimals=6)) == side
