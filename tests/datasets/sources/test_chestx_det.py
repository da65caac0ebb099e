"""Outlines as masks, and lists that are none."""

import json

import numpy as np
import pytest
from matplotlib.path import Path as Outline

from chexnomaly.datasets.sources import chestx_det, nih
from chexnomaly.errors import AnnotationError


def test_a_square_outline_fills_as_its_box_does():
    """512 of 1024 px is 4 of 8: from 128 to 640 are the pixels 1 to 4."""
    square = np.array([[128, 256], [640, 256], [640, 512], [128, 512]], float)
    mask = chestx_det.polygon_mask([("effusion", square)], 8)
    assert mask.sum() == 4 * 2 and mask[2:4, 1:5].all()


def test_a_mask_joins_its_outlines():
    left = np.array([[0, 0], [512, 0], [512, 1024], [0, 1024]], float)
    outlines = [("fracture", left), ("atelectasis", 1024 - left)]
    assert chestx_det.polygon_mask(outlines, 16).all()
    assert chestx_det.polygon_mask(outlines[1:], 16).sum() == 128
    assert not chestx_det.polygon_mask([], 16).any()


def test_real_outlines_fill_the_pixels_whose_center_they_enclose():
    outlines = nih.read_outlines(nih.shipped())
    assert len(outlines) == 173 and sum(map(bool, outlines.values())) == 135
    size = 64
    centers = (np.indices((size, size)).reshape(2, -1).T[:, ::-1] + 0.5) * 1024 / size
    inside = outside = 0
    for marked in [v for v in outlines.values() if v][:20]:
        expected = np.zeros(size * size, bool)
        for _, outline in marked:
            expected |= Outline(outline).contains_points(centers)
        found = chestx_det.polygon_mask(marked, size).ravel()
        inside += expected.sum()
        outside += (found != expected).sum()
    assert outside <= 0.002 * inside  # centers that lie on an outline


def test_outlines_lie_in_their_boxes():
    root = nih.shipped()
    boxes, outlines, _ = chestx_det.read_markings(root / chestx_det.FILES[0], str)
    for name, rows in boxes.groupby("image_id"):
        corners = rows[["x_min", "y_min", "x_max", "y_max"]].to_numpy()
        for box, (_, outline) in zip(corners, outlines[name], strict=True):
            ends = np.concatenate([outline.min(axis=0), outline.max(axis=0)])
            assert np.abs(ends - box).max() <= 5, "the same lesion, but for a slip"


@pytest.mark.parametrize("text", ["{}", "[", "", "7", "[" * 100_000])
def test_what_is_no_list_is_refused_by_name(text, tmp_path):
    path = tmp_path / "chestx-det.json"
    path.write_text(text)
    with pytest.raises(AnnotationError, match="chestx-det") as told:
        chestx_det.read_markings(path, str)
    assert "list of films" in told.value.expected


@pytest.mark.parametrize(
    "entry",
    [
        7,
        {},
        {"file_name": 3, "syms": [], "boxes": [], "polygons": []},
        {"file_name": "a.png", "syms": ["Mass"], "boxes": [], "polygons": []},
        *(
            {"file_name": "a.png", "syms": ["Mass"], "boxes": [box], "polygons": [line]}
            for box, line in [
                ([1, 2, 3], [[1, 2], [3, 4], [5, 6]]),
                ([1, 2, 3, "x"], [[1, 2], [3, 4], [5, 6]]),
                ([1, 2, 3, 4], [[1, 2], [3, 4]]),
                ([1, 2, 3, 4], [[1, 2], [3, 4], [5, 2000]]),
                ([1, 2, 3, 4], [[1, 2], [3, 4], [5, float("nan")]]),
                ([1, 2, 3, 4], [[1, 2], [3, 4], "ab"]),
            ]
        ),
    ],
)
def test_an_entry_that_does_not_hold_is_refused_by_its_place(entry, tmp_path):
    path = tmp_path / "chestx-det.json"
    good = {"file_name": "b.png", "syms": [], "boxes": [], "polygons": []}
    path.write_text(json.dumps([good, entry]))
    boxes, outlines, refused = chestx_det.read_markings(path, str)
    assert [(r.row, r.file) for r in refused] == [(2, str(path))]
    assert set(outlines) == {"b"} and boxes.attrs["refused_ids"] <= {"a"}
