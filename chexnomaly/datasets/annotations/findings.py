"""The findings table: one row per reader and box, whatever the source.

Columns, in order: image_id, reader, finding (a key of labels.DISPLAY_NAMES),
x_min, y_min, x_max, y_max (px of the image's own frame, continuous corners: pixel
i spans [i, i + 1]; NaN on a "no_finding" row), width_px, height_px (of that frame; NA
where the source does not know), source, row (line in the source's table, header = 1).

A box may leave its image by at most `frames.BORDER_TOLERANCE_PX`, which annotation
tools do when they round; it is then cut at the border. A box farther out is refused.

No refusal makes a film healthy: one that lost a finding, and of which only "no finding"
is left, leaves the table.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from chexnomaly import labels
from chexnomaly.datasets.annotations import frames, validation
from chexnomaly.datasets.annotations.refusals import refusal_table as refusal_table
from chexnomaly.datasets.annotations.tables import read_table
from chexnomaly.datasets.annotations.validation import BOX, SIDES, Origin
from chexnomaly.errors import AnnotationError, Refusal, raised_as
from chexnomaly.files import write_atomic

COLUMNS = ("image_id", "reader", "finding", *BOX, *SIDES, "source", "row")
"""Columns of a findings table, in order."""

MAX_SIDE_PX = 2**31 - 1
"""Longest side that a source may state."""

_TYPES = dict.fromkeys(COLUMNS, "str") | dict.fromkeys(BOX, "float64")
_TYPES |= dict.fromkeys((*SIDES, "row"), "Int64")
_split = partial(validation.split_rows, types=_TYPES, rules=validation.FINDING_RULES)
_UNDOUBTED = "no finding on a film of which no finding was refused"


def clean_findings(
    table: pd.DataFrame, origin: Origin
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Bring a source's statements into the findings table's form and check them.

    Args:
        table: The findings table's columns, unique index; sizes may be missing. Its
            attribute "refused_ids", where it has one, names films of which the source
            refused an annotation already.
        origin: File, column names and text of the source, for the refusals.

    Returns:
        The rows that hold, and a refusal for each that does not. The table's
        attributes serve later refusals: "files" names its file, "refused_ids" the
        images that lost a finding or every row.
    """
    doubted = table.attrs.get("refused_ids", frozenset())
    table = _cut_to_border(table.reindex(columns=list(COLUMNS)).astype(_TYPES))
    table.attrs = {"files": {"": str(origin.file)}, "refused_ids": doubted}
    return _split_films(table, origin)


