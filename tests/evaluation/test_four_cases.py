"""Who wins a scan, by hand."""

import numpy as np
import pytest

from chexnomaly.evaluation.comparisons import best_share


def counts(tp, fp, fn, tn):
    return {
        "tp": np.array(tp, float),
        "fp": np.array(fp, float),
        "fn": np.array(fn, float),
        "tn": np.array(tn, float),
    }


def test_wins_and_ties():
    # Scan 0 abnormal, won by a; scan 1 abnormal, a tie; scan 2 healthy, won by b.
    a = counts([4, 2, 0], [0, 0, 3], [0, 2, 0], [6, 6, 7])
    b = counts([2, 2, 0], [0, 0, 1], [2, 2, 0], [6, 6, 9])
    both = {"a": a, "b": b}
    everyone = np.arange(3)
    assert best_share(both, "a", everyone) == pytest.approx(1 / 3)
    assert best_share(both, "b", everyone) == pytest.approx(1 / 3)
    assert best_share(both, "b", np.array([2])) == 1
    assert np.isnan(best_share(both, "a", np.array([], int)))
