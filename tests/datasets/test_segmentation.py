"""Masks from readers' boxes."""

import numpy as np
import pytest
import torch

from chexnomaly.boxes import boxes_to_mask
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.errors import StoreError


def everything(data, **options) -> SegmentationSet:
    return SegmentationSet(data.store, data.findings, data.store.ids, **options)


def test_an_item_is_an_image_and_its_mask(squares):
    image, mask = everything(squares)[0]
    assert image.shape == mask.shape == (1, 32, 32)
    assert image.dtype == mask.dtype == torch.float32
    assert mask.sum() == 8 * 10  # the square, in store pixels
    assert image[mask > 0].mean() > image[mask == 0].mean() + 0.3


def test_masks_agree_with_the_scaled_boxes(squares):
    data = everything(squares)
    for image_id in data.ids:
        expected = boxes_to_mask(data.boxes(image_id), (32, 32))
        assert torch.equal(data.mask(image_id), expected)


def test_normal_images_have_empty_masks(squares):
    data = everything(squares)
    assert data.mask("img001").sum() == 0
    assert data.boxes("img001").shape == (0, 4)
    assert data.is_abnormal().tolist() == [i % 2 == 0 for i in range(40)]


def test_readers_rules(squares):
    # R3 overlooked the square of img008: two of three readers drew it.
    data = everything(squares)
    area = 8 * 10
    assert data.reader_mask("img008", "union").sum() == area
    assert data.reader_mask("img008", 2).sum() == area
    assert data.reader_mask("img008", 3).sum() == 0
    assert data.reader_mask("img008", "R3").sum() == 0
    assert data.reader_mask("img008", "R1").sum() == area
    assert data.readers_of("img008") == ["R1", "R2", "R3"]
    assert everything(squares, readers=3).mask("img008").sum() == 0


def test_only_the_kept_findings_make_the_mask(squares):
    data = everything(squares, findings_kept=["ild"])
    assert data.mask("img000").sum() > 0  # ild
    assert data.mask("img002").sum() == 0  # nodule_mass
    assert data.is_abnormal().sum() == 10


def test_ids_may_repeat_and_keep_their_order(squares):
    data = SegmentationSet(squares.store, squares.findings, ["img002", "img000"] * 2)
    assert len(data) == 4
    assert torch.equal(data[0][0], data[2][0])
    np.testing.assert_array_equal(data[1][0][0], squares.store.image("img000"))


def test_an_unknown_image_is_refused(squares):
    with pytest.raises(StoreError, match="no image 'nope'"):
        SegmentationSet(squares.store, squares.findings, ["nope"])[0]
