"""Statistics of many differences, against SciPy, simulation and arithmetic."""

import numpy as np
import pytest
from scipy import stats

from chexnomaly.studies.phantom_comparisons import (
    compare,
    format_tested,
    holm,
    pooled_seed_variance,
)


def test_without_noise_between_seeds_it_is_a_paired_t_test():
    difference = np.random.default_rng(0).normal(0.1, 0.3, (1, 50))
    entry, p = compare(difference, 0.0, 10**9)
    expected = stats.ttest_1samp(difference[0], 0)
    low, high = expected.confidence_interval()
    assert p == pytest.approx(expected.pvalue)
    assert (entry["low"], entry["high"]) == pytest.approx((low, high), abs=1e-6)


def test_scans_without_the_finding_do_not_count():
    difference = np.array([[0.2, np.nan, 0.4], [0.4, np.nan, 0.6]])
    entry, _ = compare(difference, 0.0, 4)
    assert (entry["n"], entry["value"]) == (2, 0.4)
    lonely, p = compare(difference[:, :2], 0.0, 4)
    assert lonely["low"] is None and np.isnan(p)


def test_seed_variance_is_pooled_over_comparisons():
    first, second = np.array([[0.0], [2.0]]), np.array([[1.0], [1.0], [4.0]])
    # squares about the means 1 and 2: 1 + 1 and 1 + 1 + 4; degrees 1 and 2
    assert pooled_seed_variance([first, second]) == (pytest.approx(8 / 3), 3)
    assert pooled_seed_variance([first[:1]]) == (0.0, 0)


def test_noise_of_seeds_is_not_taken_for_an_effect():
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(400):
        family = [
            rng.normal(0, 0.05, (3, 1)) + rng.normal(0, 0.2, (1, 60)) for _ in range(8)
        ]
        wrong += compare(family[0], *pooled_seed_variance(family))[1] < 0.05
    # 5 % are expected, 20 of 400; a test over scans alone is wrong about 80 times
    assert wrong < 36


def test_holm_steps_down():
    adjusted = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": float("nan")})
    # sorted 0.01, 0.03, 0.04 times 3, 2, 1; the last is raised to the one before
    assert [adjusted[k] for k in "abc"] == pytest.approx([0.03, 0.06, 0.06])
    assert np.isnan(adjusted["d"])


def test_a_star_marks_what_holds_among_all_comparisons():
    one = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 9}
    assert format_tested(one | {"p_holm": 0.049}) == "0.50 [0.40, 0.60] *"
    assert format_tested(one | {"p_holm": 0.05}) == "0.50 [0.40, 0.60]"
    assert format_tested(one | {"p_holm": 0.0}).endswith("*")
    assert format_tested(one | {"p_holm": None}) == "0.50 [0.40, 0.60]"
    assert format_tested(None) == "–"
