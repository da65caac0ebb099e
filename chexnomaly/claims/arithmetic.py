"""The ledger's small language, and the paper's arithmetic on its own numbers.

A ledger row says in its `needs` column how it is tested. Where that is a
computation, it is written in calls:

    test  := term ("&" term)*                  every term must hold
    term  := word | name "(" term ("," term)* ")"

After `arithmetic:` the words are ledger ids (`*` stands for any run of
characters, so that `t2-*-mae` is fourteen of them) or numbers, and the paper
is checked against itself: a value must follow from other printed values to its
own printed digits, a directional claim must hold among the printed values.
`contradicts(id)` marks a statement that another printed statement denies.
"""

import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from fnmatch import fnmatchcase
from statistics import mean
from typing import NamedTuple

from chexnomaly.errors import ClaimError

PREFIX = "arithmetic:"
"""What the `needs` column of an arithmetic claim begins with."""

_TOKEN = re.compile(r"[(),&]|[^\s(),&]+")
_EXACT = Context(prec=700)  # every finite float has fewer digits than this


class Call(NamedTuple):
    """One call: a name and its arguments, each a call or a word."""

    name: str
    args: tuple["Call | str", ...]


VALUES: dict[str, Callable[..., Decimal]] = {
    "difference": lambda a, b: a - b,
    "product": lambda a, b: a * b,
    "ratio": lambda a, b: a / b,
    "percent_of": lambda percent, whole: percent * whole / 100,
    "percent_change": lambda old, new: 100 * (new - old) / old,
    "magnitude": lambda a: abs(a),
    "mean": lambda *values: mean(values),
}
"""Functions of printed numbers that give a number."""

TESTS: dict[str, Callable[..., bool]] = {
    "lower": lambda a, b: a < b,
    "higher": lambda a, b: a > b,
}
"""Functions of printed numbers that hold or not."""


WORDS = {
    "difference": "{} - {}",
    "product": "{} x {}",
    "ratio": "{} / {}",
    "percent_of": "{} % of {}",
    "percent_change": "the change from {} to {} in %",
    "magnitude": "the size of {}",
    "mean": "the mean of {}",
    "lower": "below",
    "higher": "above",
}
"""Each function in words."""


def parse(text: str) -> tuple[Call | str, ...]:
    """Read a test of the ledger's language.

    Args:
        text: Such as `lower(a@s, b@s) & higher(c@s, 0.5)`.

    Returns:
        The terms between the ampersands, in order.

    Raises:
        ClaimError: The text is not of that form.
    """
    tokens = _TOKEN.findall(text)
    try:
        terms = [_term(tokens)]
        while tokens:
            _take(tokens, "&")
            terms.append(_term(tokens))
    except (IndexError, ValueError) as error:
        raise ClaimError(f"cannot read {text!r}", expected="name(a, b)") from error
    return tuple(terms)


def _term(tokens: list[str]) -> Call | str:
    name = tokens.pop(0)
    if name in "(),&":
        raise ValueError(name)
    if not tokens or tokens[0] != "(":
        return name
    args = []
    while tokens[0] != ")":
        _take(tokens, "," if args else "(")
        args.append(_term(tokens))
    tokens.pop(0)
    return Call(name, tuple(args))


def _take(tokens: list[str], wanted: str) -> None:
    if tokens.pop(0) != wanted:
        raise ValueError(wanted)


def words(term: Call | str) -> list[str]:
    """List the words of a term, left to right."""
    if isinstance(term, str):
        return [term]
    return [word for arg in term.args for word in words(arg)]


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


def compute(term: Call | str, printed: Mapping[str, Decimal]) -> Decimal | bool:
    """Compute one term from printed numbers.

    Args:
        term: A parsed term whose words are ids or numbers.
        printed: Ledger id to printed value.

    Returns:
        A number, or for `lower` and `higher` whether it holds.

    Raises:
        ClaimError: An id or a function is unknown, or takes other arguments.
    """
    if isinstance(term, str):
        (value,) = _values(term, printed)
        return value
    function = (VALUES | TESTS).get(term.name)
    if function is None:
        raise ClaimError(f"unknown function {term.name!r}", column="needs")
    args = [value for arg in term.args for value in _arguments(arg, printed)]
    try:
        return function(*args)
    except (TypeError, ArithmeticError) as error:
        raise ClaimError(f"{term.name} of {args}: {error}", column="needs") from error


def _arguments(arg: Call | str, printed: Mapping[str, Decimal]) -> list[Decimal]:
    return [compute(arg, printed)] if isinstance(arg, Call) else _values(arg, printed)


def _values(word: str, printed: Mapping[str, Decimal]) -> list[Decimal]:
    found = [value for id_, value in printed.items() if fnmatchcase(id_, word)]
    if found:
        return found
    try:
        return [Decimal(word)]
    except InvalidOperation:
        raise ClaimError(f"unknown claim id {word!r}", column="needs") from None


def check(
    needs: str, value: Decimal | None, printed: Mapping[str, Decimal]
) -> tuple[bool, Decimal | None, str]:
    """Check an arithmetic claim against the paper's other numbers.

    Args:
        needs: The row's `needs`, beginning with `arithmetic:`.
        value: The row's printed value; None for a directional claim.
        printed: Ledger id to printed value.

    Returns:
        Whether the paper agrees with itself, the computed value (None for a
        directional claim), and a sentence that says what was computed.

    Raises:
        ClaimError: The computation cannot be read or carried out.
    """
    text = needs.partition(";")[0].removeprefix(PREFIX).strip()
    terms = parse(text)
    results = [compute(term, printed) for term in terms]
    tests = [result for result in results if isinstance(result, bool)]
    if len(tests) != (len(results) if value is None else 0):
        raise ClaimError(f"{text!r} gives {results}", expected="tests or one number")
    if value is None:
        told = [_sentence(term, printed) for term in terms]
        return all(tests), None, " and ".join(told)
    if len(results) > 1:
        raise ClaimError(f"{text!r} gives {results}", expected="one number")
    written = terms[0] if isinstance(terms[0], str) else in_words(terms[0], printed)
    return agrees(results[0], value), results[0], f"{written} is {_short(results[0])}"


def in_words(term: Call | str, printed: Mapping[str, Decimal]) -> str:
    """Write a computation with the printed numbers in it."""
    if isinstance(term, Call):
        return WORDS[term.name].format(*(in_words(arg, printed) for arg in term.args))
    values = _values(term, printed)
    return str(values[0]) if len(values) == 1 else f"all {term}"


def _sentence(test: Call, printed: Mapping[str, Decimal]) -> str:
    first, second = (_told(arg, printed) for arg in test.args)
    holds = "is" if compute(test, printed) else "is not"
    return f"{first} {holds} {WORDS[test.name]} {second}"


def _told(arg: Call | str, printed: Mapping[str, Decimal]) -> str:
    value = _short(compute(arg, printed))
    return f"{value} ({in_words(arg, printed)})" if isinstance(arg, Call) else value


def _short(value: Decimal | bool) -> str:
    if isinstance(value, bool):
        return str(value)
    return f"{value:.0f}" if value == value.to_integral_value() else f"{value:.4g}"
