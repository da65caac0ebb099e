"""Whether a direction holds among measured values, and how surely.

A test is decided by the paired interval of a - b where a results file has one, and so
is a ratio: a / b = 1 + (a - b) / b. Else the two intervals must not overlap, which asks
for more than a paired interval does; what neither decides is left open. One system on
two sets is compared by what it gains over a baseline on each, since sets of another
make-up have other errors by themselves.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from scipy import stats

from chexnomaly.claims import lookup
from chexnomaly.claims.directions import Comparison
from chexnomaly.claims.lookup import MeasuredValue, Ref, Shelf

MOST_TOLD = 3
"""Comparisons that a reason tells one by one."""

YARDSTICKS = {"mae_soft": "all_empty/mae_soft_abnormal", "iou_c": "mean_mask/iou_c"}
"""Results key to the gain that two sets are compared by, over a predictor that never
looks. An error counts abnormal films alone, as a share of the empty mask's error there:
so neither the share of such films nor the size of what they show makes a set harder."""


class Trial(NamedTuple):
    """One comparison with its two values, their difference or ratio, and the answer."""

    test: Comparison
    a: MeasuredValue
    b: MeasuredValue
    gap: MeasuredValue
    held: bool | None

    @property
    def tie(self) -> bool:
        """Whether both values are 0, or both 1, or a baseline's is 0."""
        sides = ((self.test.a, self.a), (self.test.b, self.b))
        zero = [s for s, found in sides if found.value == found.ends[0] == 0]
        one = [s for s, found in sides if found.value == found.ends[1] == 1]
        blind = any(isinstance(s, Ref) and s.is_blind for s in zero)
        return 2 in (len(zero), len(one)) or blind

    @property
    def p(self) -> float:
        """Two-sided p-value of the gap: its own, else what its interval gives."""
        if self.test.relation != "ratio":
            return p_value(self.gap) if self.gap.p is None else self.gap.p
        limits = [x for x in (self.test.low, self.test.high) if math.isfinite(x)]
        return max(p_value(self.gap, limit) for limit in limits)


class Outcome(NamedTuple):
    """What the tests of one claim gave.

    Attributes:
        held: True, False, or None where the intervals do not tell.
        measured: For one test a - b (or a / b) with its interval; for several,
            value NaN. It carries the evidence level and the smallest n.
        reason: The compared values in words.
        trials: The tests one by one.
    """

    held: bool | None
    measured: MeasuredValue
    reason: str
    trials: list[Trial]

    @property
    def p(self) -> float:
        """P-value of the whole: of the weakest test where all held, else Bonferroni."""
        if self.held is False:
            failed = [one.p for one in self.trials if one.held is False]
            return min(1.0, len(self.trials) * min(failed))
        return max(one.p for one in self.trials)


def evaluate(tests: Iterable[Comparison], shelf: Shelf, fairly: bool = True) -> Outcome:
    """Decide the tests of one claim; all of them must hold.

    Args:
        tests: At least one test.
        shelf: The results files.
        fairly: Compare one system on two sets by what it gains over a baseline.

    Returns:
        The outcome; one failed test decides against the claim, one open test
        leaves it open otherwise.

    Raises:
        NotMeasured: A value is missing, or values cannot be compared.
        ResultError: A results file is corrupted.
    """
    tested = [_try(test, shelf, fairly) for test in tests]
    answers = [one.held for one in tested]
    held = False if False in answers else None if None in answers else True
    sides = [side for one in tested for side in (one.a, one.b)]
    shown = tested[0].gap if len(tested) == 1 else MeasuredValue(math.nan)
    n = min((side.n for side in sides if side.n is not None), default=None)
    about = {"evidence": lookup.common_level(sides), "seeds": _fewest_seeds(*sides)}
    shown = shown._replace(n=n, **about)
    return Outcome(held, shown, _told(tested, held), tested)


def _try(test: Comparison, shelf: Shelf, fairly: bool) -> Trial:
    a, b = (
        shelf.look_up(side) if isinstance(side, Ref) else MeasuredValue(side)
        for side in (test.a, test.b)
    )
    gap = _gap(test, a, b, shelf, fairly)._replace(seeds=_fewest_seeds(a, b))
    return Trial(test, a, b, gap, _decide(test, gap))


def _fewest_seeds(*sides: MeasuredValue) -> int | None:
    return min((s.seeds for s in sides if s.seeds is not None), default=None)


def _told(tested: Sequence[Trial], held: bool | None) -> str:
    """Tell the comparisons, those that decide first, and of many no others."""
    told = sorted(tested, key=lambda one: one.held is not held)
    if len(tested) > MOST_TOLD:
        told = [one for one in told if one.held is held][:MOST_TOLD]
    rest = len(tested) - len(told)
    more = f"; and {rest} more comparisons" if rest else ""
    return "; ".join(map(_in_numbers, told)) + more


