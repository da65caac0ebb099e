"""Directional claims: "surpasses", "lower", "comparable", tested on measured values.

A test is a Python expression (see `arithmetic` for its form):

    measured: a < b              a is below b
    measured: a > b              a is above b
    measured: low <= a / b <= high    the ratio lies in between; high may be left out
    measured: test and test      every test holds

a and b are numbers, or `system@set`, which takes the row's metric, or
`system@set['key']`; the key `other/key` is the paired difference to another. A `*` in
b's system, which is then written as text, stands for every other system of that form
in the ledger. Limits in such tests are our reading where the paper names none.

A test is decided by the paired interval of a - b where a results file has one.
Else the two intervals must not overlap, which asks for more than a paired
interval does; what neither decides is left open.
"""

import ast
import math
from collections.abc import Iterable, Set
from fnmatch import fnmatchcase
from typing import NamedTuple

from chexnomaly.claims.arithmetic import parse
from chexnomaly.claims.lookup import (
    MeasuredValue,
    Ref,
    Shelf,
    common_level,
    results_key,
)
from chexnomaly.errors import ClaimError

MOST_TOLD = 3
"""Comparisons that a reason tells one by one."""


class Comparison(NamedTuple):
    """One comparison of two sides.

    Attributes:
        relation: "below", "above" or "ratio".
        a: Left side.
        b: Right side.
        low: Lower limit of a ratio; unused otherwise.
        high: Upper limit of a ratio; unused otherwise.
    """

    relation: str
    a: Ref | float
    b: Ref | float
    low: float = -math.inf
    high: float = math.inf


class Outcome(NamedTuple):
    """What the tests of one claim gave.

    Attributes:
        held: True, False, or None where the intervals do not tell.
        measured: For one test a - b (or a / b) with its interval; for several,
            value NaN. It carries the evidence level and the smallest n.
        reason: The compared values in words.
    """

    held: bool | None
    measured: MeasuredValue
    reason: str


def read_tests(needs: str) -> list[Comparison]:
    """Read the tests of a directional claim as they are written.

    Args:
        needs: The row's `needs`.

    Returns:
        The tests. A reference has the key "" where it takes the row's metric.

    Raises:
        ClaimError: The text is not of the form above.
    """
    return [_read_test(term) for term in parse(needs)]


def _read_test(term: ast.expr) -> Comparison:
    match term:
        case ast.Compare(a, [ast.Lt()], [b]):
            return Comparison("below", _side(a), _side(b))
        case ast.Compare(a, [ast.Gt()], [b]):
            return Comparison("above", _side(a), _side(b))
        case ast.Compare(
            low,
            [ast.LtE()] | [ast.LtE(), ast.LtE()],
            [ast.BinOp(a, ast.Div(), b), *high],
        ):
            limits = [_number(limit) for limit in (low, *high)]
            return Comparison("ratio", _side(a), _side(b), *limits)
    raise _refused(term, "a < b, a > b or low <= a / b <= high")


def _refused(node: ast.expr, expected: str) -> ClaimError:
    return ClaimError(ast.unparse(node), column="needs", expected=expected)


def _number(node: ast.expr) -> float:
    match node:
        case ast.Constant(int() | float() as number):
            return float(number)
    raise _refused(node, "a number")


def _side(node: ast.expr) -> Ref | float:
    match node:
        case ast.Constant(int() | float() as number):
            return float(number)
        case ast.BinOp(ast.Name(system) | ast.Constant(str(system)), ast.MatMult(), at):
            pass
        case _:
            raise _refused(node, "a number or system@set")
    match at:
        case ast.Name(dataset):
            return Ref(system, dataset, "")
        case ast.Subscript(ast.Name(dataset), ast.Constant(str(key))):
            return Ref(system, dataset, key)
    raise _refused(node, "system@set or system@set['key']")


def in_words(needs: str) -> str:
    """Put the tests of a directional claim into words, for a table.

    Args:
        needs: The row's `needs`, a well-formed test.

    Returns:
        Such as "supermodel on other_200 below supermodel on vindr_test"; a set that
        both sides share is named once.
    """
    return " and ".join(_in_words(test) for test in read_tests(needs))


def _in_words(test: Comparison) -> str:
    (a, a_place), (b, b_place) = _side_in_words(test.a), _side_in_words(test.b)
    if a_place == b_place:
        a_place = ""
    relation = test.relation
    if relation == "ratio":
        high = f" to {test.high:g}" if test.high < math.inf else ""
        relation = f"{'' if high else 'at least '}{test.low:g}{high} times"
    return f"{a}{a_place} {relation} {b}{b_place}"


