"""Reading a source's CSV table, with the line number of every record.

A table comes from outside, so nothing in it is believed: the file is bounded in
size, a record with a quote out of place or the wrong number of fields is refused by
its line, and bytes that are no UTF-8 become the replacement character, which no name
may contain.
"""

import csv
import gzip
import io
import re
import zipfile
from collections.abc import Iterator, Set
from pathlib import Path

import pandas as pd

from chexnomaly.errors import AnnotationError, Refusal, raised_as

MAX_TABLE_BYTES = 256 * 2**20
"""Largest table that is read, uncompressed. VinDr-CXR's has 5 MB."""

MAX_RECORD_LINES = 200
"""Most lines of one record, where free text may hold line breaks."""


def read_table(
    path: Path,
    required: tuple[str, ...],
    *,
    multiline: bool = False,
    only: Set[str] | None = None,
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Read a CSV file (plain, .gz, or the one member of a .zip) as text.

    Args:
        path: The table.
        required: Columns that must be there; others are kept if they have a name.
        multiline: Whether a quoted field may hold line breaks, as free-text
            columns do. With or without, a stray quote costs its own line only.
        only: Where given, lines are passed over that have none of these words between
            their commas, so that a few films of a large table are read fast.

    Returns:
        The records as strings, with an integer column "row" (line in the file,
        header = 1), and the refused lines. The attribute "refused_ids" has what stood
        between their commas: whatever film they were of is among it.

    Raises:
        AnnotationError: The file cannot be read, or a required column is missing.
    """
    most = MAX_RECORD_LINES if multiline else 1
    records = list(_records(_read_text(path), most, only))
    if not records:
        raise AnnotationError("empty table", file=path, expected="a header")
    header = [name.strip() for name in records.pop(0)[1]]
    _require_columns(path, header, required)
    n = max((k for k, name in enumerate(header, start=1) if name), default=0)
    rule, good, refusals, words = f"{len(header)} fields", [], [], set()
    for line, fields, problem in records:
        # Commas behind the last name may be left out: NIH's list of boxes does so.
        if problem or len(fields) not in (n, len(header)):
            told = (line, None, problem or f"{len(fields)} fields", rule)
            refusals.append(Refusal("AnnotationError", str(path), *told))
            words |= {*re.split(r'[",\r\n]+', ",".join(fields))}
        else:
            good.append((line, fields[:n]))
    frame = pd.DataFrame(
        [fields for _, fields in good], columns=header[:n], dtype="str"
    )
    frame = frame.loc[:, [bool(name) for name in header[:n]]]
    frame["row"] = pd.array([line for line, _ in good], dtype="Int64")
    frame.attrs["refused_ids"] = frozenset(words)
    return frame, refusals


def _read_text(path: Path) -> str:
    with raised_as(AnnotationError, "unreadable", file=path, expected="a CSV file"):
        with _open(path) as stream:
            content = stream.read(MAX_TABLE_BYTES + 1)
    if len(content) > MAX_TABLE_BYTES:
        expected = f"at most {MAX_TABLE_BYTES} bytes"
        raise AnnotationError("table too large", file=path, expected=expected)
    return content.decode("utf-8-sig", errors="replace")


def _open(path: Path) -> io.BufferedIOBase:
    if path.suffix == ".gz":
        return gzip.open(path)
    if path.suffix == ".zip":
        archive = zipfile.ZipFile(path)
        (table,) = (name for name in archive.namelist() if name.endswith(".csv"))
        return archive.open(table)
    return path.open("rb")


def _records(
    text: str, most: int, only: Set[str] | None
) -> Iterator[tuple[int, list[str], str]]:
    """Yield first line, fields and what is wrong of each record that is not blank.

    Args:
        text: The table's text.
        most: Most lines of a record. A quote that is still open then, or closes within
            a field, is wrong; its line is one field, and the next begins a record.
        only: See `read_table`.
    """
    lines = io.StringIO(text, newline="" if most > 1 else "\n").readlines()
    at = 0
    while at < len(lines):
        if at and only is not None and only.isdisjoint(_words(lines[at])):
            at += 1
            continue
        reader = csv.reader(lines[at : at + most], strict=most > 1)
        try:
            fields, problem = next(reader), ""
        except csv.Error as error:
            fields, problem = [lines[at]], f"broken CSV ({error})"
        if lines[at].strip():
            yield at + 1, fields, problem
        at += 1 if problem else reader.line_num


def _words(line: str) -> list[str]:
    return line.replace('"', "").rstrip("\r\n").split(",")


def _require_columns(path: Path, header: list[str], required: tuple[str, ...]) -> None:
    for name in required:
        if header.count(name) != 1:
            found = "column missing" if name not in header else "column twice"
            expected = "the columns " + ", ".join(required)
            raise AnnotationError(
                found, file=path, row=1, column=name, expected=expected
            )
    named = [name for name in header if name]
    if len(set(named)) != len(named) or "row" in named:
        raise AnnotationError("repeated or reserved column name", file=path, row=1)
