"""The ledger's language, rounding to printed digits, and the paper's arithmetic."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chexnomaly.claims.arithmetic import (
    TESTS,
    VALUES,
    WORDS,
    Call,
    agrees,
    check,
    compute,
    parse,
    words,
)
from chexnomaly.errors import ClaimError

PRINTED = {"a-mae": Decimal("0.204"), "b-mae": Decimal("0.272"), "n": Decimal(200)}


def test_calls_may_stand_in_calls_and_beside_each_other():
    (first, second) = parse("lower(f(x, 2), y@s:k) & g(z)")
    assert first == Call("lower", (Call("f", ("x", "2")), "y@s:k"))
    assert second == Call("g", ("z",))
    assert words(first) == ["x", "2", "y@s:k"]


@pytest.mark.parametrize(
    "text", ["", "f(", "f(x", "f(x,)", "f)x(", "f(x) g(y)", "f(x) &", "f()", "(x)"]
)
def test_broken_tests_are_refused(text):
    with pytest.raises(ClaimError, match="expected name"):
        parse(text)


@pytest.mark.parametrize(
    ("value", "printed", "same"),
    [
        (0.7487, "0.7487", True),
        (0.74874, "0.7487", True),
        (0.74875, "0.7487", False),  # half rounds up, to 0.7488
        (0.74865, "0.7487", True),
        (0.65, "0.7", True),
        (0.6499, "0.7", False),
        (0.75, "0.7", False),
        (0.7, "0.70", True),
        (0.704, "0.70", True),
        (0.704, "0.700", False),
        (-0.0386, "-0.0386", True),
        (-0.03865, "-0.0386", False),
        (-0.0001, "0", True),
        (0.5, "0", False),
        (57, "58", False),
        (57.5, "58", True),
        (15000, "18000", False),
        (1e300, "0.7", False),
        (float("nan"), "0.7", False),
        (float("inf"), "0.7", False),
    ],
)
def test_agreement_is_rounding_to_the_printed_digits(value, printed, same):
    assert agrees(value, Decimal(printed)) is same


@given(st.decimals(-1000, 1000, places=4), st.floats(-0.49, 0.49))
def test_less_than_half_a_last_digit_never_matters(printed, share):
    assert agrees(printed + Decimal(share) * Decimal("0.0001"), printed)


@given(st.decimals(-1000, 1000, places=4), st.floats(0.51, 100))
def test_more_than_half_a_last_digit_always_does(printed, share):
    gap = Decimal(share) * Decimal("0.0001")
    assert not agrees(printed + gap, printed)
    assert not agrees(printed - gap, printed)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("difference(a-mae, b-mae)", "-0.068"),
        ("product(n, 3)", "600"),
        ("percent_of(10, n)", "20"),
        ("ratio(n, 8)", "25"),
        ("percent_change(0.2, 0.25)", "25"),
        ("magnitude(difference(1, 3))", "2"),
        ("mean(*-mae)", "0.238"),  # (0.204 + 0.272) / 2
        ("b-mae", "0.272"),
    ],
)
def test_functions_compute_what_their_names_say(text, value):
    (term,) = parse(text)
    assert compute(term, PRINTED) == Decimal(value)


def test_a_number_agrees_or_not_and_the_reason_shows_it():
    change = "arithmetic: percent_change(a-mae, b-mae); note"  # 0.068 / 0.204
    same, value, reason = check(change, Decimal(33), PRINTED)
    assert same and round(value, 2) == Decimal("33.33") and "33.33" in reason
    assert check("arithmetic: b-mae", Decimal("0.212"), PRINTED)[0] is False


def test_a_direction_holds_among_printed_values_only_if_every_test_does():
    assert check("arithmetic: lower(a-mae, b-mae)", None, PRINTED)[0] is True
    both = "arithmetic: lower(a-mae, b-mae) & higher(a-mae, b-mae)"
    same, value, reason = check(both, None, PRINTED)
    assert same is False and value is None
    assert reason == "0.204 is below 0.272 and 0.204 is not above 0.272"


@pytest.mark.parametrize(
    ("needs", "value"),
    [
        ("arithmetic: lower(a-mae, c-mae)", None),
        ("arithmetic: colder(a-mae, b-mae)", None),
        ("arithmetic: lower(a-mae)", None),
        ("arithmetic: a-mae", None),
        ("arithmetic: lower(a-mae, b-mae)", Decimal(1)),
        ("arithmetic: a-mae & b-mae", Decimal(1)),
        ("arithmetic: ratio(a-mae, 0)", Decimal(1)),
    ],
)
def test_what_cannot_be_computed_is_refused(needs, value):
    with pytest.raises(ClaimError):
        check(needs, value, PRINTED)


@pytest.mark.parametrize(
    ("needs", "value", "told"),
    [
        ("arithmetic: difference(a, b)", "-2", "1 - 3 is -2"),
        ("arithmetic: product(b, b)", "9", "3 x 3 is 9"),
        (
            "arithmetic: magnitude(percent_change(a, b))",
            "200",
            "the size of the change from 1 to 3 in % is 200",
        ),
        ("arithmetic: mean(*)", "2", "the mean of all * is 2"),
        ("arithmetic: b", "3", "b is 3"),
        ("arithmetic: lower(a, b)", None, "1 is below 3"),
        (
            "arithmetic: higher(ratio(b, a), 5) & lower(a, b)",
            None,
            "3 (3 / 1) is not above 5 and 1 is below 3",
        ),
    ],
)
def test_a_computation_is_told_in_words(needs, value, told):
    printed = {"a": Decimal(1), "b": Decimal(3)}
    value = None if value is None else Decimal(value)
    assert check(needs, value, printed)[2] == told


def test_every_function_has_its_words():
    assert set(WORDS) == {*VALUES, *TESTS}
