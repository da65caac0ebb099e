"""Many comparisons: pencil overlaps, and p-values adjusted by hand."""

import numpy as np
import pytest
from scipy import stats

from chexnomaly.evaluation.comparisons import abnormal_ious, compare_all
from chexnomaly.evaluation.scores import ScoredSet


def test_overlap_on_abnormal_scans_only():
    counts = {"tp": [4, 0, 0], "fp": [2, 5, 0], "fn": [2, 0, 3]}  # 4/8, healthy, 0/3
    scores = {name: np.array(values, dtype=float) for name, values in counts.items()}
    scored = ScoredSet(["a", "b", "c"], {0.5: scores}, [], [])
    assert abnormal_ious(scored, 0.5).tolist() == [0.5, 0.0]


def test_adjusted_p_values_follow_the_step_up_rule():
    rng = np.random.default_rng(0)
    shifts = [1.5, 0.8, 0.2, 0.0]
    pairs = {str(s): (rng.normal(s, 1, 30), rng.normal(0, 1, 30) * 0.1) for s in shifts}
    table = compare_all(pairs)
    ranked = sorted(table["p"])
    # smallest of p_(j) * m / j over j >= i, from the largest down
    by_hand = [
        min(ranked[j] * 4 / (j + 1) for j in range(i, 4)) for i in range(len(ranked))
    ]
    assert sorted(table["p, adjusted"]) == pytest.approx(by_hand)
    assert (table["p, adjusted"] >= table["p"]).all()


def test_a_difference_has_the_paired_interval():
    first, second = np.array([0.5, 0.7, 0.9]), np.array([0.4, 0.5, 0.6])
    row = compare_all({"a": (first, second)}).loc["a"]
    half = stats.t.ppf(0.975, 2) * 0.1 / np.sqrt(3)  # gaps 0.1, 0.2, 0.3
    assert row.difference == pytest.approx(0.2)
    assert (row.low, row.high) == (
        pytest.approx(0.2 - half, abs=1e-6),
        pytest.approx(0.2 + half, abs=1e-6),
    )
    assert row.n == 3


def test_equal_systems_have_no_p_value():
    same = np.array([0.1, 0.2])
    row = compare_all({"a": (same, same)}).loc["a"]
    assert row.difference == 0 and np.isnan(row.p) and np.isnan(row["p, adjusted"])
