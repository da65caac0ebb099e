import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label, regionprops

from chexnomaly.datasets.annotations.lesion_masks import component_boxes, runs_to_mask
from tests.run_lengths import mask_to_runs


def test_runs_go_down_the_columns_from_the_end_of_the_run_before():
    """3 x 2 pixels, numbered down the columns 0-5: "1 2 1 1" marks 1, 2 and 4."""
    mask = runs_to_mask("1 2 1 1", height_px=3, width_px=2)
    assert mask.astype(int).tolist() == [[0, 0], [1, 1], [1, 0]]


def test_no_mask_is_empty():
    assert not runs_to_mask("-1", 3, 2).any()
    assert mask_to_runs(np.zeros((3, 2), dtype=bool)) == "-1"


@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_encoding_is_undone_by_decoding(mask):
    np.testing.assert_array_equal(runs_to_mask(mask_to_runs(mask), *mask.shape), mask)


@pytest.mark.parametrize(
    "text", ["", "  ", "1", "1 2 3", "a b", "-1 5", "1.5 2", "99 1", "5 2", "9" * 40]
)
def test_what_is_no_run_list_of_this_image_is_refused(text):
    with pytest.raises(ValueError, match="pairs of integers|outside the image"):
        runs_to_mask(text, 3, 2)


def test_each_component_gets_its_own_box():
    mask = np.zeros((20, 40), dtype=bool)
    mask[2:8, 3:9] = True
    mask[10:20, 30:40] = True
    mask[15, 15] = True  # a slip of the pen
    assert component_boxes(mask) == [(3, 2, 9, 8), (30, 10, 40, 20)]


def test_boxes_agree_with_scikit_image():
    mask = np.random.default_rng(0).random((64, 48)) > 0.62
    regions = regionprops(label(mask, connectivity=2))
    expected = sorted(
        (x0, y0, x1, y1) for y0, x0, y1, x1 in (r.bbox for r in regions if r.area >= 4)
    )
    assert sorted(component_boxes(mask, min_area_px=4)) == expected


def test_an_empty_mask_has_no_boxes():
    assert component_boxes(np.zeros((5, 5), dtype=bool)) == []
