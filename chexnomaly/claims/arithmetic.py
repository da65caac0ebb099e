"""The paper's arithmetic on its own numbers, and the form of a test in the ledger.

A ledger row says in its `needs` column how it is tested. Where that is a computation,
it is a Python expression between the way of testing and an optional note:

    arithmetic: 't1-vindr-max_ensemble-f1' < mean('t2-*-f1'); a note

Several tests are joined by `and`; all must hold. In arithmetic a text is the ledger id
of a printed number. A value must follow from other printed values to its own printed
digits; a directional claim must hold among the printed values. Where neither is so, but
would be for numbers that round to the printed ones, the digits leave it open; a number
without a point was not rounded. Nothing of Python is allowed but what `compute` and
`holds` name.
"""

import ast
import operator
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from fnmatch import fnmatchcase
from itertools import product
from statistics import StatisticsError, mean
from typing import NamedTuple

from chexnomaly.errors import ClaimError

OPERATIONS = {
    "Sub": (operator.sub, "{} - {}"),
    "Mult": (operator.mul, "{} x {}"),
    "Div": (operator.truediv, "{} / {}"),
    "abs": (abs, "the size of {}"),
    "percent_of": (lambda percent, whole: percent * whole / 100, "{} % of {}"),
    "percent_change": (
        lambda old, new: 100 * (new - old) / old,
        "the change from {} to {} in %",
    ),
}
"""Operators and functions of numbers: what they compute, and how they read."""

RELATIONS = {ast.Lt: (operator.lt, "below"), ast.Gt: (operator.gt, "above")}
"""Comparisons of two numbers, and how they read."""

_EXACT = Context(prec=700)  # every finite float has fewer digits than this


class Computed(NamedTuple):
    """A number, and how it came about in words."""

    value: Decimal
    words: str


def parse(needs: str) -> list[ast.expr]:
    """Read the tests of a ledger row.

    Args:
        needs: The row's `needs`, such as `measured: a@s < b@s and c@s > 0.5; a note`.

    Returns:
        The expressions between the `and`s, in order.

    Raises:
        ClaimError: It is no Python expression.
    """
    text = needs.partition(";")[0].partition(":")[2].strip()
    try:
        whole = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise refused(text, "a Python expression") from error
    joined = isinstance(whole, ast.BoolOp) and isinstance(whole.op, ast.And)
    return whole.values if joined else [whole]


def refused(test: str | ast.expr, expected: str) -> ClaimError:
    """Make the error that refuses a test, or a part of one."""
    text = test if isinstance(test, str) else ast.unparse(test)
    return ClaimError(f"cannot read {text!r}", column="needs", expected=expected)


def agrees(value: float | Decimal, printed: Decimal) -> bool:
    """Say whether a value rounds to a printed number, to its printed digits.

    Half rounds away from zero, on the shortest decimal that names the float, so
    that 0.65 agrees with a printed 0.7 and 0.75 does not.

    Args:
        value: What was measured or computed; NaN and infinities agree with nothing.
        printed: With the digits as printed: Decimal("0.7") has one.
    """
    exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    if not exact.is_finite():
        return False
    return exact.quantize(printed, ROUND_HALF_UP, _EXACT) == printed


def compute(node: ast.expr, printed: Mapping[str, Decimal]) -> Computed:
    """Compute a number from printed numbers.

    Args:
        node: A number, an id as text, `a - b`, `a * b`, `a / b`, `abs(a)`,
            `percent_of(percent, whole)`, `percent_change(old, new)`, or
            `mean('pattern')` over all ids that match, where `*` stands for anything.
        printed: Ledger id to printed value.

    Raises:
        ClaimError: It is anything else, an id is unknown, or nothing can be computed.
    """
    try:
        match node:
            case ast.Constant(value=str() as id_):
                return Computed(printed[id_], str(printed[id_]))
            case ast.Constant(value=int() | float() as number):
                return Computed(Decimal(str(number)), str(number))
            case ast.Call(ast.Name("mean"), [ast.Constant(str() as pattern)], []):
                values = [v for id_, v in printed.items() if fnmatchcase(id_, pattern)]
                return Computed(mean(values), f"the mean of {len(values)} numbers")
            case ast.Call(ast.Name(name), args, []):
                pass
            case ast.BinOp(left, op, right):
                name, args = type(op).__name__, [left, right]
            case _:
                raise refused(node, "a number or an operation on numbers")
        function, words = OPERATIONS[name]
        parts = [compute(arg, printed) for arg in args]
        value = function(*(part.value for part in parts))
        return Computed(value, words.format(*(part.words for part in parts)))
    except KeyError as error:
        problem = f"unknown claim id or function {error}"
        raise ClaimError(problem, column="needs") from error
    except (TypeError, ArithmeticError, StatisticsError) as error:
        problem = f"{ast.unparse(node)}: {error}"
        raise ClaimError(problem, column="needs") from error


