"""Boxes against pencil arithmetic and scikit-image."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import label, regionprops

from chexnomaly.boxes import (
    boxes_to_mask,
    mask_to_boxes,
    masks_to_boxes,
    rectangularize,
    soft_boxes,
    straight_through_boxes,
)


def test_a_box_of_two_by_one_pixels_fills_two_pixels():
    mask = boxes_to_mask(torch.tensor([[1.0, 1.0, 3.0, 2.0]]), (4, 5))
    assert mask.sum() == 2
    assert mask[0, 1, 1] == 1 and mask[0, 1, 2] == 1


def test_a_pixel_is_in_when_its_center_is():
    # Centers lie at 0.5, 1.5, 2.5; the box spans [0.6, 2.4), so only 1.5 is inside.
    mask = boxes_to_mask(torch.tensor([[0.6, 0.0, 2.4, 1.0]]), (1, 3))
    assert mask[0, 0].tolist() == [0.0, 1.0, 0.0]


def test_no_boxes_give_an_empty_mask():
    assert boxes_to_mask(torch.zeros(0, 4), (3, 4)).sum() == 0


@pytest.mark.parametrize(
    "box",
    [[3, 0, 1, 1], [0, 2, 1, 1], [-1, 0, 1, 1], [0, 0, 9, 1], [0, 0, float("nan"), 1]],
)
def test_bad_boxes_are_refused(box):
    with pytest.raises(ValueError, match="expected 0 <= x_min"):
        boxes_to_mask(torch.tensor([box], dtype=torch.float32), (4, 4))


def test_boxes_and_masks_are_inverse_for_separate_boxes():
    boxes = torch.tensor([[0.0, 0, 2, 3], [5, 1, 8, 2], [1, 6, 3, 9]])
    mask = boxes_to_mask(boxes, (10, 10))
    found = mask_to_boxes(mask)
    assert sorted(found.tolist()) == sorted(boxes.tolist())
    assert torch.equal(boxes_to_mask(found, (10, 10)), mask)


def test_a_batch_of_masks_keeps_its_images_apart():
    masks = torch.zeros(4, 1, 5, 5)
    masks[1, 0, 4, :2] = 1  # the last row of one image and the first of the next
    masks[2, 0, 0, :2] = 1
    masks[2, 0, 2:4, 3] = 1
    found = [boxes.tolist() for boxes in masks_to_boxes(masks)]
    assert found == [[], [[0, 4, 2, 5]], [[0, 0, 2, 1], [3, 2, 4, 4]], []]
    assert found == [mask_to_boxes(mask).tolist() for mask in masks]
    assert masks_to_boxes(masks[:0]) == []


def test_components_touching_at_a_corner_are_one():
    mask = torch.zeros(1, 4, 4)
    mask[0, 0, 0] = mask[0, 1, 1] = 1
    assert mask_to_boxes(mask).tolist() == [[0, 0, 2, 2]]


def oracle(probs: np.ndarray, threshold: float, min_area: int) -> np.ndarray:
    """The transform by scikit-image, one image, one component at a time."""
    labels = label(probs > threshold, connectivity=2)
    filled = np.full_like(probs, -1.0)
    for region in regionprops(labels):
        if region.area < min_area:
            continue
        top, left, bottom, right = region.bbox
        mean = probs[labels == region.label].mean()
        box = filled[top:bottom, left:right]
        np.maximum(box, mean, out=box)
    return np.where(filled >= 0, filled, probs)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    smooth=st.integers(0, 3),
    min_area=st.integers(1, 20),
    threshold=st.floats(0.2, 0.8),
)
def test_the_transform_equals_scikit_image(seed, smooth, min_area, threshold):
    rng = np.random.default_rng(seed)
    probs = rng.random((3, 17, 23))
    for _ in range(smooth):
        probs = (probs + np.roll(probs, 1, 1) + np.roll(probs, 1, 2)) / 3
    ours = rectangularize(torch.from_numpy(probs)[:, None], threshold, min_area)
    expected = np.stack([oracle(p, threshold, min_area) for p in probs])
    np.testing.assert_allclose(ours[:, 0].numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("shape", ["spiral", "checkerboard", "border", "full", "none"])
def test_the_transform_on_adversarial_masks(shape):
    probs = np.full((33, 33), 0.1)
    if shape == "spiral":
        probs[::4, :] = probs[:, ::4] = 0.9
        probs[2::8, 16] = 0.1
    elif shape == "checkerboard":
        probs[::2, ::2] = 0.8
    elif shape == "border":
        probs[0, :] = probs[-1, :] = probs[:, 0] = 0.7
    elif shape == "full":
        probs[:] = 0.9
    for min_area in (1, 2, 50):
        ours = rectangularize(torch.from_numpy(probs)[None, None], 0.5, min_area)[0, 0]
        np.testing.assert_allclose(
            ours.numpy(), oracle(probs, 0.5, min_area), rtol=1e-6
        )


def test_components_never_join_across_images():
    probs = torch.zeros(2, 1, 4, 4)
    probs[0, 0, 3, 3] = probs[1, 0, 3, 0] = 0.9
    assert torch.equal(rectangularize(probs, min_area=1), probs)


def test_the_map_is_unchanged_while_nothing_exceeds_the_threshold():
    probs = torch.rand(2, 1, 8, 8) * 0.5
    assert torch.equal(rectangularize(probs), probs)


def test_gradient_reaches_the_component_and_not_the_rest_of_its_box():
    # An L of five pixels in a 3 x 3 box: the four other pixels of the box get none.
    probs = torch.full((1, 1, 5, 5), 0.2)
    probs[0, 0, 1:4, 1] = probs[0, 0, 3, 1:4] = 0.8
    component = probs > 0.5
    probs.requires_grad_()
    boxed = rectangularize(probs, min_area=1)
    boxed[0, 0, 1:4, 1:4].sum().backward()
    # Nine filled pixels, each the mean of five: 9 / 5 to every component pixel.
    assert torch.allclose(probs.grad[component], torch.tensor(9 / 5))
    assert probs.grad[~component].abs().sum() == 0


def test_overlapping_boxes_keep_the_larger_mean():
    probs = torch.zeros(1, 1, 7, 7)
    probs[0, 0, 0, 0:5] = probs[0, 0, 0:5, 0] = 0.6  # an L whose box is 5 x 5
    probs[0, 0, 2:4, 2:7] = 0.9  # a bar that reaches into it
    boxed = rectangularize(probs, min_area=1)[0, 0]
    assert boxed[3, 3] == pytest.approx(0.9)
    assert boxed[4, 4] == pytest.approx(0.6)


def test_small_components_stay_unchanged():
    probs = torch.zeros(1, 1, 6, 6)
    probs[0, 0, 0, 0] = probs[0, 0, 1, 1] = 0.9
    assert torch.equal(rectangularize(probs, min_area=3), probs)


def test_straight_through_gives_hard_boxes_and_an_identity_gradient():
    probs = torch.full((1, 1, 4, 4), 0.1)
    probs[0, 0, 1, 1] = probs[0, 0, 2, 2] = 0.7
    probs.requires_grad_()
    hard = straight_through_boxes(probs, min_area=1)
    assert sorted(hard.detach().unique().tolist()) == pytest.approx([0, 1], abs=1e-6)
    assert hard.detach().sum() == pytest.approx(4)
    hard.sum().backward()
    assert torch.equal(probs.grad, torch.ones_like(probs))


def test_soft_boxes_are_right_for_one_rectangle_and_draw_ghosts_for_two():
    one = boxes_to_mask(torch.tensor([[1.0, 2, 4, 5]]), (8, 8))[None]
    assert torch.equal(soft_boxes(one), one)
    two = boxes_to_mask(torch.tensor([[0.0, 0, 2, 2], [5, 5, 7, 7]]), (8, 8))[None]
    assert soft_boxes(two).sum() == 2 * two.sum()


@pytest.mark.parametrize(
    "transform", [rectangularize, straight_through_boxes, soft_boxes]
)
def test_other_shapes_are_refused(transform):
    with pytest.raises(ValueError, match=r"\(B, 1, H, W\)"):
        transform(torch.rand(2, 3, 4, 4))
