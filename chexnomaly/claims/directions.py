"""Directional claims: "surpasses", "lower", "comparable", tested on measured values.

A test is written in the ledger's language (see `arithmetic`):

    lower(a, b)         a is below b
    higher(a, b)        a is above b
    ratio(a, b, l, h)   a / b lies between l and h, which may be inf
    test & test         every test holds

a and b are numbers, or `system@set`, which takes the row's metric, or
`system@set:key`; `other/key` is the paired difference to another. A `*` in b's
system stands for every other system of that form in the ledger. Limits in such
tests are our reading where the paper names none.

A test is decided by the paired interval of a - b where a results file has one.
Else the two intervals must not overlap, which asks for more than a paired
interval does; what neither decides is left open.
"""

import math
from collections.abc import Iterable, Set
from fnmatch import fnmatchcase
from typing import NamedTuple

from chexnomaly.claims.arithmetic import Call, parse
from chexnomaly.claims.lookup import Entry, Ref, Shelf, common_level, results_key
from chexnomaly.errors import ClaimError

TESTS = {"lower": 2, "higher": 2, "ratio": 4}
"""Name of a test to the number of its arguments."""

MOST_TOLD = 3
"""Comparisons that a reason tells one by one."""


class Comparison(NamedTuple):
    """One comparison of two sides.

    Attributes:
        name: One of `TESTS`.
        a: Left side.
        b: Right side.
        low: Lower limit of a ratio; unused otherwise.
        high: Upper limit of a ratio; unused otherwise.
    """

    name: str
    a: Ref | float
    b: Ref | float
    low: float = math.nan
    high: float = math.nan


class Outcome(NamedTuple):
    """What the tests of one claim gave.

    Attributes:
        held: True, False, or None where the intervals do not tell.
        entry: For one test a - b (or a / b) with its interval; for several,
            value NaN. It carries the evidence level and the smallest n.
        reason: The compared values in words.
    """

    held: bool | None
    entry: Entry
    reason: str


_WORDS = {"lower": "below", "higher": "above"}


def in_words(needs: str) -> str:
    """Put the tests of a directional claim into words, for a table.

    Args:
        needs: The row's `needs`, a well-formed test.

    Returns:
        Such as "supermodel on other_200 below supermodel on vindr_test"; a set that
        both sides share is named once.
    """
    return " and ".join(_in_words(term) for term in parse(needs.partition(";")[0]))


def _in_words(test: Call) -> str:
    a, b = (str(arg).partition("@") for arg in test.args[:2])
    sides = [part[0].replace("*", "any other") for part in (a, b)]
    places = [part[2].partition(":") for part in (a, b)]
    keys = [f" ({_key_in_words(key)})" if key else "" for _, _, key in places]
    sets = [f" on {place}" if place else "" for place, _, _ in places]
    if sets[0] == sets[1]:
        sets[0] = ""
    relation = _WORDS.get(test.name) or _range_in_words(*map(str, test.args[2:]))
    left = f"{sides[0]}{keys[0]}{sets[0]}"
    return f"{left} {relation} {sides[1]}{keys[1]}{sets[1]}"


def _range_in_words(low: str, high: str) -> str:
    if high == "inf":
        return f"at least {low} times"
    return f"{low} to {high} times"


def _key_in_words(key: str) -> str:
    other, _, own = key.replace("_", " ").rpartition("/")
    return f"{own} less {other}" if other else own


def expand(needs: str, metric: str, systems: Set[str]) -> list[Comparison]:
    """Read the tests of a directional claim.

    Args:
        needs: The row's `needs`.
        metric: The row's metric, printed name or results key.
        systems: System keys that a `*` may stand for.

    Returns:
        The tests, one for each system that a `*` stands for.

    Raises:
        ClaimError: The text is not of the form above.
    """
    tests = []
    for term in parse(needs.partition(";")[0].strip()):
        if not isinstance(term, Call) or TESTS.get(term.name) != len(term.args):
            expected = ", ".join(f"{name} of {n}" for name, n in TESTS.items())
            raise ClaimError(f"{term}", column="needs", expected=expected)
        if not all(isinstance(arg, str) for arg in term.args):
            raise ClaimError(f"{term}", column="needs", expected="no call in a call")
        a = _side(term.args[0], metric)
        limits = [_finite_or_inf(word) for word in term.args[2:]]
        tests += [
            Comparison(term.name, a, _side(b, metric), *limits)
            for b in _family(term.args[1], term.args[0], systems)
        ]
    return tests


def _side(word: str, metric: str) -> Ref | float:
    system, at, rest = word.partition("@")
    if not at:
        return _finite_or_inf(word)
    dataset, _, key = rest.partition(":")
    if not system or not dataset:
        raise ClaimError(repr(word), column="needs", expected="system@set")
    return Ref(system, dataset, results_key(key or metric))


def _finite_or_inf(word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise ClaimError(repr(word), column="needs", expected="a number or system@set")
    return number


def _family(word: str, left: str, systems: Set[str]) -> list[str]:
    system, _, rest = word.partition("@")
    if "*" not in system:
        return [word]
    own = left.partition("@")[0]
    members = sorted(name for name in systems if fnmatchcase(name, system))
    return [f"{name}@{rest}" for name in members if name != own]


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
    entry = gaps[0] if len(gaps) == 1 else Entry(math.nan)
    counts = [side.n for side in sides if side.n is not None]
    entry = entry._replace(
        evidence=common_level(sides), n=min(counts) if counts else None
    )
    return Outcome(_all(held), entry, _told(reasons, held))


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


def _look_up(side: Ref | float, shelf: Shelf) -> Entry:
    return shelf.entry(side) if isinstance(side, Ref) else Entry(side)


def _gap(test: Comparison, a: Entry, b: Entry, shelf: Shelf) -> Entry:
    """Give a - b or a / b with its interval, paired where there is one."""
    if test.name == "ratio":
        return _quotient(a, b)
    if isinstance(test.a, Ref) and isinstance(test.b, Ref):
        paired = shelf.paired(test.a, test.b)
        if paired is not None:
            return paired
    low, high = a.ends[0] - b.ends[1], a.ends[1] - b.ends[0]
    return Entry(a.value - b.value, low, high)


def _quotient(a: Entry, b: Entry) -> Entry:
    """Give a / b; nothing is known of it unless b is surely positive."""
    if b.ends[0] <= 0:
        return Entry(math.nan, -math.inf, math.inf)
    corners = [x / y for x in a.ends for y in b.ends]
    return Entry(a.value / b.value, min(corners), max(corners))


def _decide(test: Comparison, gap: Entry) -> bool | None:
    low, high = gap.ends
    if test.name == "ratio":
        return _inside(low, high, test.low, test.high)
    if low == high == 0:
        return False
    if test.name == "lower":
        low, high = -high, -low
    return True if low > 0 else False if high < 0 else None


def _inside(low: float, high: float, least: float, most: float) -> bool | None:
    if least <= low and high <= most:
        return True
    return False if high < least or low > most else None


def _named(side: Ref | float, entry: Entry) -> str:
    if not isinstance(side, Ref):
        return f"{side:g}"
    interval = "" if entry.low is None else f" [{entry.low:.4g}, {entry.high:.4g}]"
    return f"{side.system} {entry.value:.4g}{interval}"
