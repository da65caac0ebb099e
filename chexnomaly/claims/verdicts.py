"""A computed verdict for every number and every claim that the paper prints.

The rows stand in `claims.csv` (see `ledger`), the levels and verdicts in
`evidence`. Nothing here decides by hand: a verdict follows from the printed
digits, a results file and its evidence level. A value is compared only when both
training and scoring were on the paper's own collections; a direction must pass `rules`.
"""

import math
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from functools import cache
from pathlib import Path

import pandas as pd

from chexnomaly import evidence
from chexnomaly.claims import arithmetic, directions, ledger, outcomes, rules
from chexnomaly.claims.ledger import load_ledger, way
from chexnomaly.claims.lookup import MeasuredValue, NotMeasured, Shelf
from chexnomaly.claims.rules import Verdict, joined
from chexnomaly.errors import ClaimError, ProfileError
from chexnomaly.labels import spoken

COMPARED = tuple(
    "id where says quantity printed measured_as measured low high n seeds thresholds "
    "evidence before rule verdict reason".split()
)
"""Columns of `compare`, in order."""

PLANNED = {
    "CheX-Nomaly": "measured: chexnomaly@vindr_test > supermodel@vindr_test",
    "trained twin": "measured: chexnomaly@vindr_test > "
    "chexnomaly__random_base@vindr_test",
    "frozen map": "measured: chexnomaly__from_supermodel@vindr_test > "
    "chexnomaly__random_base@vindr_test",
    "practice": "measured: supermodel__from_phantoms@vindr_test > "
    "supermodel@vindr_test",
}
"""What helps, in words, to the question of the study's plan; the paper states none."""

_WHOSE = {"paper": "", "external": ", from elsewhere", "annotations": " by annotations"}


def verdict(claim: Mapping, measured: MeasuredValue | None) -> Verdict:
    """Judge a value by what was measured.

    Args:
        claim: One row of the ledger.
        measured: The measured value, in the unit of the results file; None where
            the row names none, and why.

    Returns:
        The verdict; `not testable here` for whatever the evidence does not allow.
        Directions, arithmetic and contradictions are `compare`'s, which has the other
        rows.
    """
    if reason := ledger.UNTESTED.get(way(claim)):
        return _open(reason, _note(claim))
    level = measured.evidence
    if level == evidence.PHANTOM_TO_REAL:
        return rules.decide(measured, None)
    if not evidence.may_compare(level):
        told = f"evidence level {level}: shown, not compared by value"
        return _open(told, f"testable with the films of {ledger.test_of(claim)}")
    if level == evidence.ANNOTATIONS and way(claim) != "annotations":
        return _open("annotations alone cannot decide what needs pixels")
    value, low, high = _in_unit(claim, measured)
    if not math.isfinite(value):
        return _open("the measured value is undefined")
    printed = claim["value"]
    same = low <= float(printed) <= high or arithmetic.agrees(value, printed)
    return Verdict(evidence.REPRODUCED if same else evidence.DIFFERS, _note(claim))


def _open(*reasons: str) -> Verdict:
    return Verdict(evidence.NOT_TESTABLE, joined(*reasons))


def _note(claim: Mapping) -> str:
    return claim["needs"].partition(";")[2].strip()


def _in_unit(claim: Mapping, measured: MeasuredValue) -> list[float]:
    """Give value, low and high in the unit of the claim; NaN where there is none."""
    return [
        math.nan if x is None else float(Decimal(repr(float(x))) * _scale(claim))
        for x in (measured.value, measured.low, measured.high)
    ]


def _scale(claim: Mapping) -> int:
    return 100 if claim["unit"] == "%" else 1


