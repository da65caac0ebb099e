"""Entries against arithmetic by hand and textbook values."""

import numpy as np
import pytest

from chexnomaly.evaluation.intervals import (
    Drawn,
    entry,
    interval,
    mean_entry,
    share_entry,
    spread_entry,
)


def test_a_mean_has_students_interval():
    # mean 3, sd sqrt(2.5), standard error 0.7071, t(4) 2.776: 3 -+ 1.963
    made = mean_entry(np.array([1.0, 2, 3, 4, 5, np.nan]))
    assert made["value"] == 3 and made["n"] == 5
    assert made["low"] == pytest.approx(1.0367, abs=1e-3)
    assert made["high"] == pytest.approx(4.9633, abs=1e-3)


@pytest.mark.parametrize(("values", "value"), [([], None), ([0.5], 0.5)])
def test_too_few_values_have_no_interval(values, value):
    made = mean_entry(np.array(values))
    assert made == {"value": value, "low": None, "high": None, "n": len(values)}


def test_a_share_has_wilsons_interval():
    # Wilson for 8 of 10: center (8 + 1.9207) / (10 + 3.8415) = 0.7168, reach 0.2265
    made = share_entry(8, 10)
    assert made["value"] == 0.8
    assert made["low"] == pytest.approx(0.4902, abs=1e-3)
    assert made["high"] == pytest.approx(0.9433, abs=1e-3)
    assert share_entry(0, 0)["value"] is None


def test_a_spread_is_the_sample_standard_deviation():
    values = np.random.default_rng(0).normal(0, 2, 400)
    made = spread_entry(values)
    assert made["value"] == pytest.approx(np.std(values, ddof=1), abs=1e-6)
    # the standard error of a standard deviation is about sd / sqrt(2 n)
    assert made["high"] - made["low"] == pytest.approx(3.92 * 2 / 800**0.5, rel=0.2)
    assert spread_entry(values) == made
    assert spread_entry(np.array([1.0, 3.0]))["low"] is None


def test_an_entry_without_both_ends_has_none():
    assert entry(1.0, 0.5, float("nan"), 3)["low"] is None


def test_ends_are_those_of_a_plain_bootstrap_and_an_unknown_score_is_an_error():
    rng = np.random.default_rng(1)
    scores = {"a": rng.random(30), "b": rng.random(30)}
    films = np.random.default_rng(0).integers(0, 30, (200, 30))
    drawn = [scores["a"][rows].mean() - scores["b"][rows].max() for rows in films]
    made = interval(lambda s: s["a"].mean(-1) - s["b"].max(-1), scores, resamples=200)
    ends = np.percentile(drawn, [2.5, 97.5])
    assert [made["low"], made["high"]] == pytest.approx(ends, abs=1e-6)
    with pytest.raises(KeyError):
        interval(lambda s: s["c"].mean(-1), scores)


def test_a_statistic_that_comparisons_share_is_computed_once_a_draw():
    scores = {"error": np.arange(6.0)}
    asked = []

    def mean(drawn):
        asked.append(drawn)
        return drawn["error"].mean(-1)

    drawn = Drawn(scores, np.array([[0, 0, 5], [1, 2, 3]]))
    assert drawn[mean].tolist() == drawn[mean].tolist() == [5 / 3, 2]
    assert len(asked) == 1 and {*drawn} == {"error", mean}