def _side_in_words(side: Ref | float) -> tuple[str, str]:
    """Give a side, and where it was measured."""
    if not isinstance(side, Ref):
        return f"{side:g}", ""
    other, _, own = side.key.replace("_", " ").rpartition("/")
    key = f"{own} less {other}" if other else own
    system = side.system.replace("*", "any other")
    return system + (f" ({key})" if key else ""), f" on {side.dataset}"


def expand(needs: str, metric: str, systems: Set[str]) -> list[Comparison]:
    """Read the tests of a directional claim, ready to be looked up.

    Args:
        needs: The row's `needs`.
        metric: The row's metric, printed name or results key.
        systems: System keys that a `*` may stand for.

    Returns:
        The tests, one for each system that a `*` stands for.

    Raises:
        ClaimError: The text is not of the form above.
    """
    return [
        test._replace(a=_keyed(test.a, metric), b=_keyed(b, metric))
        for test in read_tests(needs)
        for b in _family(test.b, test.a, systems)
    ]


def _keyed(side: Ref | float, metric: str) -> Ref | float:
    if not isinstance(side, Ref):
        return side
    return side._replace(key=results_key(side.key or metric))


def _family(b: Ref | float, a: Ref | float, systems: Set[str]) -> list[Ref | float]:
    if not isinstance(b, Ref) or "*" not in b.system:
        return [b]
    own = a.system if isinstance(a, Ref) else ""
    members = sorted(name for name in systems if fnmatchcase(name, b.system))
    return [b._replace(system=name) for name in members if name != own]


def evaluate(tests: Iterable[Comparison], shelf: Shelf) -> Outcome:
    """Decide the tests of one claim; all of them must hold.

    Args:
        tests: At least one test.
        shelf: The results files.

    Returns:
        The outcome; one failed test decides against the claim, one open test
        leaves it open otherwise.

    Raises:
        NotMeasured: A value is missing, or values cannot be compared.
        ResultError: A results file is corrupted.
    """
    held, gaps, sides, reasons = [], [], [], []
    for test in tests:
        a, b = _look_up(test.a, shelf), _look_up(test.b, shelf)
        gap = _gap(test, a, b, shelf)
        held.append(_decide(test, gap))
        gaps.append(gap)
        sides += [a, b]
        reasons.append(f"{_named(test.a, a)} against {_named(test.b, b)}")
    shown = gaps[0] if len(gaps) == 1 else MeasuredValue(math.nan)
    n = min((side.n for side in sides if side.n is not None), default=None)
    shown = shown._replace(evidence=common_level(sides), n=n)
    return Outcome(_all(held), shown, _told(reasons, held))


def _told(reasons: list[str], held: list[bool | None]) -> str:
    """Tell the comparisons, of many only those that decide."""
    all_held = _all(held)
    decide = [r for r, one in zip(reasons, held, strict=True) if one is all_held]
    told = reasons if len(reasons) <= MOST_TOLD else decide[:MOST_TOLD]
    rest = len(reasons) - len(told)
    return "; ".join(told) + (f"; and {rest} more comparisons" if rest else "")


def _all(held: list[bool | None]) -> bool | None:
    if False in held:
        return False
    return None if None in held else True


def _look_up(side: Ref | float, shelf: Shelf) -> MeasuredValue:
    return shelf.look_up(side) if isinstance(side, Ref) else MeasuredValue(side)


def _gap(
    test: Comparison, a: MeasuredValue, b: MeasuredValue, shelf: Shelf
) -> MeasuredValue:
    """Give a - b or a / b with its interval, paired where there is one."""
    if test.relation == "ratio":
        return _quotient(a, b)
    if isinstance(test.a, Ref) and isinstance(test.b, Ref):
        paired = shelf.paired(test.a, test.b)
        if paired is not None:
            return paired
    low, high = a.ends[0] - b.ends[1], a.ends[1] - b.ends[0]
    return MeasuredValue(a.value - b.value, low, high)


def _quotient(a: MeasuredValue, b: MeasuredValue) -> MeasuredValue:
    """Give a / b; nothing is known of it unless b is surely positive."""
    if b.ends[0] <= 0:
        return MeasuredValue(math.nan, -math.inf, math.inf)
    corners = [x / y for x in a.ends for y in b.ends]
    return MeasuredValue(a.value / b.value, min(corners), max(corners))


def _decide(test: Comparison, gap: MeasuredValue) -> bool | None:
    low, high = gap.ends
    if test.relation == "ratio":
        if test.low <= low and high <= test.high:
            return True
        return False if high < test.low or low > test.high else None
    if low == high == 0:
        return False
    if test.relation == "below":
        low, high = -high, -low
    return True if low > 0 else False if high < 0 else None


def _named(side: Ref | float, found: MeasuredValue) -> str:
    if not isinstance(side, Ref):
        return f"{side:g}"
    interval = "" if found.low is None else f" [{found.low:.4g}, {found.high:.4g}]"
    return f"{side.system} {found.value:.4g}{interval}"
