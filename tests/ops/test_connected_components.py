"""Components, on both ways, against scikit-image."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label, regionprops

from chexnomaly.ops import connected_components as components
from chexnomaly.ops.connected_components import find_components

WAYS = ["cpu", "device"]


@pytest.fixture
def way(request, monkeypatch):
    """Take the way of the CPU, or the one of all other devices, whose code is plain."""
    if request.param == "device":
        monkeypatch.setattr(components, "is_on_cpu", lambda tensor: False)


def spiral(side: int) -> np.ndarray:
    """One path of one pixel's width, wound up with one pixel between its turns."""
    path = np.zeros((side, side), dtype=bool)
    y, x, dy, dx = 0, 0, 0, 1
    path[y, x] = True
    for _ in range(4 * side):
        for _ in range(side):
            ahead = y + dy, x + dx
            beyond = y + 2 * dy, x + 2 * dx
            out = not (0 <= ahead[0] < side and 0 <= ahead[1] < side)
            inside = 0 <= beyond[0] < side and 0 <= beyond[1] < side
            if out or (inside and path[beyond]):
                break
            y, x = ahead
            path[y, x] = True
        dy, dx = dx, -dy
    return path


def dots(side: int) -> np.ndarray:
    """Pixels that touch nothing: (side / 2)^2 components."""
    mask = np.zeros((side, side), dtype=bool)
    mask[::2, ::2] = True
    return mask


def comb(side: int) -> np.ndarray:
    """Teeth that meet at the very last row: their labels differ until then."""
    mask = np.zeros((side, side), dtype=bool)
    mask[:, ::2] = mask[-1] = True
    return mask


def border(side: int) -> np.ndarray:
    mask = np.ones((side, side), dtype=bool)
    mask[1:-1, 1:-1] = False
    return mask


MASKS = {
    "spiral": spiral(65),
    "spiral upside down": spiral(65)[::-1, ::-1],
    "10,000 dots": dots(200),
    "checkerboard": np.indices((40, 41)).sum(axis=0) % 2 == 0,
    "comb": comb(63),
    "comb on its side": comb(63).T,
    "border": border(30),
    "diagonal": np.eye(33, dtype=bool)[:, ::-1],
    "full": np.ones((20, 17), dtype=bool),
    "none": np.zeros((20, 17), dtype=bool),
    "one pixel": np.ones((1, 1), dtype=bool),
}


def check(batch: np.ndarray) -> None:
    """Compare labels, boxes and areas of a batch with scikit-image, image by image."""
    found = find_components(torch.from_numpy(batch))
    ours = np.zeros(batch.size, dtype=int)
    pixels, owner = found.runs.pixels()
    ours[pixels.numpy()] = owner.numpy() + 1
    expected, boxes, areas = np.zeros(batch.shape, dtype=int), [], []
    for image, mask in enumerate(batch):
        labels = label(mask, connectivity=2)
        expected[image] = np.where(mask, labels + len(areas), 0)
        for region in regionprops(labels):
            boxes.append((image, *region.bbox))
            areas.append(region.area)
    np.testing.assert_array_equal(ours.reshape(batch.shape), expected)
    np.testing.assert_array_equal(found.boxes, np.reshape(boxes, (-1, 5)))
    np.testing.assert_array_equal(found.areas, areas)


@pytest.mark.parametrize("way", WAYS, indirect=True)
@pytest.mark.parametrize("name", MASKS)
def test_components_of_adversarial_masks_are_those_of_scikit_image(way, name):
    check(np.stack([MASKS[name], ~MASKS[name], MASKS[name]]))


def test_the_spiral_is_one_path_and_there_are_ten_thousand_dots():
    assert label(MASKS["spiral"], connectivity=2).max() == 1
    assert MASKS["spiral"].sum() > 65 * 65 / 3
    assert label(MASKS["10,000 dots"], connectivity=2).max() == 10_000


@settings(max_examples=80, deadline=None)
@given(st.data())
@pytest.mark.parametrize("device_way", [False, True])
def test_components_of_any_mask_are_those_of_scikit_image(device_way, data):
    shape = data.draw(st.tuples(*(st.integers(1, high) for high in (3, 12, 12))))
    batch = data.draw(arrays(bool, shape))
    with pytest.MonkeyPatch.context() as patch:
        if device_way:
            patch.setattr(components, "is_on_cpu", lambda tensor: False)
        check(batch)


@pytest.mark.parametrize("way", WAYS, indirect=True)
def test_small_components_are_left_out_and_the_others_numbered_anew(way):
    mask = torch.zeros(1, 3, 9, dtype=torch.bool)
    mask[0, 0, 0] = mask[0, :, 2] = mask[0, 1, 4] = mask[0, 1, 6:9] = True
    kept = find_components(mask).at_least(3)
    assert kept.boxes.tolist() == [[0, 0, 2, 3, 3], [0, 1, 6, 2, 9]]
    assert kept.areas.tolist() == [3, 3]
    assert kept.runs.owner.tolist() == [0, 0, 1, 0]
    assert kept.runs.starts.tolist() == [2, 11, 15, 20]
