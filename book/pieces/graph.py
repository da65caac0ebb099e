"""The pipeline as the Snakefile has it, and where its drawing puts each notebook."""

import ast
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

TABLE = re.compile(r"^NOTEBOOKS = (\{.*?^\})", re.M | re.S)
SITE = "site"
WIDTH, HEIGHT, GAP, BETWEEN = 112, 44, 8, 46  # of a box and around it, px
IN_A_ROW = 6


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


def placed(order: Sequence[Sequence[str]]) -> dict[str, tuple[float, float]]:
    """Give each box the middle of its upper edge, px; long rows are broken."""
    broken = [
        row[i : i + IN_A_ROW] for row in order for i in range(0, len(row), IN_A_ROW)
    ]
    places = {}
    for number, row in enumerate(broken):
        left = (IN_A_ROW - len(row)) * (WIDTH + GAP) / 2
        for column, name in enumerate(row):
            x = left + (column + 0.5) * (WIDTH + GAP)
            places[name] = (x, 2 + number * (HEIGHT + BETWEEN))
    return places


def curve(start: tuple[float, float], end: tuple[float, float]) -> str:
    """Lay a curve from a box's lower edge to another's upper edge, as SVG's path."""
    (x1, top), (x2, y2) = start, end
    y1 = top + HEIGHT
    bend = (y2 - y1) / 2
    return f"M{x1:g} {y1:g}C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}"


def lettering(name: str) -> list[str]:
    """Break a notebook's name into the one or two lines of its box."""
    if name == SITE:
        return ["gate, site", "this book"]
    number, _, title = name.partition("_")
    first, _, rest = title.replace("_", " ").partition(" ")
    return [f"{number} {first}", *([rest] if rest else [])]
