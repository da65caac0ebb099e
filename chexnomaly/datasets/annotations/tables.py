"""Reading a source's CSV table, with the line number of every record.

A table comes from outside, so nothing in it is believed: the file is bounded in
size, a record with the wrong number of fields is refused by its line, and bytes
that are no UTF-8 become the replacement character, which no name may contain.
"""

import csv
import gzip
import io
import re
import zipfile
from collections.abc import Iterator, Set
from pathlib import Path

import pandas as pd

from chexnomaly.errors import AnnotationError, Refusal

MAX_TABLE_BYTES = 256 * 2**20
"""Largest table that is read, uncompressed. VinDr-CXR's has 5 MB."""


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
            columns do. Where it may not, a stray quote costs its own line only.
        only: Where given, lines are passed over that have none of these words between
            their commas, so that a few films of a large table are read fast.

    Returns:
        The records as strings, with an integer column "row" (line in the file,
        header = 1), and the refused lines. The attribute "refused_ids" has what stood
        between their commas: whatever film they were of is among it.

    Raises:
        AnnotationError: The file cannot be read, or a required column is missing.
    """
    try:
        records = list(_records(_read_text(path), multiline, only))
    except csv.Error as error:
        raise AnnotationError(f"broken CSV ({error})", file=path) from None
    if not records:
        raise AnnotationError("empty table", file=path, expected="a header")
    header = [name.strip() for name in records.pop(0)[1]]
    _require_columns(path, header, required)
    n = max((k for k, name in enumerate(header, start=1) if name), default=0)
    # Commas behind the last name may be left out: NIH's list of boxes does so.
    good = [(k, row[:n]) for k, row in records if len(row) in (n, len(header))]
    rule = f"{len(header)} fields"
    broken = [(k, row) for k, row in records if len(row) not in (n, len(header))]
    refusals = [
        Refusal("AnnotationError", str(path), line, None, f"{len(found)} fields", rule)
        for line, found in broken
    ]
    frame = pd.DataFrame(
        [fields for _, fields in good], columns=header[:n], dtype="str"
    )
    frame = frame.loc[:, [bool(name) for name in header[:n]]]
    frame["row"] = pd.array([line for line, _ in good], dtype="Int64")
    words = (re.split(r"[,\r\n]+", ",".join(fields)) for _, fields in broken)
    frame.attrs["refused_ids"] = frozenset().union(*words)
    return frame, refusals


def _read_text(path: Path) -> str:
    try:
        with _open(path) as stream:
            content = stream.read(MAX_TABLE_BYTES + 1)
    except (OSError, EOFError, zipfile.BadZipFile, RuntimeError, ValueError) as error:
        problem = f"unreadable ({type(error).__name__})"
        raise AnnotationError(problem, file=path, expected="a CSV file") from None
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
    text: str, multiline: bool, only: Set[str] | None
) -> Iterator[tuple[int, list[str]]]:
    """Yield (first line, fields) of each record that is not blank."""
    if not multiline:
        for number, line in enumerate(text.split("\n"), start=1):
            if only is not None and number > 1:
                if only.isdisjoint(line.replace('"', "").rstrip("\r").split(",")):
                    continue
            if line.strip():
                yield number, next(csv.reader([line.rstrip("\r")]))
        return
    reader = csv.reader(io.StringIO(text, newline=""))
    first = 1
    for fields in reader:
        if fields:
            yield first, fields
        first = reader.line_num + 1


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
