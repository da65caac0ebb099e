"""What must hold of a table's rows, and what happens to the rows that fail.

A failing row is taken out and reported under the line and the column it had in
its source; the other rows go on. pandera is imported on first use, so that code
which is handed a table already validated needs no schema library.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from chexnomaly import labels
from chexnomaly.datasets.annotations.folders import SAFE_ID
from chexnomaly.datasets.annotations.tables import read_table
from chexnomaly.errors import AnnotationError, Refusal

BOX = ["x_min", "y_min", "x_max", "y_max"]
"""Corner columns, xyxy, px."""

SIDES = ("width_px", "height_px")
"""Columns of an image's own size, px."""

COLLECTIONS = ("vindr", "rsna", "candid", "covid", "coco", "nih", "phantom")
"""What the column "source" may say: the list that a new data set is added to."""

SAFE = "a plain file name"
"""What an image id is expected to be."""

HIDDEN = "a name that is not shown"
"""What is found where a table names a film: refusals are shown in the book."""

Rule = tuple[str, str, Callable[[pd.DataFrame], pd.Series]]
"""The column to name, what is expected of it, and which rows of a table hold."""


@dataclass(frozen=True)
class Origin:
    """Where a table came from, so that a refusal can name file and column.

    Attributes:
        file: The source table.
        columns: The table's column to the source's own column name.
        raw: The source's text, aligned with the table by index; None where the
            table is the source.
    """

    file: Path
    columns: dict[str, str] = field(default_factory=dict)
    raw: pd.DataFrame | None = None