def _split_films(
    table: pd.DataFrame, origin: Origin
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Take out the rows that do not hold, and the films that this makes healthy."""
    good, refusals = _split(table, origin)
    stated = (table["finding"] != labels.NO_FINDING) | table[BOX].notna().any(axis=1)
    kept = good.loc[good["finding"] != labels.NO_FINDING, "image_id"]
    fewer = Counter(table.loc[stated, "image_id"]) - Counter(kept)
    bereft = frozenset(fewer) | (set(table["image_id"]) - set(good["image_id"]))
    doubted = table.attrs.get("refused_ids", frozenset()) | bereft
    good.attrs = table.attrs | {"refused_ids": doubted}
    good, doubtful = _without_doubtful(good, origin)
    return good, refusals + doubtful


def _without_doubtful(
    table: pd.DataFrame, origin: Origin
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Take out the films that nothing but a refusal makes healthy."""
    abnormal = table.loc[table["finding"] != labels.NO_FINDING, "image_id"]
    doubtful = table.attrs["refused_ids"] - set(abnormal)
    if not table["image_id"].isin(doubtful).any():
        return table, []
    rule = ("finding", _UNDOUBTED, lambda rows: ~rows["image_id"].isin(doubtful))
    origin = replace(origin, raw=None)  # its text has other rows by now
    good, refusals = validation.split_rows(table, origin, _TYPES, [rule])
    good.attrs = table.attrs
    return good, refusals


def read_boxes(
    path: Path,
    columns: Mapping[str, str],
    findings: Mapping[str, str],
    *,
    sides: bool = False,
    frame: Sequence[str] = (),
    only: Set[str] | None = None,
    **fixed,
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Read a source's CSV table that has one box a row, or none.

    Args:
        path: The table, plain or compressed.
        columns: The findings table's column to the source's own.
        findings: What the source writes in its column of findings, to our key.
        sides: Whether the columns of x_max and y_max hold width and height.
        frame: Columns of the image's width and height, px, used where they are there.
        only: As in `read_table`.
        fixed: Columns of the findings table that are the same for every row.

    Returns:
        The findings table and the refused rows.

    Raises:
        AnnotationError: The table cannot be read, or lacks a column.
    """
    raw, refused = read_table(path, tuple(columns.values()), only=only)
    table = pd.DataFrame({name: raw[column] for name, column in columns.items()})
    table[BOX] = table[BOX].apply(pd.to_numeric, errors="coerce")
    if sides:
        table[BOX[2:]] += table[BOX[:2]].to_numpy()
    for side, column in zip(SIDES, frame, strict=False):
        if column in raw:
            px = pd.to_numeric(raw[column], errors="coerce").round()
            table[side] = px.where(px.between(1, MAX_SIDE_PX))
    table["finding"] = table["finding"].str.strip().map(findings)
    table = table.assign(row=raw["row"], **fixed)
    table.attrs = raw.attrs
    table, bad = clean_findings(table, Origin(path, dict(columns), raw))
    return table, refused + bad


def _cut_to_border(table: pd.DataFrame) -> pd.DataFrame:
    """Move corners that rounding put outside the image onto its border."""
    tolerance = frames.BORDER_TOLERANCE_PX
    for low, high, side in zip(BOX[:2], BOX[2:], SIDES, strict=True):
        size = table[side].astype("float64")
        near = table[low].between(-tolerance, 0, inclusive="left")
        table[low] = table[low].mask(near, 0.0)
        near = table[high].between(size, size + tolerance)
        table[high] = table[high].mask(near, size)
    return table


def join_findings(
    parts: Iterable[tuple[pd.DataFrame, Origin]],
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Clean and stack tables; the attribute "files" keeps each finding's file."""
    tables, refusals, files, lost = [], [], {}, frozenset()
    for part, origin in parts:
        table, bad = clean_findings(part, origin)
        tables.append(table)
        refusals += bad
        name = str(origin.file)
        files |= {"": name} | dict.fromkeys(table["finding"].unique(), name)
        lost |= table.attrs["refused_ids"]
    joined = pd.concat([table for table in tables if len(table)] or tables[:1])
    joined = joined.reset_index(drop=True)
    joined.attrs = {"files": files, "refused_ids": lost}
    healthy = Origin(Path(_file_of(joined, labels.NO_FINDING)))
    joined, doubtful = _without_doubtful(joined, healthy)
    return joined, refusals + doubtful


def save_findings(table: pd.DataFrame, path: Path) -> None:
    """Write a findings table as CSV; a reader never sees half of it."""
    text = table.to_csv(index=False, columns=list(COLUMNS), lineterminator="\n")
    write_atomic(path, text)


def load_findings(path: Path) -> pd.DataFrame:
    """Read a findings table that `save_findings` wrote.

    Raises:
        AnnotationError: It is missing, or a column or row does not hold.
    """
    expected = "a findings table"
    with raised_as(AnnotationError, "unreadable", file=path, expected=expected):
        table = pd.read_csv(path, dtype="str", keep_default_na=False)
        if not isinstance(table.index, pd.RangeIndex):
            raise ValueError("more cells in a row than in the header")
        for name in (*BOX, *SIDES, "row"):
            table[name] = pd.to_numeric(table[name].replace("", None))
        table = table.astype(_TYPES)
    table, refusals = _split(table, Origin(Path(path)))
    if refusals:
        first = refusals[0]
        problem = f"{len(refusals)} bad rows; {first.problem}"
        where = {"file": path, "row": first.row, "column": first.column}
        raise AnnotationError(problem, **where, expected=first.expected)
    table.attrs["files"] = {"": str(path)}
    return table


def check_images(
    table: pd.DataFrame,
    images: Mapping[str, Path],
    sizes: Mapping[str, tuple[int, int]],
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Compare a findings table with the images that are there.

    Args:
        table: Findings.
        images: Image id to file.
        sizes: Image id to (height_px, width_px), as a store knows them.

    Returns:
        The rows whose image is there, with its own width_px and height_px and boxes
        inside, scaled where the image is a smaller or larger copy; and the refusals:
        images listed but absent, images of another size, boxes outside, images present
        but unlisted.
    """
    present = table["image_id"].isin(set(sizes))
    refused = _absent(table[~present], images) + _unlisted(table, images)
    origin = Origin(Path(_file_of(table, "") or "findings table"))
    kept = table[present]
    kept.attrs.pop("also_listed", None)  # pandas copies it at every step
    kept, resized = frames.to_own_frame(kept, sizes, images, origin)
    kept, refusals = _split_films(_cut_to_border(kept), origin)
    return kept, refused + resized + refusals


def _absent(table: pd.DataFrame, images: Mapping[str, Path]) -> list[Refusal]:
    first = table.drop_duplicates("image_id")[["image_id", "finding", "row"]]
    listed = list(first.itertuples(index=False, name=None))
    listed += [(k, "", row) for k, row in table.attrs.get("also_listed", {}).items()]
    rule = {"column": "image_id", "expected": "an image file of that name"}
    return [
        Refusal(
            *("ImageError", _file_of(table, finding), int(row)),
            problem=f"image {name!a:.80} is listed but absent",
            **rule,
        )
        for name, finding, row in listed
        if name not in images
    ]


def _unlisted(table: pd.DataFrame, images: Mapping[str, Path]) -> list[Refusal]:
    listed = set(table["image_id"]).union(
        table.attrs.get("also_listed", ()), table.attrs.get("refused_ids", ())
    )
    problem, expected = "image is present but unlisted", "a row in the annotation table"
    return [
        Refusal("ImageError", str(path), None, None, problem, expected)
        for name, path in images.items()
        if name not in listed
    ]


def _file_of(table: pd.DataFrame, finding: str) -> str | None:
    files = table.attrs.get("files", {})
    return files.get(finding, files.get(""))


def scale_boxes(table: pd.DataFrame, size: int) -> pd.DataFrame:
    """Bring boxes from their image's frame into the store's square frame.

    Args:
        table: Findings whose width_px and height_px are known.
        size: Side of the store's images, px; the result's width_px and height_px.

    Raises:
        AnnotationError: The size of an image with a box is not known.
    """
    boxed = table["finding"] != labels.NO_FINDING
    unknown = boxed & (table["width_px"].isna() | table["height_px"].isna())
    if unknown.any():
        row = table[unknown].iloc[0]
        where = {"file": _file_of(table, row["finding"]), "row": int(row["row"])}
        raise AnnotationError(
            "size of the image is not known",
            **where,
            column="width_px",
            expected="check_images to have filled in the sizes",
        )
    scaled = table.copy()
    for name, side in zip(BOX, SIDES * 2, strict=True):
        factor = size / table[side].astype("float64")
        scaled[name] = np.clip(table[name] * factor, 0.0, float(size))
        scaled[side] = pd.array([size] * len(table), dtype="Int64")
    return scaled
