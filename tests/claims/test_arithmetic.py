"""The form of a test, rounding to printed digits, and the paper's arithmetic."""

import ast
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chexnomaly.claims.arithmetic import (
    agrees,
    check,
    compute,
    parse,
)
from chexnomaly.errors import ClaimError

PRINTED = {"a-mae": Decimal("0.204"), "b-mae": Decimal("0.272"), "n": Decimal(200)}


def test_tests_stand_between_the_way_of_testing_and_a_note():
    first, second = parse("measured: f('x', 2) < y@s['k'] and z > 1; a note and more")
    assert ast.unparse(first) == "f('x', 2) < y @ s['k']"
    assert ast.unparse(second) == "z > 1"


@pytest.mark.parametrize(
    "text",
    ["", "f(", "f(x", "f)x(", "f(x) g(y)", "f(x) and", "x = 1", "x\0", "(" * 999],
)
def test_broken_tests_are_refused(text):
    with pytest.raises(ClaimError, match="expected a Python expression"):
        parse(f"arithmetic: {text}")


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
        ("'a-mae' - 'b-mae'", "-0.068"),
        ("'n' * 3", "600"),
        ("percent_of(10, 'n')", "20"),
        ("'n' / 8", "25"),
        ("percent_change(0.2, 0.25)", "25"),
        ("abs(1 - 3)", "2"),
        ("mean('*-mae')", "0.238"),  # (0.204 + 0.272) / 2
        ("'b-mae'", "0.272"),
    ],
)
def test_functions_compute_what_their_names_say(text, value):
    (term,) = parse(f"arithmetic: {text}")
    assert compute(term, PRINTED).value == Decimal(value)


def test_a_number_agrees_or_not_and_the_reason_shows_it():
    change = "arithmetic: percent_change('a-mae', 'b-mae'); note"  # 0.068 / 0.204
    same, value, reason = check(change, Decimal(33), PRINTED)
    assert same and round(value, 2) == Decimal("33.33") and "33.33" in reason
    assert check("arithmetic: 'b-mae'", Decimal("0.212"), PRINTED)[0] is False


@pytest.mark.parametrize(
    ("text", "value", "same"),
    [
        # 0.0085 to 0.0095 becomes 0.0075 to 0.0085: less by 0 to 21 %.
        ("abs(percent_change('c', 'd'))", "12", None),
        ("abs(percent_change('c', 'd'))", "11", True),
        ("abs(percent_change('c', 'd'))", "21", None),
        ("abs(percent_change('c', 'd'))", "22", False),
        # 0.068 of 0.204, give or take a half of the last digit each: 32.8 to 33.9.
        ("percent_change('a-mae', 'b-mae')", "35", False),
        ("'b-mae'", "0.212", False),
        ("'b-mae'", "0.2725", None),
        ("'n' - 1", "198", False),  # 200 was counted, not rounded
    ],
)
def test_digits_that_were_rounded_away_may_leave_it_open(text, value, same):
    printed = PRINTED | {"c": Decimal("0.009"), "d": Decimal("0.008")}
    found, _, told = check(f"arithmetic: {text}", Decimal(value), printed)
    assert found is same
    assert ("before these were rounded" in told) is (same is None)


def test_a_direction_may_hold_for_numbers_that_round_to_the_printed_ones():
    printed = {"x": Decimal("0.11"), "y": Decimal("0.11"), "z": Decimal("0.13")}
    answers = [
        check(f"arithmetic: 'x' < '{other}'", None, printed)[0] for other in "yz"
    ]
    assert answers == [None, True]
    assert check("arithmetic: 'z' < 'x'", None, printed)[0] is False  # 0.125, 0.115
    assert check("arithmetic: 'z' / 'x' < 1.1", None, printed)[0] is None  # 1.09, 1.29


def test_a_direction_holds_among_printed_values_only_if_every_test_does():
    assert check("arithmetic: 'a-mae' < 'b-mae'", None, PRINTED)[0] is True
    both = "arithmetic: 'a-mae' < 'b-mae' and 'a-mae' > 'b-mae'"
    same, value, reason = check(both, None, PRINTED)
    assert same is False and value is None
    assert reason == "0.204 is below 0.272 and 0.204 is not above 0.272"


@pytest.mark.parametrize(
    ("needs", "value"),
    [
        ("arithmetic: 'a-mae' < 'c-mae'", None),
        ("arithmetic: colder('a-mae', 'b-mae')", Decimal(1)),
        ("arithmetic: 'a-mae' == 'b-mae'", None),
        ("arithmetic: 'a-mae' < 'b-mae' < 1", None),
        ("arithmetic: percent_of('a-mae')", Decimal(1)),
        ("arithmetic: 'a-mae'", None),
        ("arithmetic: 'a-mae' < 'b-mae'", Decimal(1)),
        ("arithmetic: 'a-mae' and 'b-mae'", Decimal(1)),
        ("arithmetic: 'a-mae' / 0", Decimal(1)),
        ("arithmetic: mean('nothing-*')", Decimal(1)),
        ("arithmetic: 'a-mae' ** 2", Decimal(1)),
        ("arithmetic: (1).real", Decimal(1)),
        ("arithmetic: abs(x=1)", Decimal(1)),
        ("arithmetic: True - 1", Decimal(0)),
    ],
)
def test_what_cannot_be_computed_is_refused(needs, value):
    with pytest.raises(ClaimError):
        check(needs, value, PRINTED)


@pytest.mark.parametrize(
    ("needs", "value", "told"),
    [
        ("arithmetic: 'a' - 'b'", "-2", "1 - 3 is -2"),
        ("arithmetic: 'b' * 'b'", "9", "3 x 3 is 9"),
        (
            "arithmetic: abs(percent_change('a', 'b'))",
            "200",
            "the size of the change from 1 to 3 in % is 200",
        ),
        ("arithmetic: mean('*')", "2", "the mean of 2 numbers is 2"),
        ("arithmetic: 'b'", "3", "elsewhere it is 3"),
        ("arithmetic: 'a' < 'b'", None, "1 is below 3"),
        (
            "arithmetic: 'b' / 'a' > 5 and 'a' < 'b'",
            None,
            "3 (3 / 1) is not above 5 and 1 is below 3",
        ),
    ],
)
def test_a_computation_is_told_in_words(needs, value, told):
    printed = {"a": Decimal(1), "b": Decimal(3)}
    value = None if value is None else Decimal(value)
    assert check(needs, value, printed)[2] == told