def compare(
    ids: Iterable[str] | None, results: Path | str | Iterable[Path]
) -> pd.DataFrame:
    """Put printed and measured side by side, with a verdict for each claim.

    Args:
        ids: Claim ids, in the order wanted; None for the whole ledger.
        results: Folder of `<system>__<set>.json` files, or several, of which the
            first that has a file gives it.

    Returns:
        One row per claim with the columns `COMPARED`. `says` is a direction in plain
        English, and the quantity for any other claim. `measured`, `low` and
        `high` are in the claim's unit (shares in % for `%`), NaN where there is
        none. `measured_as` tells what they are where that is no measured value: for
        one comparison the "difference" a - b or the "ratio" a / b, for arithmetic the
        value "computed" from what is printed, for design what is "in code". `n` and
        `seeds` are nullable integers; `evidence` is "" where nothing was measured.
        `before` is the verdict of an interval over films at 0.5 alone, `rule` what
        changed it, a key of `rules.GROUNDS`, "" for nothing.

    Raises:
        ClaimError: An id is unknown.
        ResultError: A results file is corrupted.
    """
    claims = (judge := _Judge(Shelf(results))).claims
    wanted = list(claims) if ids is None else list(ids)
    if unknown := [id_ for id_ in wanted if id_ not in claims]:
        raise ClaimError(f"unknown claim id {unknown[0]!r}", file="claims.csv")
    rows = [_row(claims[id_], judge(claims[id_])) for id_ in wanted]
    numbers = dict.fromkeys(("measured", "low", "high"), "float64")
    numbers |= dict.fromkeys(("n", "seeds"), "Int64")
    return pd.DataFrame(rows, columns=list(COMPARED)).astype(numbers)


def p_values(shelf: Shelf) -> list[float]:
    """Give the p-values of all directions that were asked, the plan's included."""
    return _Judge(shelf).family()


def quantity(claim: Mapping) -> str:
    """Say what a claim is about, such as "MAE of supermodel on vindr_test".

    A direction is named by its test as it is written: "MAE: a@vindr_test < b@rsna".
    """
    metric = claim["metric"]
    label = re.sub(r"^n ", "number of ", spoken(metric))
    if way(claim) == "measured":
        return f"{label}: {ledger.test_of(claim)}"
    whose = _WHOSE.get(claim["system"], f" of {claim['system']}")
    place = f" on {claim['dataset']}" if claim["dataset"] else ""
    return f"{label}{whose}{place}"


def _row(claim: Mapping, judged: Verdict) -> tuple:
    """Give one claim's cells in the order of `COMPARED`."""
    level = evidence.QUOTED if way(claim) == "external" else ""
    found = judged.measured or MeasuredValue(math.nan, evidence=level)
    numbers = _in_unit(claim, found)
    kind = "" if math.isnan(numbers[0]) else _measured_as(claim)
    about = quantity(claim)
    printed = claim["id"], claim["where"], claim["says"] or about, about
    how = found.n, found.seeds, judged.thresholds, found.evidence
    told = judged.before or judged.name, judged.rule, judged.name, judged.reason
    return *printed, claim["as_printed"], kind, *numbers, *how, *told


def _measured_as(claim: Mapping) -> str:
    if way(claim) != "measured":
        return {"arithmetic": "computed", "design": "in code"}.get(way(claim), "")
    tests = directions.read_tests(claim["needs"])
    return "ratio" if {one.relation for one in tests} == {"ratio"} else "difference"


