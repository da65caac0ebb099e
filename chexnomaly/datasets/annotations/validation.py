"""The findings table's schema, and what happens to the rows that fail it.

A failing row is taken out and reported under the line and the column it had in
its source; the other rows go on. pandera is imported on first use, so that code
which is handed a table already validated needs no schema library.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from chexnomaly import labels
from chexnomaly.datasets.annotations.folders import SAFE_ID
from chexnomaly.errors import AnnotationError, Refusal, UnsafePathError

BOX = ["x_min", "y_min", "x_max", "y_max"]
"""Corner columns, xyxy, px."""

SOURCES = ("vindr", "rsna", "candid", "covid", "coco", "phantom")
"""What the column "source" may say."""

SAFE = "a plain file name"
"""What an image id is expected to be."""

HIDDEN = "a name that is not shown"
"""What is found where a table names a film: refusals are shown in the book."""

IDENTITY = ["image_id", "reader", "finding", *BOX]
"""Columns that tell one statement of a reader from another."""


@dataclass(frozen=True)
class Origin:
    """Where a table came from, so that a refusal can name file and column.

    Attributes:
        file: The source table.
        columns: Findings column to the source's own column name.
        raw: The source's text, aligned with the findings by index; None where
            the findings are the source.
    """

    file: Path
    columns: dict[str, str] = field(default_factory=dict)
    raw: pd.DataFrame | None = None


@cache
def findings_schema():
    """Return the pandera schema of a findings table."""
    import pandera.pandas as pa

    known = pa.Check.isin(labels.DISPLAY_NAMES, error="a known class")
    number = {"nullable": True, "coerce": True}
    box = {name: pa.Column("float64", **number) for name in BOX}
    size = pa.Column("Int64", pa.Check.ge(1, error="a size of at least 1 px"), **number)
    safe = pa.Check.str_matches(SAFE_ID, error=SAFE)
    return pa.DataFrameSchema(
        {
            "image_id": pa.Column("str", safe),
            "reader": pa.Column("str", pa.Check.ne("", error="a reader's name")),
            "finding": pa.Column("str", known),
            **box,
            "width_px": size,
            "height_px": size,
            "source": pa.Column("str", pa.Check.isin(SOURCES, error="a source")),
            "row": pa.Column("Int64", pa.Check.ge(1, error="a line number")),
        },
        checks=[pa.Check(rule, error=text) for rule, text in _ROW_RULES.items()],
        strict=True,
        ordered=True,
    )


def split_rows(
    table: pd.DataFrame, origin: Origin
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Take the rows that fail the schema out of a findings table.

    Args:
        table: Findings, all columns in order, unique index.
        origin: What to call file and columns in the refusals.

    Returns:
        The rows that hold, re-indexed, and one refusal per row that does not,
        for the first rule it breaks.

    Raises:
        AnnotationError: A column is missing or of another type.
    """
    from pandera.errors import SchemaErrors

    try:
        return findings_schema().validate(table, lazy=True), []
    except SchemaErrors as errors:
        cases = errors.failure_cases
    whole = cases[cases["index"].isna()]
    if len(whole):
        case = whole.iloc[0]
        expected = "the findings table's columns, in order"
        problem = f"{case['check']}: {case['failure_case']}"[:120]
        raise AnnotationError(problem, file=origin.file, expected=expected)
    first = cases.drop_duplicates("index").sort_values("index")
    refusals = [_refusal(table, origin, *case) for case in _cases(first)]
    return table.drop(index=first["index"]).reset_index(drop=True), refusals


def _cases(first: pd.DataFrame) -> zip:
    return zip(first["index"], first["column"], first["check"], strict=True)


def _refusal(
    table: pd.DataFrame, origin: Origin, index: int, column: str, check: str
) -> Refusal:
    row = table.loc[index]
    if check in _COLUMN_OF_RULE:
        column = _COLUMN_OF_RULE[check](row)
    if check.startswith("not_nullable"):
        check = "a known class" if column == "finding" else "a value"
    name = origin.columns.get(column, column)
    value = row[column]
    if origin.raw is not None and name in origin.raw:
        value = origin.raw.at[index, name]
    error = UnsafePathError if check == SAFE else AnnotationError
    return Refusal.from_error(
        error(
            HIDDEN if column == "image_id" else f"found {str(value)!a:.60}",
            file=origin.file,
            row=None if pd.isna(row["row"]) else int(row["row"]),
            column=name,
            expected=check,
        )
    )


def _box_is_stated(table: pd.DataFrame) -> pd.Series:
    """Whether a finding has four finite corners, and "no finding" has none."""
    corners = table[BOX].to_numpy()
    nothing = (table["finding"] == labels.NO_FINDING).to_numpy()
    finite = np.isfinite(corners).all(axis=1)
    absent = np.isnan(corners).all(axis=1)
    return pd.Series(np.where(nothing, absent, finite), index=table.index)


def _is_ordered(table: pd.DataFrame) -> pd.Series:
    wrong = (table["x_max"] <= table["x_min"]) | (table["y_max"] <= table["y_min"])
    return ~wrong


def _is_inside(table: pd.DataFrame) -> pd.Series:
    """Whether a box lies in its image, as far as the image's size is known."""
    negative = (table["x_min"] < 0) | (table["y_min"] < 0)
    beyond = _beyond(table, "x_max", "width_px") | _beyond(table, "y_max", "height_px")
    return ~(negative | beyond)


def _beyond(table: pd.DataFrame, corner: str, side: str) -> pd.Series:
    return table[corner] > table[side].astype("float64")


def _is_single(table: pd.DataFrame) -> pd.Series:
    return ~table.duplicated(IDENTITY)


def _is_consistent(table: pd.DataFrame) -> pd.Series:
    """Whether a reader who saw nothing on an image also drew no box on it."""
    nothing = table["finding"] == labels.NO_FINDING
    keys = table["image_id"] + "\n" + table["reader"]
    return ~(nothing & keys.isin(keys[~nothing]))


_ROW_RULES = {
    _box_is_stated: "four finite corners, or none where there is no finding",
    _is_ordered: "x_min < x_max and y_min < y_max",
    _is_inside: "a box inside its image",
    _is_single: "each statement once",
    _is_consistent: "no box by a reader who also states no finding",
}


def _first_bad_corner(row: pd.Series) -> str:
    bad = [name for name in BOX if not np.isfinite(row[name])]
    return bad[0] if bad else "x_min"


def _first_outside(row: pd.Series) -> str:
    for name in ("x_min", "y_min"):
        if row[name] < 0:
            return name
    width = row["width_px"]
    return "x_max" if pd.notna(width) and row["x_max"] > width else "y_max"


_COLUMN_OF_RULE = {
    _ROW_RULES[_box_is_stated]: _first_bad_corner,
    _ROW_RULES[_is_ordered]: lambda row: (
        "x_max" if row["x_max"] <= row["x_min"] else "y_max"
    ),
    _ROW_RULES[_is_inside]: _first_outside,
    _ROW_RULES[_is_single]: lambda row: "image_id",
    _ROW_RULES[_is_consistent]: lambda row: "finding",
}
