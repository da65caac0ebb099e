"""What the pipeline must know about a notebook without running it."""

import ast
import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from chexnomaly.imports import follow, imported_names

TABLE = re.compile(r"^NOTEBOOKS = (\{.*?^\})", re.M | re.S)


def read_notebooks(snakefile: Path) -> dict[str, dict]:
    """Read the Snakefile's table of notebooks without running Snakemake.

    Args:
        snakefile: The file.

    Returns:
        Notebook to its entry, in the file's order; see there for the keys.
    """
    return ast.literal_eval(TABLE.search(snakefile.read_text(encoding="utf-8"))[1])


def source_hash(notebook: Path) -> str:
    """Hash a notebook's file: the SHA-256 of its bytes, in hex."""
    return hashlib.sha256(notebook.read_bytes()).hexdigest()


def code_of(notebook: Path) -> str:
    """Join a notebook's code cells, without IPython's magic and shell lines."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    return "\n".join(
        line for line in code.splitlines() if line.lstrip()[:1] not in ("%", "!")
    )


@cache
def tables_named(code: str) -> tuple[str, ...]:
    """Name the tables in some code's texts; the same code is parsed once."""
    values = [getattr(node, "value", None) for node in ast.walk(ast.parse(code))]
    return tuple(
        v for v in values if isinstance(v, str) and v.endswith((".csv", ".toml"))
    )


def data_of(module: Path, code: str) -> Iterator[Path]:
    """Find the tables that a module's code names, beside it or one folder above."""
    for name in tables_named(code):
        places = (module.parent / name, module.parents[1] / name)
        yield from (place for place in places if place.is_file())


def modules_used(notebook: Path, root: Path) -> list[Path]:
    """Follow a notebook's imports through the library.

    Args:
        notebook: A notebook file.
        root: The checkout.

    Returns:
        Every library file the notebook runs, directly or not, and the tables beside
        them that they read; sorted.
    """
    found = follow(imported_names(code_of(notebook)), root)
    data = {d for f in found for d in data_of(f, f.read_text(encoding="utf-8"))}
    return sorted(found | data)


def date_now(files: Iterable[str | Path]) -> None:
    """Give files that are dated ahead of the clock today's date; others stay.

    Args:
        files: Paths; what is not there is passed over.

    Raises:
        OSError: One may not be changed.
    """
    for path in filter(os.path.exists, files):
        if os.stat(path).st_mtime > time.time():
            os.utime(path)