def holds(test: ast.expr, printed: Mapping[str, Decimal]) -> tuple[bool, str]:
    """Say whether `a < b` or `a > b` is true of printed numbers, and write it out.

    Raises:
        ClaimError: It is no such comparison, or a side cannot be computed.
    """
    match test:
        case ast.Compare(left, [op], [right]) if type(op) in RELATIONS:
            relation, word = RELATIONS[type(op)]
        case _:
            raise refused(test, "a < b or a > b")
    (a, a_told), (b, b_told) = (_told(side, printed) for side in (left, right))
    true = relation(a, b)
    return true, f"{a_told} {'is' if true else 'is not'} {word} {b_told}"


def _told(node: ast.expr, printed: Mapping[str, Decimal]) -> tuple[Decimal, str]:
    value, words = compute(node, printed)
    how = "" if isinstance(node, ast.Constant) else f" ({words})"
    return value, _short(value) + how


def _short(value: Decimal) -> str:
    return f"{value:.0f}" if value == value.to_integral_value() else f"{value:.4g}"


def check(
    needs: str, value: Decimal | None, printed: Mapping[str, Decimal]
) -> tuple[bool | None, Decimal | None, str]:
    """Check an arithmetic claim against the paper's other numbers.

    Args:
        needs: The row's `needs`, beginning with `arithmetic:`.
        value: The row's printed value; None for a directional claim.
        printed: Ledger id to printed value.

    Returns:
        Whether the paper agrees with itself, None where its digits leave that open; the
        computed value (None for a directional claim); and a sentence that says what was
        computed.

    Raises:
        ClaimError: The computation cannot be read or carried out.
    """
    terms = parse(needs)
    if value is not None and len(terms) > 1:
        raise refused(needs, "one number")
    away, result, told = _compare(terms, value, printed)
    unrounded = _before_rounding(terms, printed) if away else ()
    if any(_compare(terms, value, one)[0] != away for one in unrounded):
        return None, result, f"{told}, or another number before these were rounded"
    return not away, result, told


def _compare(
    terms: Sequence[ast.expr], value: Decimal | None, printed: Mapping[str, Decimal]
) -> tuple[int, Decimal | None, str]:
    """As `check`, but first to which side numbers are away from it; 0 for neither."""
    if value is None:
        told = [holds(term, printed) for term in terms]
        return not all(t for t, _ in told), None, " and ".join(t for _, t in told)
    result, words = compute(terms[0], printed)
    written = "elsewhere it" if isinstance(terms[0], ast.Constant) else words
    away = 0 if agrees(result, value) else -1 if result < value else 1
    return away, result, f"{written} is {_short(result)}"


def _before_rounding(
    terms: Sequence[ast.expr], printed: Mapping[str, Decimal]
) -> Iterator[Mapping[str, Decimal]]:
    """Move each number that tests take to either end of what rounds to it."""
    nodes = (node for term in terms for node in ast.walk(term))
    used = {node.value for node in nodes if isinstance(node, ast.Constant)}
    ends = []
    for id_ in used & printed.keys():
        value, last = printed[id_], printed[id_].as_tuple().exponent
        half = Decimal(5).scaleb(last - 1) if last < 0 else 0
        ends.append([{id_: value - half}, {id_: value + half}])
    return (ChainMap(*moved, printed) for moved in product(*ends))
