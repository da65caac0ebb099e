"""Verdicts over time: what must never change unnoticed, and what may.

A verdict that rests on the paper's text, on code, or on the real annotation tables is
the same on every machine: `expected_verdicts.csv` holds it, and a change is an error.
A verdict that rests on trained systems moves with seeds and data: it is reported.
"""

import json
import math
from collections.abc import Iterable, Mapping, Set
from pathlib import Path

import pandas as pd

from chexnomaly.claims import verdicts as claims
from chexnomaly.claims.ledger import bindings, load_ledger, way
from chexnomaly.claims.lookup import NotMeasured, Shelf

EXPECTED = Path(__file__).parents[1] / "expected_verdicts.csv"
"""The committed expectations: id, rests_on, verdict."""

PAPER, CODE, TABLES, RUNS = "paper", "code", "tables", "runs"
RESTS_ON = {
    PAPER: "the paper's text alone",
    CODE: "the code and its profile for the paper",
    TABLES: "real annotation tables",
    RUNS: "trained systems or drawn samples",
}
"""What a verdict may rest on; all but the last are the same everywhere."""

REAL_TABLES = (
    "rsna rsna_positives rsna_200 vindr vindr_largest_frame vindr_smallest_frames "
    "vindr_positives vindr_largest_frame_positives vindr_smallest_frames_positives"
).split()
"""Sets whose results are computed from real annotation tables, whole or in draws."""

_LEDGER_COLUMNS = "id system dataset metric unit kind quote".split()


def rests_on(claim: Mapping, systems: Set[str]) -> str:
    """Say what decides a claim.

    Args:
        claim: One row of the ledger.
        systems: System keys of the ledger.

    Returns:
        One of `RESTS_ON`.
    """
    sets = {ref.dataset for ref in bindings(claim, systems)}
    if not sets:
        return CODE if way(claim) == "design" else PAPER
    return TABLES if sets <= set(REAL_TABLES) else RUNS


def all_verdicts(results: Path | str | Iterable[Path]) -> pd.DataFrame:
    """Judge every claim, with what the verdict rests on.

    Args:
        results: Folder of results files, or several.

    Returns:
        `claims.compare`'s columns, then the ledger's own (system, dataset, metric,
        unit, kind, quote), "rests_on", "notebook": the one that measured it, ""
        where nothing was measured, and "missing": results files that a verdict waits
        for, joined by spaces.

    Raises:
        ResultError: A results file is corrupted.
    """
    shelf, ledger = Shelf(results), load_ledger()
    table = claims.compare(None, shelf.folders)
    table = table.merge(ledger[_LEDGER_COLUMNS], on="id", validate="one_to_one")
    systems, rows = set(ledger["system"]), ledger.to_dict("records")
    return table.join(pd.DataFrame([_basis(row, systems, shelf) for row in rows]))


def _basis(claim: Mapping, systems: Set[str], shelf: Shelf) -> dict[str, str]:
    """Say what a verdict rests on: in a word, by notebook, and what is missing."""
    notebooks, missing = [], []
    for ref in bindings(claim, systems):
        try:
            notebooks.append(shelf.results(ref)["notebook"])
        except NotMeasured:
            missing.append(ref.file)
    return {
        "rests_on": rests_on(claim, systems),
        "notebook": next(iter(notebooks), ""),
        "missing": " ".join(dict.fromkeys(missing)),
    }


def load_expected(path: Path = EXPECTED) -> pd.DataFrame:
    """Read the committed expectations; columns id, rests_on, verdict."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def expectations(table: pd.DataFrame) -> pd.DataFrame:
    """Take the rows that must not change from a table of `all_verdicts`."""
    steady = table[table["rests_on"] != RUNS]
    return steady[["id", "rests_on", "verdict"]].reset_index(drop=True)


def changes(
    table: pd.DataFrame, expected: pd.DataFrame, *, with_tables: bool
) -> pd.DataFrame:
    """List the verdicts that are not what is expected.

    A verdict that waits for a results file is none yet and is left out; one whose
    value went missing from its file is not.

    Args:
        table: From `all_verdicts`.
        expected: From `load_expected`.
        with_tables: Whether the real annotation tables are there; without them
            what rests on them is left out.

    Returns:
        Columns id, expected, found, reason; "" for a row that only one side has.
        Empty where all is as expected.
    """
    left = [PAPER, CODE, TABLES] if with_tables else [PAPER, CODE]
    found = table[table["rests_on"].isin(left)].set_index("id")
    wanted = expected[expected["rests_on"].isin(left)].set_index("id")["verdict"]
    both = pd.DataFrame({"expected": wanted, "found": found["verdict"]}).fillna("")
    waiting = found.index[found["missing"] != ""]
    both = both.drop(index=waiting)
    both["reason"] = found["reason"].reindex(both.index).fillna("")
    differ = both[both["expected"] != both["found"]]
    return differ.rename_axis("id").reset_index()


def write_verdicts(table: pd.DataFrame, folder: Path) -> tuple[Path, Path]:
    """Write a table of `all_verdicts` for others to read.

    Args:
        table: The table.
        folder: Where `claims.json` (an array of objects, null for what is missing;
            the evidence is called `level`) and `claims.csv` go; made where missing.

    Returns:
        Both paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = table.rename(columns={"evidence": "level"})
    plain = table.astype(object).where(table.notna(), None)
    plain = plain.replace({math.inf: "inf", -math.inf: "-inf"})  # JSON has no infinity
    as_json, as_csv = folder / "claims.json", folder / "claims.csv"
    rows = plain.to_dict("records")
    text = json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False)
    as_json.write_text(text + "\n", encoding="utf-8")
    made = pd.DataFrame(rows, columns=list(table))
    made.to_csv(as_csv, index=False, lineterminator="\n")
    return as_json, as_csv
