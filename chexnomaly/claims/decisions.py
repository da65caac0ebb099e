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


def items() -> set[int]:
    """Give the numbers of every decision and every slip."""
    return {*load_decisions().index, *load_errata().index}


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
    names = {p.name for f in shelf.folders for p in Path(f).glob(f"{SYSTEM}__*.json")}
    for name in sorted(names):
        dataset = name.removeprefix(f"{SYSTEM}__").removesuffix(".json")
        if dataset.endswith(".stamp"):
            continue
        data = shelf.results(Ref(SYSTEM, dataset, ""))
        for key in data["values"]:
            item, arm, metric = _parts(key, name)
            entry = shelf.find(Ref(SYSTEM, dataset, key))
            gap = shelf.find(Ref(SYSTEM, dataset, f"default/{key}"))
            says = data.get("arms", {}).get(f"{item}.{arm}", {}).get("says", "")
            if entry is not None:
                yield Effect(item, arm, metric, dataset, entry, gap, str(says))


def _parts(key: str, name: str) -> tuple[int, str, str]:
    """Split a key into item, arm and metric."""
    item, arm, metric = [*key.split(".", 2), "", ""][:3]
    if not item.isdecimal() or not arm or not metric:
        expected = "<item>.<arm>.<metric>, item a number"
        raise ClaimError(f"key {key!r}", file=name, expected=expected)
    return int(item), arm, metric
