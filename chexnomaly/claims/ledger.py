"""The claims ledger: every number and every directional claim that the paper prints.

`claims.csv` holds one row for each. A row is bound to results files by (system,
dataset, metric), or by the test in its `needs` column, which begins with the way of
testing and may end with "; note":

    train ...              value against results from real radiographs
    annotations ...        value against counts from real annotation tables
    measured: a < b        a direction of measured values; see `directions`. The id of
                           another row as text stands for the number that it prints
    arithmetic: 'a' - 'b'  the paper's numbers against each other; see `arithmetic`
    contradicts: id        another printed statement denies this one
    design: check          a design statement that code decides; see `design`
    code                   a design statement that no code decides, and why
    external, undefined, nothing printed     no test exists, and why

`position only` as the note marks a cell of Table I whose place in the scrambled
text is the only sign of what it belongs to. A direction's `says` puts it into plain
English.
"""

import csv
import re
from collections.abc import Mapping, Sequence, Set
from decimal import Decimal
from pathlib import Path

import pandas as pd

from chexnomaly.claims import arithmetic, directions
from chexnomaly.claims.lookup import Ref, results_key
from chexnomaly.errors import ClaimError

LEDGER = Path(__file__).parents[1] / "claims.csv"
"""The committed ledger."""

LEDGER_COLUMNS = tuple(
    "id where system dataset metric value unit as_printed quote kind needs says".split()
)
"""Columns of the ledger, in order."""

MAY_BE_EMPTY = {"dataset", "value", "unit", "as_printed", "says"}
"""Columns that need no text in every row."""

QUOTE_WORDS = 15
"""Most words a quote may have."""

SAYS_WORDS = range(4, 13)
"""How many words may say a direction in plain English."""

NEEDS = {
    "count": ("annotations", "nothing printed"),
    "result": ("train", "arithmetic", "nothing printed"),
    "design": ("design", "code", "arithmetic"),
    "external": ("external", "nothing printed"),
    "direction": ("measured", "arithmetic", "contradicts", "external", "undefined"),
}
"""Kind of a row to the ways it may be tested."""

NUMBER = re.compile(r"-?\d+(\.\d+)?")
"""A printed number, once its words and signs are read."""

PRINTED = re.compile(r"'([\w-]+)'(?!@|\])")
"""The id of a row whose printed number stands in a test of measured values."""

UNTESTED = {
    "code": "no statement that code can decide",
    "external": "quoted from elsewhere, unverified; testable with its source's data",
    "undefined": "the paper gives no criterion; testable with one",
    "nothing printed": "the paper's text prints no value; testable with the author's",
}
"""Ways that are no test, with the reason shown and what would make them one."""


def read_rows(
    path: Path, columns: Sequence[str], may_be_empty: Set[str]
) -> list[dict[str, str]]:
    """Read a table of texts, whose first column names its rows.

    Args:
        path: A CSV file.
        columns: What its header must be.
        may_be_empty: Columns that need no text in every row.

    Returns:
        Its rows by column; the first stands in line 2.

    Raises:
        ClaimError: It cannot be read, its header is another, a row is ragged, a text
            is missing, or two rows have one name.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            found, rows = reader.fieldnames, list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ClaimError(str(error), file=path, expected="a CSV file") from error
    if list(found or ()) != list(columns):
        raise ClaimError(f"columns {found}", file=path, row=1, expected=str(columns))
    names = [row[columns[0]] for row in rows]
    for line, row in enumerate(rows, start=2):
        where = {"file": path, "row": line}
        if None in row or None in row.values():
            expected = f"{len(columns)}"
            raise ClaimError("wrong number of cells", expected=expected, **where)
        for column in columns:
            if not row[column].strip() and column not in may_be_empty:
                raise ClaimError("empty", column=column, expected="a text", **where)
        if row[columns[0]] in names[: line - 2]:
            where |= {"column": columns[0], "expected": "each name once"}
            raise ClaimError(row[columns[0]], **where)
    return rows


def load_ledger(path: Path = LEDGER) -> pd.DataFrame:
    """Read and check the ledger.

    Args:
        path: A CSV file with the columns `LEDGER_COLUMNS`.

    Returns:
        One row per claim, in the file's order. `value` holds Decimals with the
        printed digits, None where nothing is printed; the rest are strings.

    Raises:
        ClaimError: A row is malformed; the message names row and column.
    """
    rows = read_rows(path, LEDGER_COLUMNS, MAY_BE_EMPTY)
    numbers = {row["id"]: row["value"] for row in rows}
    printed = {k: Decimal(v) for k, v in numbers.items() if NUMBER.fullmatch(v)}
    for line, row in enumerate(rows, start=2):
        try:
            _check_row(row)
            row["value"] = printed.get(row["id"])
            _check_test(row, rows, printed)
        except ClaimError as error:
            told = {"column": "needs"} | {k: v for k, v in vars(error).items() if v}
            raise ClaimError(**told | {"file": path, "row": line}) from error
    return pd.DataFrame(rows, columns=list(LEDGER_COLUMNS), dtype=object)


def way(claim: Mapping) -> str:
    """Give the way a claim is tested, the beginning of its `needs`."""
    needs = claim["needs"].partition(";")[0].strip()
    return needs if needs in UNTESTED else re.split("[ :]", needs)[0]


def test_of(claim: Mapping) -> str:
    """Give what follows the way: a test, an id, or the collections that are needed."""
    needs = claim["needs"].partition(";")[0].strip()
    return needs.removeprefix(way(claim)).lstrip(" :")


def _check_row(row: Mapping) -> None:
    ways, value = NEEDS.get(row["kind"], ()), row["value"]
    if row["kind"] == "direction" or way(row) == "nothing printed":
        right, number = value == "", "no value"
    else:
        right, number = NUMBER.fullmatch(value), "a finite number"
    brief = len(row["quote"].split()) <= QUOTE_WORDS
    directed, said = row["kind"] == "direction", len(row["says"].split())
    for column, fine, expected in (
        ("kind", ways, f"one of {', '.join(NEEDS)}"),
        ("needs", way(row) in ways, f"one of {', '.join(ways)}"),
        ("value", right, number),
        ("as_printed", row["as_printed"] or not value, "the printed digits"),
        ("quote", brief, f"at most {QUOTE_WORDS} words"),
        ("says", said in SAYS_WORDS if directed else not said, "what a direction says"),
    ):
        if not fine:
            raise ClaimError(f"{row[column]!r}", column=column, expected=expected)


def _check_test(row: dict, rows: Sequence[Mapping], printed: Mapping) -> None:
    """Check the test of a row against all rows; put printed numbers into it."""
    if way(row) == "arithmetic":
        arithmetic.check(row["needs"], row["value"], printed)
    elif way(row) == "contradicts":
        if test_of(row) not in {other["id"] for other in rows}:
            raise ClaimError(f"unknown claim id {test_of(row)!r}")
    elif way(row) == "measured":
        test, semicolon, note = row["needs"].partition(";")
        unknown = set(PRINTED.findall(test)) - printed.keys()
        if unknown:
            raise ClaimError(f"unknown claim id, or nothing printed there: {unknown}")
        test = PRINTED.sub(lambda match: str(printed[match[1]]), test)
        row["needs"] = test + semicolon + note
        if not bindings(row, {other["system"] for other in rows}):
            raise ClaimError("nothing measured", expected="system@set")


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
    if way(claim) == "measured":
        tests = directions.expand(claim["needs"], claim["metric"], systems)
        return tuple(dict.fromkeys(ref for test in tests for ref in test.refs))
    return ()
