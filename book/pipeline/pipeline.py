"""The pipeline as the Snakefile has it: which notebook needs which."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

TABLE = re.compile(r"^NOTEBOOKS = (\{.*?^\})", re.M | re.S)
SITE = "site"


def read_notebooks(snakefile: Path) -> dict[str, dict]:
    """Read the Snakefile's table of notebooks without running Snakemake.

    Args:
        snakefile: The file.

    Returns:
        Notebook to its entry, in the file's order; see there for the keys.
    """
    return ast.literal_eval(TABLE.search(snakefile.read_text(encoding="utf-8"))[1])


def edges(notebooks: Mapping[str, dict]) -> list[tuple[str, str]]:
    """List what needs what: pairs of a notebook and one that needs it.

    The site needs all; only those that nothing else needs are led there.
    """
    pairs = [
        (need, n) for n, entry in notebooks.items() for need in entry.get("needs", [])
    ]
    parents = {parent for parent, _ in pairs}
    return pairs + [(name, SITE) for name in notebooks if name not in parents]


def rows(notebooks: Mapping[str, dict]) -> list[list[str]]:
    """Sort notebooks into rows, each below everything it needs; the site is last."""
    depth: dict[str, int] = {}

    def depth_of(name: str) -> int:
        if name not in depth:
            needs = notebooks[name].get("needs", [])
            depth[name] = 1 + max(map(depth_of, needs), default=-1)
        return depth[name]

    deepest = max(map(depth_of, notebooks))
    found = [[n for n in notebooks if depth[n] == row] for row in range(deepest + 1)]
    return [*map(sorted, found), [SITE]]
