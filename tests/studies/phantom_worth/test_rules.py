"""Rules on masks and images small enough to count by hand."""

import numpy as np
import pytest

from chexnomaly.studies.phantom_worth import rules
from chexnomaly.studies.phantom_worth.rules import iou_per_image


def square(left, top, side, size=8):
    mask = np.zeros((size, size), dtype=bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_iou_of_two_squares_shifted_by_one_pixel():
    # 4 x 4 each, overlap 3 x 4 = 12, union 20
    found = iou_per_image(square(1, 0, 4)[None], square(0, 0, 4)[None])
    assert found == pytest.approx([0.6])
    assert np.isnan(iou_per_image(square(0, 0, 4), np.zeros((1, 8, 8), bool)))


@pytest.mark.parametrize("brighter", [True, False])
def test_a_threshold_finds_what_brightness_alone_shows(brighter):
    masks = np.array([square(k, k, 3) for k in range(4)])
    images = np.where(masks == brighter, 0.8, 0.3)
    rule = rules.fit_threshold(images, masks)
    assert rule.brighter == brighter and 0.3 <= rule.level <= 0.8
    assert (rule.mark(images) == masks).all()
    assert str(rule) == f"{'above' if brighter else 'below'} {rule.level:.2f}"


def test_a_threshold_in_a_region_marks_nothing_outside():
    masks = square(0, 0, 4)[None]
    images = np.full((1, 8, 8), 0.9)
    rule = rules.fit_threshold(images, masks, square(0, 0, 4))
    assert (rule.mark(images) == masks).all()


def test_nothing_to_fit_is_refused():
    empty = np.zeros((2, 8, 8), bool)
    with pytest.raises(ValueError, match="not empty"):
        rules.fit_threshold(np.zeros((2, 8, 8)), empty)


def test_arrays_hold_the_scans_with_the_finding(squares):
    images, masks = rules.arrays(squares, "train", "ild")
    everything = rules.arrays(squares, "train")[0]
    others = rules.arrays(squares, "train", "nodule_mass")[0]
    assert images.shape == masks.shape and masks.any(axis=(1, 2)).all()
    assert len(images) + len(others) == len(everything) == 10


def test_a_threshold_solves_the_bright_squares_and_a_place_does_not(squares):
    # Squares are 0.4 brighter than noise in [0, 0.5] and lie anywhere.
    scores, rule = rules.compare_rules(squares)
    assert scores["brightness_threshold"].mean() > 0.5 > scores["location_prior"].mean()
    assert rule.brighter and [len(one) for one in scores.values()] == [5, 5, 5]
    nothing, rule = rules.compare_rules(squares, "pneumothorax")
    assert rule is None and [len(one) for one in nothing.values()] == [0, 0, 0]


def test_the_prior_is_the_place_that_fits_the_training_films_best(squares):
    masks = rules.arrays(squares, "train", "ild")[1]
    mean = masks.mean(axis=0)
    cuts = [mean > level for level in np.arange(0.02, mean.max(), 0.02)]
    best = max(cuts, key=lambda cut: iou_per_image(cut, masks).mean())
    test = rules.arrays(squares, "test", "ild")[1]
    scores, _ = rules.compare_rules(squares, "ild")
    assert scores["location_prior"] == pytest.approx(iou_per_image(best, test))
