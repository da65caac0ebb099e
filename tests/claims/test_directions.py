"""Directional claims: read, expanded, and decided by intervals."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chexnomaly.claims.directions import expand
from chexnomaly.claims.lookup import NotMeasured, Ref, Shelf
from chexnomaly.claims.outcomes import evaluate
from chexnomaly.errors import ClaimError


def put(folder, system, value, low=None, high=None, dataset="s", **more):
    content = {
        "schema": 1,
        "system": system,
        "set": dataset,
        "profile": "demo",
        "notebook": "n",
        "evidence": "phantom",
        "trained_on": None,
        "scored_on": "phantom",
        "n": 9,
        "values": {"iou_c": {"value": value, "low": low, "high": high, "n": 9}},
        **more,
    }
    (folder / f"{system}__{dataset}.json").write_text(json.dumps(content))


def held(folder, needs):
    return evaluate(
        expand(f"measured: {needs}", "mean_iou", {"a", "b"}), Shelf(folder)
    ).held


def test_a_reference_takes_the_rows_metric_in_our_reading_or_names_its_own():
    (test,) = expand("measured: a@s < b@t['mae_hard']; note", "mae", set())
    assert (test.a, test.b) == (Ref("a", "s", "mae_soft"), Ref("b", "t", "mae_hard"))
    (test,) = expand("measured: 0.9 <= a@s / 2", "outlier_share", set())
    assert test.a.key == "outlier_share" and (test.b, test.high) == (2.0, float("inf"))


def test_a_star_stands_for_every_other_system_of_its_form():
    systems = {"spec_a", "spec_b", "spec_c", "other"}
    tests = expand("measured: spec_b@s < 'spec_*'@s", "f1", systems)
    assert [test.b.system for test in tests] == ["spec_a", "spec_c"]


def test_a_star_in_a_key_stands_for_the_same_and_arms_are_no_others():
    systems = {"spec_a", "spec_b", "spec_b__plain", "spec_c"}
    tests = expand("measured: spec_b@s['m__b/k'] < 'spec_*'@s['m__*/k']", "f1", systems)
    assert [(t.b.system, t.b.key) for t in tests] == [
        ("spec_a", "m__a/k"),
        ("spec_c", "m__c/k"),
    ]


@pytest.mark.parametrize(
    "needs",
    [
        "a@s <",
        "colder(a@s, b@s)",
        "a@s",
        "f(a@s) < b@s",
        "a < b@s",
        "@s < b@s",
        "a@ < b@s",
        "nan < b@s",
        "a@s == b@s",
        "a@s < b@s < 1",
        "a@s / b@s <= 1",
        "0.9 <= (a@s) / (b@s) > 1",
        "low <= (a@s) / (b@s)",
        "a@s[key] < b@s",
        "a@s.mae < b@s",
        "a@s < b@s or a@s > b@s",
    ],
)
def test_malformed_tests_are_refused(needs):
    with pytest.raises(ClaimError):
        expand(f"measured: {needs}", "mae", set())


@pytest.mark.parametrize(
    ("a", "b", "lower", "higher"),
    [
        ((0.1, 0.0, 0.2), (0.4, 0.3, 0.5), True, False),
        ((0.4, 0.3, 0.5), (0.1, 0.0, 0.2), False, True),
        ((0.2, 0.1, 0.3), (0.3, 0.2, 0.4), None, None),  # overlap from 0.2 to 0.3
        ((1, None, None), (2, None, None), True, False),
        ((2, None, None), (2, None, None), False, False),
    ],
)
def test_intervals_must_part_to_decide(tmp_path, a, b, lower, higher):
    put(tmp_path, "a", *a)
    put(tmp_path, "b", *b)
    assert held(tmp_path, "a@s < b@s") is lower
    assert held(tmp_path, "a@s > b@s") is higher


def test_a_paired_interval_decides_where_the_two_intervals_overlap(tmp_path):
    pair = {"value": -0.1, "low": -0.15, "high": -0.05, "n": 9}
    put(tmp_path, "a", 0.2, 0.1, 0.3, paired={"b": {"iou_c": pair}})
    put(tmp_path, "b", 0.3, 0.2, 0.4)
    tests = expand("measured: a@s < b@s", "mean_iou", set())
    outcome = evaluate(tests, Shelf(tmp_path))
    assert outcome.held is True
    assert (outcome.measured.value, outcome.measured.low, outcome.measured.n) == (
        -0.1,
        -0.15,
        9,
    )
    assert held(tmp_path, "b@s < a@s") is False
    assert held(tmp_path, "b@s > a@s") is True


@pytest.mark.parametrize(
    ("a", "limits", "expected"),
    [
        ((0.50, 0.48, 0.52), " <= 1.1", True),  # ratio 0.96 to 1.04
        ((0.50, 0.44, 0.56), " <= 1.1", None),  # 0.88 to 1.12
        ((0.60, 0.58, 0.62), " <= 1.1", False),  # 1.16 to 1.24
        ((0.60, 0.58, 0.62), "", True),
    ],
)
def test_a_ratio_lies_within_its_limits_with_its_whole_interval(
    tmp_path, a, limits, expected
):
    put(tmp_path, "a", *a)
    put(tmp_path, "b", 0.5)
    assert held(tmp_path, f"0.9 <= (a@s) / (b@s){limits}") is expected


def test_a_ratio_to_what_may_be_nothing_is_open(tmp_path):
    put(tmp_path, "a", 0.5)
    put(tmp_path, "b", 0.1, 0.0, 0.2)
    assert held(tmp_path, "0.9 <= (a@s) / (b@s)") is None


def test_several_tests_hold_together_and_fail_alone(tmp_path):
    put(tmp_path, "a", 0.2, 0.1, 0.3)
    yes, no, unclear = "a@s < 0.4", "a@s < 0.05", "a@s < 0.25"
    assert held(tmp_path, f"{yes} and {yes}") is True
    assert held(tmp_path, f"{yes} and {unclear}") is None
    assert held(tmp_path, f"{unclear} and {no}") is False


def test_the_comparison_that_decides_is_told_first(tmp_path):
    for system, value in (("a", 0.2), ("b", 27_255.5), ("c", 531_347.5)):
        put(tmp_path, system, value, value - 0.1, value + 0.1)
    tests = expand("measured: a@s < b@s and c@s < b@s", "mean_iou", set())
    told = evaluate(tests, Shelf(tmp_path)).reason.split("; ")
    assert told[0].startswith("c 531,348 ") and "against b 27,256 " in told[0]
    assert told[1].startswith("a 0.2 ")


def test_a_missing_side_is_named(tmp_path):
    put(tmp_path, "a", 0.2)
    with pytest.raises(NotMeasured, match="b on s"):
        held(tmp_path, "a@s < b@s")


@given(st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_lower_and_higher_are_each_others_mirror(tmp_path_factory, numbers):
    folder = tmp_path_factory.mktemp("mirror")
    (a_low, a, a_high), (b_low, b, b_high) = sorted(numbers[:3]), sorted(numbers[3:])
    put(folder, "a", a, a_low, a_high)
    put(folder, "b", b, b_low, b_high)
    lower, higher = held(folder, "a@s < b@s"), held(folder, "b@s > a@s")
    assert lower is higher
    assert lower is None or not (lower and held(folder, "a@s > b@s"))


def test_of_many_comparisons_those_that_decide_are_told(tmp_path):
    for system, value in (("a", 0.5), ("b1", 0.3), ("b2", 0.9), ("b3", 0.4)):
        put(tmp_path, system, value, value - 0.01, value + 0.01)
    put(tmp_path, "b4", 0.2, 0.19, 0.21)
    systems = {"a", "b1", "b2", "b3", "b4"}
    tests = expand("measured: a@s > 'b*'@s", "mean_iou", systems)
    outcome = evaluate(tests, Shelf(tmp_path))
    assert outcome.held is False
    assert "against b2 0.9" in outcome.reason and "b1" not in outcome.reason
    assert outcome.reason.endswith("; and 3 more comparisons")