def _in_numbers(one: Trial) -> str:
    test, gap = one.test, one.gap
    said = f"{named(test.a, one.a)} against {named(test.b, one.b)}"
    if (yardstick := _yardstick(test)) is None:
        return said
    return f"{said}, less {yardstick} on each: {gap.value:+.4g}{_interval(gap)}"


def _gap(
    test: Comparison, a: MeasuredValue, b: MeasuredValue, shelf: Shelf, fairly: bool
) -> MeasuredValue:
    """Give a - b or a / b with its interval, paired where there is one."""
    paired = shelf.paired(test.a, test.b) if len(test.refs) == 2 else None
    if test.relation == "ratio":
        return _quotient(a, b) if paired is None else _quotient(paired, b, plus=1)
    if paired is not None:
        return paired
    if fairly and _yardstick(test):
        a, b = (_gain(side, shelf) for side in test.refs)
    low, high = a.ends[0] - b.ends[1], a.ends[1] - b.ends[0]
    own = a.p if test.b == 0 else None  # of a difference, held against none
    return MeasuredValue(a.value - b.value, low, high, p=own)


def _yardstick(test: Comparison) -> str | None:
    """Name the baseline that makes two sets comparable; None on one set."""
    if test.relation == "ratio" or len({ref.dataset for ref in test.refs}) < 2:
        return None
    gain = YARDSTICKS.get(test.a.key.split("@")[0])
    return gain and gain.split("/")[0]


def _gain(side: Ref, shelf: Shelf) -> MeasuredValue:
    """Give what a system gains on a set; an error as a share of the baseline's own."""
    key, at, level = side.key.partition("@")
    own = YARDSTICKS[key] + at + level
    gain = shelf.look_up(side._replace(key=own))
    baseline, _, key = own.partition("/")
    if baseline != "all_empty":
        return gain
    return _quotient(gain, shelf.look_up(Ref(baseline, side.dataset, key)))


def _quotient(a: MeasuredValue, b: MeasuredValue, plus: float = 0) -> MeasuredValue:
    """Give a / b + plus; nothing is known of it unless b is surely positive."""
    if b.ends[0] <= 0:
        return MeasuredValue(math.nan, -math.inf, math.inf)
    corners = [x / y + plus for x in a.ends for y in b.ends]
    return MeasuredValue(a.value / b.value + plus, min(corners), max(corners))


def _decide(test: Comparison, gap: MeasuredValue) -> bool | None:
    low, high = gap.ends
    if test.relation == "ratio":
        inside = test.low <= low and high <= test.high
        outside = high < test.low or low > test.high
    else:
        below, above, tied = high < 0, low > 0, low == high == 0
        inside, outside = (below, above) if test.relation == "below" else (above, below)
        outside = outside or tied
    return True if inside else False if outside else None


def p_value(gap: MeasuredValue, limit: float = 0.0) -> float:
    """Give the two-sided p-value that belongs to a 95 % interval.

    Args:
        gap: A difference or ratio. An interval over seeds is read as one of Student's
            t, one over films alone as normal.
        limit: What it is held against.

    Returns:
        In [0, 1]; 1 where nothing is known of the gap.
    """
    low, high = gap.ends
    reach = gap.value - low if gap.value > limit else high - gap.value
    if not math.isfinite(gap.value) or reach == math.inf:
        return 1.0
    if reach == 0:
        return float(gap.value == limit)
    freedom = gap.seeds - 1 if gap.seeds and gap.seeds > 1 else math.inf
    errors = stats.t.ppf(0.975, freedom) * abs(gap.value - limit) / reach
    return float(2 * stats.t.sf(errors, freedom))


def holm(p: float, family: Iterable[float]) -> float:
    """Adjust one p-value of a family by Holm's procedure.

    Args:
        p: One of them; below all it is left as it is.
        family: All of them.

    Returns:
        The adjusted p-value, at most 1; NaN stays NaN.
    """
    ordered = sorted(family)
    steps = ((len(ordered) - k) * x for k, x in enumerate(ordered) if x <= p)
    return min(max(steps, default=p), 1.0)


def named(side: Ref | float, found: MeasuredValue) -> str:
    """Write a side with its value and interval."""
    if not isinstance(side, Ref):
        return f"{side:g}"
    spec = ",.0f" if abs(found.value) > 9999 else ".4g"
    return f"{side.system} {found.value:{spec}}{_interval(found)}"


def _interval(found: MeasuredValue) -> str:
    return "" if found.low is None else f" [{found.low:.4g}, {found.high:.4g}]"
