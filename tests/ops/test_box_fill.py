"""The transform's two ways give one result, and its gradient is the stated one."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import label, regionprops

from chexnomaly.boxes import rectangularize, straight_through_boxes
from chexnomaly.ops import connected_components as components
from chexnomaly.ops.box_fill import constant_runs
from tests.ops.test_connected_components import MASKS


def both_ways(function, *arguments):
    """Run a function as on the CPU, and as on any other device."""
    here = function(*arguments)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(components, "is_on_cpu", lambda tensor: False)
        return here, function(*arguments)


def with_gradient(probs, threshold, min_area, weights):
    probs = probs.clone().requires_grad_()
    boxed = rectangularize(probs, threshold, min_area)
    (boxed * weights).sum().backward()
    return boxed.detach(), probs.grad


def oracle(probs: np.ndarray, weights: np.ndarray, threshold: float, min_area: int):
    """Values and gradient by scikit-image, one image, one component at a time."""
    labels = label(probs > threshold, connectivity=2)
    on_top = np.full(probs.shape, -1.0)
    owner = np.zeros(probs.shape, dtype=int)
    kept = [r for r in regionprops(labels) if r.area >= min_area]
    for region in kept:
        top, left, bottom, right = region.bbox
        mean = probs[labels == region.label].mean()
        box = np.s_[top:bottom, left:right]
        higher = on_top[box] <= mean
        on_top[box] = np.where(higher, mean, on_top[box])
        owner[box] = np.where(higher, region.label, owner[box])
    gradient = np.where(owner > 0, 0.0, weights)
    for region in kept:
        inside = labels == region.label
        gradient[inside] += weights[owner == region.label].sum() / region.area
    return np.where(owner > 0, on_top, probs), gradient


def check(probs: np.ndarray, threshold: float, min_area: int, seed: int) -> None:
    weights = np.random.default_rng(seed).normal(size=probs.shape)
    expected = [
        oracle(p, w, threshold, min_area) for p, w in zip(probs, weights, strict=True)
    ]
    maps = torch.from_numpy(probs).unsqueeze(1), torch.from_numpy(weights).unsqueeze(1)
    for boxed, gradient in both_ways(
        with_gradient, maps[0], threshold, min_area, maps[1]
    ):
        values, slopes = (np.stack(part) for part in zip(*expected, strict=True))
        np.testing.assert_allclose(boxed[:, 0], values, rtol=1e-12)
        np.testing.assert_allclose(gradient[:, 0], slopes, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("min_area", [1, 2, 40])
def test_values_and_gradient_on_adversarial_masks(name, min_area):
    mask = MASKS[name][:65, :65]
    noise = np.random.default_rng(1).uniform(0.0, 0.4, (2, *mask.shape))
    check(np.where(np.stack([mask, ~mask]), 0.55 + noise, noise), 0.5, min_area, 2)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 24), st.integers(1, 24)),
    smooth=st.integers(0, 3),
    min_area=st.integers(1, 12),
    threshold=st.floats(0.2, 0.8),
)
def test_values_and_gradient_on_any_map(seed, shape, smooth, min_area, threshold):
    probs = np.random.default_rng(seed).random(shape)
    for _ in range(smooth):
        probs = (probs + np.roll(probs, 1, 1) + np.roll(probs, 1, 2)) / 3
    check(probs, threshold, min_area, seed)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), min_area=st.integers(1, 9))
def test_boxes_of_equal_means_are_painted_in_one_order_on_both_ways(seed, min_area):
    # One level of brightness: every overlap is a tie, which only the order breaks.
    probs = (np.random.default_rng(seed).random((2, 1, 19, 23)) > 0.6) * 0.75
    weights = torch.from_numpy(np.random.default_rng(seed).normal(size=probs.shape))
    maps = torch.from_numpy(probs).float()
    here, there = both_ways(with_gradient, maps, 0.5, min_area, weights)
    assert torch.equal(here[0], there[0])
    torch.testing.assert_close(here[1], there[1])


def test_hard_boxes_are_the_same_on_both_ways():
    probs = torch.rand(3, 1, 40, 40, generator=torch.Generator().manual_seed(3))
    here, there = both_ways(straight_through_boxes, probs, 0.8, 2)
    assert torch.equal(here, there)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_float_type_comes_back_as_it_came(dtype):
    probs = torch.full((1, 1, 6, 6), 0.25, dtype=dtype)
    probs[0, 0, 1, 1:3] = probs[0, 0, 2, 2] = 0.75
    for boxed in both_ways(rectangularize, probs, 0.5, 1):
        assert boxed.dtype == dtype
        assert boxed[0, 0, 1:3, 1:3].tolist() == [[0.75, 0.75], [0.75, 0.75]]
        assert boxed.sum() == 4 * 0.75 + 32 * 0.25


def test_a_channels_last_map_and_a_strided_gradient_are_understood():
    probs = torch.rand(2, 1, 9, 8, generator=torch.Generator().manual_seed(4))
    weights = torch.rand(2, 1, 8, 9).transpose(2, 3)
    plain = with_gradient(probs, 0.5, 1, weights.contiguous())
    last = probs.to(memory_format=torch.channels_last)
    for one, other in zip(with_gradient(last, 0.5, 1, weights), plain, strict=True):
        assert torch.equal(one, other)


def test_runs_of_one_owner_never_leave_their_row():
    owners = torch.tensor([[[0, 0, 1], [1, 1, -1], [2, -1, 2]]])
    runs = constant_runs(owners)
    assert runs.starts.tolist() == [0, 2, 3, 6, 8]
    assert runs.lengths.tolist() == [2, 1, 2, 1, 1]
    assert runs.owner.tolist() == [0, 1, 1, 2, 2]