def split_rows(
    table: pd.DataFrame, origin: Origin, types: dict[str, str], rules: Iterable[Rule]
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Take the rows out of a table that break a rule.

    Args:
        table: Columns as `types` names them, in order, "row" among them; unique index.
        origin: What to call file and columns in the refusals.
        types: Column to its pandas type.
        rules: What must hold of each row.

    Returns:
        The rows that hold, re-indexed, and one refusal per row that does not,
        for the first rule it breaks.

    Raises:
        AnnotationError: A column is missing or of another type.
    """
    import pandera.pandas as pa
    from pandera.errors import SchemaErrors

    schema = pa.DataFrameSchema(
        {name: pa.Column(kind, nullable=True) for name, kind in types.items()},
        checks=[
            pa.Check(holds, error=f"{name}: {text}") for name, text, holds in rules
        ],
        strict=True,
        ordered=True,
    )
    try:
        return schema.validate(table, lazy=True), []
    except SchemaErrors as errors:
        cases = errors.failure_cases[["check", "failure_case", "index"]]
    for check, found, index in cases.itertuples(index=False):
        if pd.isna(index):
            expected = "the columns " + ", ".join(types) + ", in order"
            problem = f"{check}: {found}"[:120]
            raise AnnotationError(problem, file=origin.file, expected=expected)
    first = cases.drop_duplicates("index").sort_values("index")
    refusals = [
        refuse(table, origin, index, *check.split(": ", 1))
        for check, index in zip(first["check"], first["index"], strict=True)
    ]
    return table.drop(index=first["index"]).reset_index(drop=True), refusals


def read_rows(
    path: Path,
    columns: Mapping[str, str],
    rules: Iterable[Rule],
    derive: Mapping[str, Callable[[pd.DataFrame], pd.Series]] | None = None,
    only: Set[str] | None = None,
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Read a CSV table of films as text, and check its rows.

    Args:
        path: The table.
        columns: Our column, image_id among them, to the table's own.
        rules: What must hold of each row.
        derive: Column to what is made of the rows, before they are checked.
        only: As in `read_table`.

    Returns:
        The rows that hold, with the column row (line in the table), and what was
        refused. The attribute "refused_ids" names the films of refused rows.

    Raises:
        AnnotationError: The table cannot be read, or lacks a column.
    """
    raw, refused = read_table(path, tuple(columns.values()), only=only)
    table = pd.DataFrame({name: raw[column] for name, column in columns.items()})
    table = table.assign(**(derive or {}), row=raw["row"])
    types = dict.fromkeys(table, "str") | {"row": "Int64"}
    table = table.astype(types)
    good, bad = split_rows(table, Origin(path, dict(columns), raw), types, rules)
    lost = table.loc[~table["row"].isin(set(good["row"])), "image_id"]
    good.attrs["refused_ids"] = raw.attrs["refused_ids"] | set(lost)
    return good, refused + bad


def refuse(
    table: pd.DataFrame, origin: Origin, index: int, column: str, expected: str
) -> Refusal:
    """Report one row of a table under the line and column of its source."""
    row, name = table.loc[index, "row"], origin.columns.get(column, column)
    has_text = origin.raw is not None and name in origin.raw
    value = origin.raw.at[index, name] if has_text else table.at[index, column]
    return Refusal(
        "UnsafePathError" if expected == SAFE else "AnnotationError",
        str(origin.file),
        None if pd.isna(row) else int(row),
        name,
        HIDDEN if column == "image_id" else f"found {str(value)!a:.60}",
        expected,
    )


def is_safe(column: str) -> Rule:
    """Return the rule that a column holds plain file names."""
    return column, SAFE, lambda table: table[column].str.contains(SAFE_ID)


def matches(column: str, pattern: str, expected: str) -> Rule:
    """Return the rule that a column's text is of one form, a regular expression."""
    return column, expected, lambda table: table[column].str.fullmatch(pattern)


def is_one_of(column: str, values: Iterable[str], expected: str) -> Rule:
    """Return the rule that a column holds nothing but some values."""
    known = set(values)
    return column, expected, lambda table: table[column].isin(known)


def for_each(
    columns: Iterable[str],
    expected: str,
    holds: Callable[[str, pd.DataFrame], pd.Series],
) -> list[Rule]:
    """Return one rule for each of several columns; `holds` takes the column first."""
    return [(column, expected, partial(holds, column)) for column in columns]


def _has_size(side: str, table: pd.DataFrame) -> pd.Series:
    return (table[side].isna() | (table[side] >= 1)).astype(bool)


def _is_stated(corner: str, table: pd.DataFrame) -> pd.Series:
    nothing = table["finding"] == labels.NO_FINDING
    return np.isfinite(table[corner]).mask(nothing, table[corner].isna())


def _is_beyond(high: str, table: pd.DataFrame) -> pd.Series:
    return ~(table[high] <= table[high.replace("max", "min")])


def _is_inside(corner: str, table: pd.DataFrame) -> pd.Series:
    """Whether a corner lies in its image, as far as sizes are known."""
    side = SIDES[corner.startswith("y")]
    beyond = table[corner] > table[side].astype("float64")
    return ~(beyond | (table[corner] < 0))


def _is_consistent(table: pd.DataFrame) -> pd.Series:
    """Whether a reader who saw nothing on an image also drew no box on it."""
    nothing = table["finding"] == labels.NO_FINDING
    keys = table["image_id"] + "\n" + table["reader"]
    return ~(nothing & keys.isin(keys[~nothing]))


_FOUR_OR_NONE = "four finite corners, or none where there is no finding"
_STATEMENT = ["image_id", "reader", "finding", *BOX]

FINDING_RULES: tuple[Rule, ...] = (
    is_safe("image_id"),
    ("reader", "a reader's name", lambda table: table["reader"] != ""),
    is_one_of("finding", labels.DISPLAY_NAMES, "a known class"),
    *for_each(SIDES, "a size of at least 1 px", _has_size),
    ("source", "a source", lambda table: table["source"].isin(COLLECTIONS)),
    ("row", "a line number", lambda table: table["row"].ge(1).fillna(False)),
    *for_each(BOX, _FOUR_OR_NONE, _is_stated),
    *for_each(BOX[2:], "x_min < x_max and y_min < y_max", _is_beyond),
    *for_each(BOX, "a box inside its image", _is_inside),
    ("image_id", "each statement once", lambda table: ~table.duplicated(_STATEMENT)),
    ("finding", "no box by a reader who also states no finding", _is_consistent),
)
"""What must hold of a findings table's rows."""