class _Judge:
    """Judge the ledger's claims by one shelf; directions are corrected together."""

    def __init__(self, shelf: Shelf):
        claims = {claim["id"]: claim for claim in load_ledger().to_dict("records")}
        self.claims, self.shelf = claims, shelf
        self.printed = {
            i: c["value"] for i, c in claims.items() if c["value"] is not None
        }
        self.systems = {claim["system"] for claim in claims.values()}
        self.tests = {
            id_: directions.expand(claim["needs"], claim["metric"], self.systems)
            for id_, claim in claims.items()
            if way(claim) == "measured"
        }
        self.answers = cache(lambda tests: rules.ask(tests, shelf))
        self.family = cache(self._family)

    def __call__(self, claim: Mapping) -> Verdict:
        """Judge one claim."""
        if way(claim) == "arithmetic":
            return _arithmetic(claim, self.printed)
        if way(claim) == "design":
            return _designed(claim, Path(self.shelf.folders[0]).name)
        if way(claim) == "contradicts":
            other = self.claims[ledger.test_of(claim)]
            reason = f'the paper also prints "{other["quote"]}" ({other["where"]})'
            return Verdict(evidence.INCONSISTENT, reason)
        try:
            if claim["id"] in self.tests:
                return self._direction(claim)
            refs = ledger.bindings(claim, self.systems)
            measured = self.shelf.look_up(refs[0]) if refs else None
        except NotMeasured as missing:
            judged = _open(str(missing), _note(claim))
            if claim["id"] not in self.tests:
                return judged
            return judged._replace(rule="missing", before=self._before(claim).name)
        return verdict(claim, measured)._replace(measured=measured)

    def _family(self) -> list[float]:
        """Give each direction's p-value at every level that has enough seeds.

        What stands beside a verdict is one too, and corrected with it.
        """
        found = []
        asked = PLANNED.values()
        planned = (directions.expand(one, "mean_iou", ()) for one in asked)
        for tests in (*self.tests.values(), *planned):
            with suppress(NotMeasured):
                found += [one.p for one in self.answers(tuple(tests))]
        return [p for p in found if p is not None]

    def _direction(self, claim: Mapping) -> Verdict:
        found = self.answers(tuple(self.tests[claim["id"]]))
        best, *others = (rules.settle(one, self.family) for one in found)
        before, rule, ceiling = self._before(claim), best.rule, ""
        if rules.ZERO_SHOT in claim["needs"]:
            rule, ceiling = "baseline", f"ceiling, fitted on RSNA: {before.reason}"
        elif before.name != best.name:
            rule = rule or "study"
        beside = (f"{one.measured.evidence}: {one.name}" for one in others)
        reason = joined(best.reason, ceiling, _note(claim), *beside)
        return best._replace(reason=reason, rule=rule, before=before.name)

    def _before(self, claim: Mapping) -> Verdict:
        """Judge by an interval over films at 0.5 alone, of the network at hand."""
        tests = rules.as_before(self.tests[claim["id"]])
        try:
            found = outcomes.evaluate(tests, self.shelf, fairly=False)
        except NotMeasured as missing:
            return _open(str(missing))
        return rules.decide(found.measured, found.held, found.reason)


def _designed(claim: Mapping, profile: str) -> Verdict:
    """Ask the code at the paper's profile; name what the live profile has instead."""
    from chexnomaly.claims import design  # so late, since it builds networks

    found: dict[str, float] = {}
    for name in (design.STANDARD, profile):
        with suppress(ProfileError):  # the folder of results need not be a profile's
            found[name] = design.measure(ledger.test_of(claim), claim["system"], name)
    if design.STANDARD not in found:
        return _open("no profiles here; testable in a checkout")
    measured = MeasuredValue(found[design.STANDARD])
    same = arithmetic.agrees(_in_unit(claim, measured)[0], claim["value"])
    shown = found if len(set(found.values())) > 1 else [design.STANDARD]
    told = [f"{found[name] * _scale(claim):g} in profile {name}" for name in shown]
    name = evidence.IMPLEMENTED if same else evidence.DEVIATES
    reason = joined(*told, _note(claim))
    return Verdict(name, reason, measured, "design", evidence.NOT_TESTABLE)


def _arithmetic(claim: Mapping, printed: Mapping[str, Decimal]) -> Verdict:
    same, value, reason = arithmetic.check(claim["needs"], claim["value"], printed)
    told = joined(f"the paper's own numbers: {reason}", _note(claim))
    measured = None if value is None else MeasuredValue(float(value / _scale(claim)))
    if same is False:
        return Verdict(evidence.INCONSISTENT, told, measured)
    if same is None:
        name, rule, before = evidence.NOT_RESOLVED, "digits", evidence.INCONSISTENT
    else:
        name, rule, before = evidence.ADDS_UP, "arithmetic", evidence.REPRODUCED
    return Verdict(name, told, measured, rule, before)
