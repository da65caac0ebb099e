"""Areas of rectangles against masks that are drawn."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from chexnomaly.boxes import boxes_to_mask
from chexnomaly.datasets.annotations.findings import COLUMNS
from chexnomaly.studies.annotations import rectangles as covers

SIZE = 24


def table(rows):
    """Rows of (image, reader, box or None), images of 48 px."""
    nothing = (np.nan,) * 4
    made = [
        (
            image,
            reader,
            "ild" if box else "no_finding",
            *(box or nothing),
            48,
            48,
            "t",
            k,
        )
        for k, (image, reader, box) in enumerate(rows, 2)
    ]
    return pd.DataFrame(made, columns=list(COLUMNS))


def drawn_masks(findings):
    """Draw each reader's mask of each image by the library's own function."""
    masks = {}
    for image, rows in findings.groupby("image_id"):
        boxed = rows[rows.finding != "no_finding"]
        masks[image] = [
            boxes_to_mask(
                torch.tensor(own[["x_min", "y_min", "x_max", "y_max"]].to_numpy() / 2),
                (SIZE, SIZE),
            )[0].numpy()
            for _, own in boxed.groupby("reader")
        ]
    return masks


side = st.tuples(st.floats(0, 48), st.floats(0, 48)).map(sorted)
box = st.tuples(side, side).map(lambda s: (s[0][0], s[1][0], s[0][1], s[1][1]))
row = st.tuples(
    st.sampled_from("abc"), st.sampled_from(("R1", "R2", "R3")), st.none() | box
)


@settings(max_examples=40, deadline=None)
@given(st.lists(row, min_size=1, max_size=14))
def test_areas_are_those_of_drawn_masks(rows):
    findings = table(rows)
    cover = covers.cover(findings, SIZE)
    pixels = covers.pixels_by_readers(cover)
    masks = drawn_masks(findings)
    assert cover.ids.tolist() == sorted(masks)
    assert (pixels.sum(axis=1) == SIZE**2).all()
    for k, image in enumerate(cover.ids):
        codes = np.zeros((SIZE, SIZE), int)
        for bit, mask in enumerate(masks[image]):
            codes += (1 << bit) * (mask > 0)
        wanted = np.bincount(codes.ravel(), minlength=pixels.shape[1])
        assert pixels[k].tolist() == wanted.tolist()


@settings(max_examples=40, deadline=None)
@given(st.lists(row, min_size=1, max_size=14), st.integers(0, 5))
def test_sums_and_overlaps_are_those_of_drawn_masks(rows, seed):
    findings = table(rows)
    cover = covers.cover(findings, SIZE)
    masks = drawn_masks(findings)
    nothing = np.zeros((SIZE, SIZE))
    unions = np.array([np.max([nothing, *masks[i]], axis=0) for i in cover.ids]) > 0
    rng = np.random.default_rng(seed)
    chosen = rng.random(len(unions)) < 0.5
    assert (
        covers.sum_of_rectangles(cover, chosen[cover.image])
        == unions[chosen].sum(axis=0)
    ).all()
    fixed = rng.random((3, SIZE, SIZE)) < 0.5
    shared = (unions[:, None] & fixed).sum(axis=(2, 3))
    assert (covers.overlap_with_masks(cover, fixed) == shared).all()
    corner = rng.integers(0, SIZE, (len(unions), 2))
    boxes = np.hstack([corner, rng.integers(corner + 1, SIZE + 1)])
    own = [u[t:b, x:r].sum() for u, (x, t, r, b) in zip(unions, boxes, strict=True)]
    assert covers.overlap_with_boxes(cover, boxes).tolist() == own


def test_pieces_are_looked_up_in_portions(monkeypatch):
    findings = table([(f"i{k}", "R1", (k, 0, 2 * k + 2, 48)) for k in range(9)])
    cover = covers.cover(findings, SIZE)
    masks = np.ones((1, SIZE, SIZE), bool)
    whole = covers.overlap_with_masks(cover, masks)
    monkeypatch.setattr(covers, "CHUNK", 2)
    assert (covers.overlap_with_masks(cover, masks) == whole).all()


def test_a_table_without_boxes():
    cover = covers.cover(table([("a", "R1", None), ("b", "R1", None)]), SIZE)
    assert cover.n_readers == 0
    assert covers.pixels_by_readers(cover).tolist() == [[SIZE**2], [SIZE**2]]


@pytest.mark.parametrize("readers", [1, 3])
def test_a_reader_keeps_one_bit_on_one_image(readers):
    rows = [("a", f"R{k}", (8 * k, 0, 8 * k + 8, 48)) for k in range(readers)] * 2
    pixels = covers.pixels_by_readers(covers.cover(table(rows), SIZE))
    alone = [pixels[0, 1 << k] for k in range(readers)]
    assert alone == [4 * SIZE] * readers
