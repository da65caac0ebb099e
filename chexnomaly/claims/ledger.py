"""The claims ledger: every number and every directional claim that the paper prints.

`claims.csv` holds one row for each. A row is bound to results files by (system,
dataset, metric), or by the test in its `needs` column, which is one of these with
an optional "; note":

    train ...            value against results from real radiographs
    annotations ...      value against counts from real annotation tables
    lower(a, b) ...      a direction; the tests stand in `directions`; `printed(id)`
                         in it stands for the number that this row prints
    arithmetic: ...      the paper's numbers against each other; see `arithmetic`
    contradicts(id)      another printed statement denies this one
    code                 a design statement, nothing is measured
    external, undefined, nothing printed     no test exists, and why

`position only` as the note marks a cell of Table I whose place in the scrambled
text is the only sign of what it belongs to.
"""

import csv
import re
from collections.abc import Mapping, Set
from decimal import Decimal, InvalidOperation
from pathlib import Path

import pandas as pd

from chexnomaly.claims import arithmetic, directions
from chexnomaly.claims.lookup import Ref, results_key
from chexnomaly.errors import ClaimError

LEDGER = Path(__file__).parents[1] / "claims.csv"
"""The committed ledger."""

COLUMNS = tuple(
    "id where system dataset metric value unit as_printed quote kind needs".split()
)
"""Columns of the ledger, in order."""

QUOTE_WORDS = 15
"""Most words a quote may have."""

NEEDS = {
    "count": ("annotations", "nothing printed"),
    "result": ("train", "arithmetic", "nothing printed"),
    "design": ("code", "arithmetic"),
    "external": ("external", "nothing printed"),
    "direction": (
        *directions.TESTS,
        "arithmetic",
        "contradicts",
        "external",
        "undefined",
    ),
}
"""Kind of a row to the ways it may be tested."""

PRINTED = re.compile(r"printed\(([\w-]+)\)")
"""A row's printed number inside a test."""

UNTESTED = {
    "code": "a design statement: nothing is measured",
    "external": "quoted from elsewhere, unverified",
    "undefined": "the paper gives no criterion",
    "nothing printed": "the paper's text prints no value",
}
"""Ways that are no test, with the reason shown."""


def load_ledger(path: Path = LEDGER) -> pd.DataFrame:
    """Read and check the ledger.

    Args:
        path: A CSV file with the columns `COLUMNS`.

    Returns:
        One row per claim, in the file's order. `value` holds Decimals with the
        printed digits, None where nothing is printed; the rest are strings.

    Raises:
        ClaimError: A row is malformed; the message names row and column.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            found, rows = reader.fieldnames, [dict(row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ClaimError(str(error), file=path, expected="a CSV file") from error
    if tuple(found or ()) != COLUMNS:
        raise ClaimError(f"columns {found}", file=path, row=1, expected=str(COLUMNS))
    ids: set[str] = set()
    for line, row in enumerate(rows, start=2):
        _check_row(row, ids, path, line)
        ids.add(row["id"])
        row["value"] = Decimal(row["value"]) if row["value"] else None
    _put_printed(rows, path)
    _check_references(rows, ids, path)
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)


def way(claim: Mapping) -> str:
    """Give the way a claim is tested: the first word of its `needs`."""
    needs = claim["needs"].partition(";")[0].strip()
    if needs in UNTESTED:
        return needs
    return needs.replace("(", " ").replace(":", " ").partition(" ")[0]


def _check_row(row: Mapping, ids: set[str], path: Path, line: int) -> None:
    def refuse(column: str, expected: str) -> None:
        found = f"{row[column]!r}"
        raise ClaimError(found, file=path, row=line, column=column, expected=expected)

    if None in row or None in row.values():
        raise ClaimError(
            "wrong number of cells", file=path, row=line, expected=str(len(COLUMNS))
        )
    for column in ("id", "where", "system", "metric", "quote", "needs"):
        if not row[column].strip():
            refuse(column, "a text")
    if row["id"] in ids:
        refuse("id", "an id of its own")
    if row["kind"] not in NEEDS:
        refuse("kind", f"one of {', '.join(NEEDS)}")
    if way(row) not in NEEDS[row["kind"]]:
        refuse("needs", f"one of {', '.join(NEEDS[row['kind']])}")
    valueless = row["kind"] == "direction" or way(row) == "nothing printed"
    if not _is_value(row["value"], valueless):
        refuse("value", "no value" if valueless else "a finite number")
    if row["value"] and not row["as_printed"]:
        refuse("as_printed", "the printed digits")
    if len(row["quote"].split()) > QUOTE_WORDS:
        refuse("quote", f"at most {QUOTE_WORDS} words")


def _is_value(text: str, valueless: bool) -> bool:
    if valueless:
        return text == ""
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _put_printed(rows: list[dict], path: Path) -> None:
    """Replace `printed(id)` in tests by the number that the row prints."""
    printed = {row["id"]: row["value"] for row in rows if row["value"] is not None}
    for line, row in enumerate(rows, start=2):
        for id_ in PRINTED.findall(row["needs"]):
            if id_ not in printed:
                problem = f"unknown claim id {id_!r}, or nothing printed there"
                raise ClaimError(problem, file=path, row=line, column="needs")
        row["needs"] = PRINTED.sub(lambda m: str(printed[m[1]]), row["needs"])


def _check_references(rows: list[dict], ids: set[str], path: Path) -> None:
    printed = {row["id"]: row["value"] for row in rows if row["value"] is not None}
    systems = {row["system"] for row in rows}
    for line, row in enumerate(rows, start=2):
        try:
            if way(row) == "arithmetic":
                arithmetic.check(row["needs"], row["value"], printed)
            elif way(row) == "contradicts":
                _require(contradicted(row), ids)
            elif way(row) not in UNTESTED and not bindings(row, systems):
                raise ClaimError("nothing measured", expected="system@set")
        except ClaimError as error:
            raise ClaimError(
                error.problem,
                file=path,
                row=line,
                column="needs",
                expected=error.expected,
            ) from error


def _require(id_: str, ids: Set[str]) -> None:
    if id_ not in ids:
        raise ClaimError(f"unknown claim id {id_!r}", column="needs")


def contradicted(claim: Mapping) -> str:
    """Give the id of the statement that denies a `contradicts` claim."""
    term = arithmetic.parse(claim["needs"])[0]
    return arithmetic.words(term)[0]


def bindings(claim: Mapping, systems: Set[str]) -> tuple[Ref, ...]:
    """List the measured values that a claim rests on.

    Args:
        claim: One row of the ledger.
        systems: System keys of the ledger, for tests that name a family.

    Returns:
        Where each value stands; empty for a claim that no result decides.
    """
    if way(claim) in ("train", "annotations"):
        key = results_key(claim["metric"])
        return (Ref(claim["system"], claim["dataset"], key),)
    if way(claim) in directions.TESTS:
        tests = directions.expand(claim["needs"], claim["metric"], systems)
        sides = [side for test in tests for side in (test.a, test.b)]
        return tuple(dict.fromkeys(ref for ref in sides if isinstance(ref, Ref)))
    return ()
