"""What was refused, summarized for a person to read."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from chexnomaly.errors import Refusal


def refusal_table(refusals: Iterable[Refusal]) -> pd.DataFrame:
    """Summarize what was refused, for a person to read.

    Returns:
        One row per kind of fault: error, file (names only, no folders of this
        machine), column, expected, count, rows (the first ten lines of the file),
        example (the first problem found).
    """
    kinds: dict[tuple, list[Refusal]] = {}
    for refusal in refusals:
        key = (refusal.error, _place(refusal), refusal.column, refusal.expected)
        kinds.setdefault(key, []).append(refusal)
    rows = []
    for key, group in kinds.items():
        lines = [str(refusal.row) for refusal in group if refusal.row is not None]
        shown = ", ".join(lines[:10]) + (", ..." if len(lines) > 10 else "")
        rows.append((*key, len(group), shown, group[0].problem))
    names = ["error", "file", "column", "expected", "count", "rows", "example"]
    return pd.DataFrame(rows, columns=names)


def _place(refusal: Refusal) -> str | None:
    """Name a table by its file name, and images by their folder."""
    if refusal.file is None:
        return None
    path = Path(refusal.file)
    return path.name if refusal.row is not None else f"{path.parent.name}/*"
