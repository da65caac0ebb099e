"""What the paper leaves open and what was decided, before any result was seen.

`decisions.csv` holds one row for each point where the paper is silent or ambiguous and
a choice can change a result; `errata.csv` holds the slips that change none. Both number
their items alike, and profiles and notebooks refer to these numbers. A claim's id in
braces stands for what the paper prints there.

The measured effect of a choice stands in results files `multiverse__<set>.json`, whose
keys are `<item>.<arm>.<metric>`. Beside the values such a file may hold differences
from the default on the same films (`paired`, under "default") and what each arm says
(`arms`, by `<item>.<arm>`).
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from chexnomaly.claims.ledger import read_rows
from chexnomaly.claims.lookup import MeasuredValue, Ref, Shelf
from chexnomaly.errors import ClaimError

DECISIONS = Path(__file__).parents[1] / "decisions.csv"
ERRATA = Path(__file__).parents[1] / "errata.csv"
DECISION_COLUMNS = tuple("item knob where question default arms".split())
ERRATA_COLUMNS = tuple("item where problem reading".split())
SYSTEM = "multiverse"
"""System key of the results that hold effects."""

CLAIM_ID = re.compile(r"\{([\w-]+)\}")
"""A claim's id inside a text of the register."""


EFFECT_KEY = re.compile(r"(\d+)\.([^.]+)\.(.+)")
"""Item, arm and metric of a key in those results."""


class Effect(NamedTuple):
    """What one arm of one decision gave.

    Attributes:
        item: Number of the decision.
        arm: Name of the arm.
        metric: Results key.
        dataset: Set key.
        entry: The value, with its interval, n and evidence level.
        gap: The arm less the default on the same films, None where it is not there.
        says: The reading in words; "" where the file has none.
    """

    item: int
    arm: str
    metric: str
    dataset: str
    entry: MeasuredValue
    gap: MeasuredValue | None = None
    says: str = ""


def load_decisions(path: Path = DECISIONS) -> pd.DataFrame:
    """Read the decision register.

    Args:
        path: A CSV file.

    Returns:
        Index item (whole numbers); columns knob, where, question, default, arms
        (texts; arms may be empty).

    Raises:
        ClaimError: A row is malformed; the message names row and column.
    """
    return _load(path, DECISION_COLUMNS, may_be_empty={"arms"})


def load_errata(path: Path = ERRATA) -> pd.DataFrame:
    """Read the slips that change no result.

    Returns:
        Index item; columns where, problem, reading.

    Raises:
        ClaimError: A row is malformed; the message names row and column.
    """
    return _load(path, ERRATA_COLUMNS, may_be_empty=set())


def _load(path: Path, columns: tuple[str, ...], may_be_empty: set[str]) -> pd.DataFrame:
    rows = read_rows(path, columns, may_be_empty)
    for line, row in enumerate(rows, start=2):
        if not row["item"].isdecimal():
            where = {"file": path, "row": line, "column": "item"}
            raise ClaimError(repr(row["item"]), expected="a number", **where)
    table = pd.DataFrame(rows, columns=list(columns)).astype({"item": int})
    return table.set_index("item")


def effects(results: Path | str | Iterable[Path]) -> Iterator[Effect]:
    """Read what was measured for each arm.

    Args:
        results: Folder of results files, or several, of which the first that has a
            file gives it.

    Yields:
        One effect per value, set by set.

    Raises:
        ResultError: A results file is corrupted.
        ClaimError: A key is not of the form `<item>.<arm>.<metric>`.
    """
    shelf = Shelf(results)
    for dataset in shelf.sets(SYSTEM):
        ref = Ref(SYSTEM, dataset, "")
        data = shelf.results(ref)
        for key in data["values"]:
            if not (parts := EFFECT_KEY.fullmatch(key)):
                expected = "<item>.<arm>.<metric>, item a number"
                raise ClaimError(f"key {key!r}", file=ref.file, expected=expected)
            item, arm, metric = parts.groups()
            entry = shelf.find(ref._replace(key=key))
            gap = shelf.find(ref._replace(key=f"default/{key}"))
            says = data.get("arms", {}).get(f"{item}.{arm}", {}).get("says", "")
            if entry is not None:
                yield Effect(int(item), arm, metric, dataset, entry, gap, str(says))
