"""Statistics of many differences, against SciPy, simulation and arithmetic."""

import numpy as np
import pytest
from scipy import stats

from chexnomaly.studies.phantom_worth.comparisons import (
    compare,
    format_tested,
    network_variance,
)


def test_without_noise_between_networks_it_is_a_paired_t_test():
    difference = np.random.default_rng(0).normal(0.1, 0.3, 50)
    entry, p = compare(difference, 0.0, 10**9)
    expected = stats.ttest_1samp(difference, 0)
    low, high = expected.confidence_interval()
    assert p == pytest.approx(expected.pvalue)
    assert (entry["low"], entry["high"]) == pytest.approx((low, high), abs=1e-6)


def test_scans_without_the_finding_do_not_count():
    entry, _ = compare(np.array([0.3, np.nan, 0.5]), 0.0, 4)
    assert (entry["n"], entry["value"]) == (2, 0.4)
    lonely, p = compare(np.array([0.3, np.nan]), 0.0, 4)
    assert lonely["low"] is None and np.isnan(p)


def test_variance_between_networks_is_that_of_their_means():
    scores = np.array([[0.0, 2.0, np.nan], [3.0, 3.0, np.nan], [4.0, 6.0, np.nan]])
    # means 1, 3 and 5: squares about 3 are 4, 0 and 4, over 2 degrees
    assert network_variance(scores) == (pytest.approx(4.0), 2)


def test_noise_of_networks_is_not_taken_for_an_effect():
    rng = np.random.default_rng(1)
    wrong = naive = 0
    for _ in range(400):
        # fifteen networks that differ by chance, on the same 60 scans
        scans = rng.normal(0.5, 0.2, 60)
        shift, own = rng.normal(0, 0.05, (15, 1)), rng.normal(0, 0.1, (15, 60))
        scores = scans + shift + own
        difference = scores[0] - scores[1:].mean(axis=0)
        variance, degrees = network_variance(scores[1:])
        wrong += compare(difference, variance * 15 / 14, degrees)[1] < 0.05
        naive += compare(difference, 0.0, degrees)[1] < 0.05
    # 5 % would be 20 of 400; a test over scans alone is wrong far more often
    assert wrong < 30 < 100 < naive


def test_a_star_marks_what_holds_among_all_comparisons():
    one = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 9}
    assert format_tested(one | {"p_holm": 0.049}) == "0.50 [0.40, 0.60] *"
    assert format_tested(one | {"p_holm": 0.05}) == "0.50 [0.40, 0.60]"
    assert format_tested(one | {"p_holm": 0.0}).endswith("*")
    assert format_tested(one | {"p_holm": None}) == "0.50 [0.40, 0.60]"
    assert format_tested(None) == "–"
