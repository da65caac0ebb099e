"""Whole tables and drawn test sets."""

import numpy as np
import pytest

from chexnomaly import metrics
from chexnomaly.studies.annotations import audit
from chexnomaly.studies.annotations import predictors as blind
from chexnomaly.studies.annotations import rectangles as covers

ABNORMAL = np.arange(50) < 20


def test_sets_have_the_kinds_asked_for_and_no_image_twice():
    sets = audit.draw_sets(ABNORMAL, 5, 7, draws=40, seed=1)
    assert sets.shape == (40, 12)
    assert (ABNORMAL[sets].sum(axis=1) == 5).all()
    assert all(len(set(one)) == 12 for one in sets)
    assert (audit.draw_sets(ABNORMAL, 5, 7, 40, 1) == sets).all()
    assert len({tuple(one) for one in sets}) == 40


def test_more_than_there_are_cannot_be_drawn():
    with pytest.raises(ValueError, match="expected 21"):
        audit.draw_sets(ABNORMAL, 21, 7, 2, 0)


@pytest.fixture(scope="module")
def scores(squares):
    return blind.all_ones(covers.cover(squares.findings, 32))


def test_a_whole_table_has_values_and_no_interval(scores):
    entries = audit.whole_entries(scores)
    for key in ("iou_a", "iou_b", "iou_c", "f1_strict", "mae_soft"):
        wanted = {
            "iou_a": metrics.iou_statistic(scores, "A"),
            "iou_b": metrics.iou_statistic(scores, "B"),
            "iou_c": metrics.iou_statistic(scores, "C"),
            "f1_strict": metrics.f1_statistic(scores, "strict"),
            "mae_soft": metrics.mae_statistic(scores),
        }[key]
        assert entries[key]["value"] == pytest.approx(float(wanted), abs=1e-6)
        assert entries[key]["low"] is None and entries[key]["n"] == 40
    some = audit.whole_entries(scores, np.arange(40) < 4)
    assert some["iou_a"]["n"] == 4


def test_every_set_that_is_everything_scores_the_same(scores):
    sets = np.stack([np.random.default_rng(k).permutation(40) for k in range(5)])
    whole, drawn = audit.whole_entries(scores), audit.drawn_entries(scores, sets)
    for key, found in drawn.items():
        wanted = whole[key]["value"]
        assert found["value"] == pytest.approx(wanted, abs=1e-6), key
        assert found["low"] == pytest.approx(found["high"], abs=1e-6)


def test_the_mean_of_many_draws_is_the_mean_of_the_table():
    """Of one number per image, by hand: sets of 1 of 2."""
    error = np.array([0.2, 0.4])
    table = {k: np.ones(2) for k in ("tp", "fp", "fn", "tn", "soft_iou")}
    sets = np.array([[0], [1], [0], [1]])
    found = audit.drawn_entries(table | {"soft_error": error}, sets)["mae_soft"]
    assert found["value"] == pytest.approx(0.3)
    assert found["low"] == pytest.approx(0.2) and found["high"] == pytest.approx(0.4)
    assert found["n"] == 1


def test_readers_are_averaged():
    one = {k: np.ones((2, 3)) for k in ("tp", "fp", "fn", "tn", "soft_iou")}
    error = np.array([[0.0, 0.0, 0.3], [0.2, 0.2, 0.2]])
    entries = audit.whole_entries(one | {"soft_error": error})
    assert entries["mae_soft"]["value"] == pytest.approx(0.15)
    assert entries["mae_soft"]["n"] == 3
