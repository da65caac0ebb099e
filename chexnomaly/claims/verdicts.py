"""A computed verdict for every number and every claim that the paper prints.

The rows stand in `claims.csv` (see `ledger`), the levels and verdicts in
`evidence`. Nothing here decides by hand: a verdict follows from the printed
digits, a results file and its evidence level. A value is compared only when both
training and scoring were real; a phantom gives a direction at most.
"""

import math
import re
from collections.abc import Iterable, Mapping, Set
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from chexnomaly import evidence
from chexnomaly.claims import arithmetic, directions
from chexnomaly.claims.ledger import (
    UNTESTED,
    bindings,
    contradicted,
    load_ledger,
    printed_values,
    way,
)
from chexnomaly.claims.lookup import MeasuredValue, NotMeasured, Shelf
from chexnomaly.errors import ClaimError

COMPARED = tuple(
    "id where quantity printed measured_as measured low high n evidence verdict "
    "reason".split()
)
"""Columns of `compare`, in order."""

METRIC_NAMES = {"mae": "MAE", "mean_iou": "mean IoU", "f1": "F1"}
"""Printed metric to its name in tables; others keep their key."""

_WHOSE = {"paper": "", "external": ", from elsewhere", "annotations": " by annotations"}


class Verdict(NamedTuple):
    """One of `evidence.VERDICTS`, and why; the reason may be empty."""

    name: str
    reason: str


def verdict(
    claim: Mapping, measured: MeasuredValue | None, held: bool | None = None
) -> Verdict:
    """Judge a claim by what was measured.

    Args:
        claim: One row of the ledger.
        measured: The measured value, in the unit of the results file; None where
            there is none. For a directional claim its evidence level counts.
        held: For a directional claim, whether the direction held; None where
            the intervals do not tell.

    Returns:
        The verdict; `not testable here` for whatever the evidence does not allow.
        Arithmetic and contradictions are `compare`'s, which has the other rows.
    """
    if way(claim) in UNTESTED:
        return _open(UNTESTED[way(claim)], _note(claim))
    if measured is None:
        return _open("not measured")
    level = measured.evidence
    if level == evidence.PHANTOM_TO_REAL:
        return _open("trained on phantoms, scored on real data: a transfer test")
    if claim["kind"] == "direction":
        return _direction_verdict(level, held)
    if not evidence.may_compare(level):
        return _open(f"evidence level {level}: shown, not compared by value")
    if level == evidence.ANNOTATIONS and way(claim) != "annotations":
        return _open("annotations alone cannot decide what needs pixels")
    return _value_verdict(claim, measured)


def _open(*reasons: str) -> Verdict:
    return Verdict(evidence.NOT_TESTABLE, "; ".join(filter(None, reasons)))


def _note(claim: Mapping) -> str:
    return claim["needs"].partition(";")[2].strip()


def _direction_verdict(level: str, held: bool | None) -> Verdict:
    if not evidence.gives_direction(level):
        return _open(f"evidence level {level}: shown, not compared")
    if held is None:
        return _open("not resolved at this n")
    if level == evidence.PHANTOM:
        return Verdict(evidence.HELD if held else evidence.DID_NOT_HOLD, "")
    return Verdict(evidence.SAME_DIRECTION if held else evidence.DIFFERS, "")


def _value_verdict(claim: Mapping, measured: MeasuredValue) -> Verdict:
    printed = claim["value"]
    value, low, high = _in_unit(claim, measured)
    if not math.isfinite(value):
        return _open("the measured value is undefined")
    same = low <= float(printed) <= high or arithmetic.agrees(value, printed)
    return Verdict(evidence.REPRODUCED if same else evidence.DIFFERS, _note(claim))


def _in_unit(claim: Mapping, measured: MeasuredValue) -> list[float]:
    """Give value, low and high in the unit of the claim; NaN where there is none."""
    scale = 100 if claim["unit"] == "%" else 1
    return [
        math.nan if number is None else float(Decimal(repr(float(number))) * scale)
        for number in (measured.value, measured.low, measured.high)
    ]


