"""The linear program against systems that exist, and against pencil and paper."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chexnomaly import metrics
from chexnomaly.studies.annotations import feasible as fe


def around(value, width=1e-9):
    return max(0.0, value - width), min(1.0, value + width)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000))
def test_whatever_a_system_scores_is_possible(seed):
    """Random predictions on random masks: their own scores must never be forbidden."""
    rng = np.random.default_rng(seed)
    n, pixels = 12, 40
    masks = rng.random((n, pixels)) < rng.random((n, 1))
    masks[: rng.integers(0, n)] = False
    masks[-1, 0] = True
    probs = np.where(rng.random((n, 1)) < 0.3, 0, rng.random((n, pixels)))
    hard = probs > 0.5
    scores = {
        "tp": (hard & masks).sum(1),
        "fp": (hard & ~masks).sum(1),
        "fn": (~hard & masks).sum(1),
        "tn": (~hard & ~masks).sum(1),
        "soft_error": np.abs(probs - masks).mean(1),
    }
    shares = masks.mean(1)
    test = fe.TestMix((shares > 0).mean(), shares[shares > 0])
    ill, flagged = masks.any(1), hard.any(1)
    for convention in fe.CONVENTIONS:
        for rule in fe.RULES:
            f1 = float(metrics.f1_statistic(scores, rule))
            if np.isnan(f1):
                continue
            printed = fe.PrintedScores(
                around(float(metrics.iou_statistic(scores, convention))),
                around(f1),
                around(float(metrics.mae_statistic(scores))),
            )
            found = fe.regions(printed, test, convention, rule)
            assert found is not None, (convention, rule)
            low, high = found["recall"]
            assert low - 1e-6 <= flagged[ill].mean() <= high + 1e-6
    share = shares.mean()
    pooled = float(metrics.iou_statistic(scores, "B"))
    if 0 < share < 1:
        error = float(metrics.mae_statistic(scores))
        assert fe.least_pooled_iou(error, share) - 1e-3 <= pooled


def test_the_least_iou_by_hand():
    # Half of the scans are abnormal, with shares 0.1 and 0.3. An error of 0.025 over
    # all stands for at most 0.1 of wrong pixels on the abnormal ones: the small mask
    # may be missed for 0.05, and another 0.05 pays for a third of the large one:
    # (0 + 2/3) / 2.
    test = fe.TestMix(0.5, np.array([0.3, 0.1]))
    assert fe.least_iou(0.025, test) == pytest.approx(1 / 3)
    assert fe.least_iou(0.0125, test) == pytest.approx(0.5)
    assert fe.least_iou(0.0, test) == 1
    assert fe.least_iou(1.0, test) == 0


def test_an_f1_below_what_the_recall_forces_is_forbidden():
    # Half abnormal, IoU C of 0.9: recall at least 0.9. Everything else flagged as
    # well gives F1 = 2 * 0.45 / (0.45 + 0.5 + 0.5): nothing lower can be.
    test = fe.TestMix(0.5, np.full(10, 0.1))
    least = 0.9 / 1.45
    for f1, possible in ((least - 0.01, False), (least + 0.01, True)):
        printed = fe.PrintedScores(around(0.9), around(f1), (0.0, 1.0))
        found = fe.regions(printed, test, "C", "any_pixel")
        assert (found is not None) == possible


def test_convention_d_cannot_exceed_the_share_of_abnormal_scans():
    test = fe.TestMix(0.3, np.full(10, 0.1))
    free = {"f1": (0.0, 1.0), "mae": (0.0, 1.0)}
    assert fe.regions(fe.PrintedScores(around(0.31), **free), test, "D") is None
    assert fe.regions(fe.PrintedScores(around(0.29), **free), test, "D") is not None


def test_convention_a_of_nothing_marked():
    test = fe.TestMix(0.3, np.full(10, 0.1))
    printed = fe.PrintedScores(around(0.7), (0.0, 1e-9), around(0.03))
    found = fe.regions(printed, test, "A")
    assert found["recall"] == pytest.approx((0, 0), abs=1e-6)
    assert found["false_alarms"] == pytest.approx((0, 0), abs=1e-6)


def test_the_pooled_bound_by_hand():
    # A tenth is foreground, a tenth of all pixels is wrong. All missed: foreground
    # IoU 0, background 0.9 / 1. All extra: 0.1 / 0.2 and 0.8 / 0.9, which is more. An
    # error of probabilities of half as much may stand before it.
    assert fe.least_pooled_iou(0.05, 0.1) == pytest.approx(0.45)
    assert fe.least_pooled_iou(0.0, 0.1) == 1


@pytest.mark.parametrize(
    ("printed", "digits", "expected"),
    [
        ("0.009", 0, (0.0085, 0.0095)),
        ("0", 2, (0.0, 0.005)),
        ("1", 2, (0.995, 1.0)),
        ("0.6118", 2, (0.61175, 0.61185)),
    ],
)
def test_what_rounds_to_a_printed_number(printed, digits, expected):
    assert fe.rounded_from(Decimal(printed), digits) == pytest.approx(expected)


def test_values_beyond_a_limit_by_hand():
    # A mean of 0.2 with every value at 0.1 or at the cap of 0.5: a quarter is beyond.
    assert fe.least_share_beyond(0.2, 0.1, 0.5) == pytest.approx(0.25)
    assert fe.least_share_beyond(0.05, 0.1) == 0
    assert fe.least_share_beyond(1.0, 0.1) == 1


def test_counts_behind_an_f1_of_positives_alone():
    low, high = fe.counts_behind(Decimal("0.96"), 200)
    for found in range(201):
        rounds = f"{2 * found / (200 + found):.2f}" == "0.96"
        assert rounds == (low <= found <= high)
    assert fe.counts_behind(Decimal("1"), 200)[1] == 200


def test_tables_name_what_is_impossible():
    test = fe.TestMix(0.3, np.full(10, 0.1))
    free = {"f1": (0.0, 1.0), "mae": (0.0, 1.0)}
    printed = {
        "low": fe.PrintedScores(around(0.1), **free),
        "high": fe.PrintedScores(around(0.9), **free),
    }
    table = fe.impossible_systems(printed, {"a set": test})["a set"]
    assert table["IoU D, F1 any pixel"] == "high"  # 0.9 is more than 0.3
    assert table["IoU C, F1 any pixel"] == table["IoU B, any F1"] == "none"
    tried = fe.possible_shares(printed, test.foreground, [0.3, 0.95])
    assert len(tried) == 6 * 2 * 2
    d = tried[(tried.reading == "IoU D, F1 healthy") & (tried.system == "high")]
    assert d.possible.tolist() == [False, True]