def compare(
    ids: Iterable[str] | None, results: Path | str | Iterable[Path]
) -> pd.DataFrame:
    """Put printed and measured side by side, with a verdict for each claim.

    Args:
        ids: Claim ids, in the order wanted; None for the whole ledger.
        results: Folder of `<system>__<set>.json` files, or several, of which the
            first that has a file gives it.

    Returns:
        One row per claim with the columns `COMPARED`. `measured`, `low` and
        `high` are in the claim's unit (shares in % for `%`), NaN where there is
        none. `measured_as` tells what they are where that is no measured value: for
        one comparison the "difference" a - b or the "ratio" a / b, for arithmetic the
        value "computed" from what is printed. `n` is a nullable integer; `evidence`
        is "" where nothing was measured.

    Raises:
        ClaimError: An id is unknown.
        ResultError: A results file is corrupted.
    """
    ledger, shelf = load_ledger(), Shelf(results)
    claims = {claim["id"]: claim for claim in ledger.to_dict("records")}
    wanted = list(claims) if ids is None else list(ids)
    for id_ in wanted:
        if id_ not in claims:
            raise ClaimError(f"unknown claim id {id_!r}", file="claims.csv")
    rows = [_row(claims[id_], claims, shelf) for id_ in wanted]
    table = pd.DataFrame(rows, columns=list(COMPARED))
    numbers = dict.fromkeys(("measured", "low", "high"), "float64")
    return table.astype(numbers | {"n": "Int64"})


def quantity(claim: Mapping) -> str:
    """Say in words what a claim is about, such as "MAE of supermodel on vindr_test"."""
    metric = claim["metric"]
    label = METRIC_NAMES.get(metric, metric.replace("_", " "))
    label = re.sub(r"^n ", "number of ", label)
    if way(claim) == "measured":
        return f"{label}: {directions.in_words(claim['needs'])}"
    whose = _WHOSE.get(claim["system"], f" of {claim['system']}")
    place = f" on {claim['dataset']}" if claim["dataset"] else ""
    return f"{label}{whose}{place}"


def _row(claim: Mapping, claims: Mapping[str, Mapping], shelf: Shelf) -> dict:
    measured, judged = _judged(claim, claims, shelf)
    level = evidence.QUOTED if way(claim) == "external" else ""
    found = measured or MeasuredValue(math.nan, evidence=level)
    value, low, high = _in_unit(claim, found)
    return {
        "id": claim["id"],
        "where": claim["where"],
        "quantity": quantity(claim),
        "printed": claim["as_printed"],
        "measured_as": "" if math.isnan(value) else _measured_as(claim),
        "measured": value,
        "low": low,
        "high": high,
        "n": found.n,
        "evidence": found.evidence,
        "verdict": judged.name,
        "reason": judged.reason,
    }


def _measured_as(claim: Mapping) -> str:
    if way(claim) != "measured":
        return "computed" if way(claim) == "arithmetic" else ""
    relations = {test.relation for test in directions.read_tests(claim["needs"])}
    return "ratio" if relations == {"ratio"} else "difference"


def _judged(
    claim: Mapping, claims: Mapping[str, Mapping], shelf: Shelf
) -> tuple[MeasuredValue | None, Verdict]:
    if way(claim) == "arithmetic":
        return _arithmetic(claim, claims)
    if way(claim) == "contradicts":
        other = claims[contradicted(claim)]
        reason = f'the paper also prints "{other["quote"]}" ({other["where"]})'
        return None, Verdict(evidence.INCONSISTENT, reason)
    systems = {other["system"] for other in claims.values()}
    try:
        if way(claim) == "measured":
            return _direction(claim, systems, shelf)
        refs = bindings(claim, systems)
        measured = shelf.look_up(refs[0]) if refs else None
    except NotMeasured as missing:
        return None, _open(str(missing), _note(claim))
    return measured, verdict(claim, measured)


def _direction(
    claim: Mapping, systems: Set[str], shelf: Shelf
) -> tuple[MeasuredValue, Verdict]:
    tests = directions.expand(claim["needs"], claim["metric"], systems)
    outcome = directions.evaluate(tests, shelf)
    name, reason = verdict(claim, outcome.measured, outcome.held)
    parts = (reason, outcome.reason, _note(claim))
    return outcome.measured, Verdict(name, "; ".join(filter(None, parts)))


def _arithmetic(
    claim: Mapping, claims: Mapping[str, Mapping]
) -> tuple[MeasuredValue | None, Verdict]:
    printed = printed_values(claims.values())
    same, value, reason = arithmetic.check(claim["needs"], claim["value"], printed)
    name = evidence.REPRODUCED if same else evidence.INCONSISTENT
    scale = 100 if claim["unit"] == "%" else 1
    computed = None if value is None else MeasuredValue(float(value / scale))
    return computed, Verdict(name, f"the paper's own numbers: {reason}")
