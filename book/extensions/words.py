"""Small pieces of a page: numbers, badges, tables."""

import math
import re
from collections.abc import Mapping, Sequence
from numbers import Integral

from docutils import nodes
from sphinx.environment import BuildEnvironment

from chexnomaly.evidence import LEVELS

MEANINGS = dict(
    zip(
        LEVELS,
        (
            "trained and scored on real radiographs with real annotations",
            "from real annotation tables, without pixels",
            "trained on synthetic radiographs, scored on real ones; no verdict",
            "synthetic radiographs throughout; a direction at most, never the value",
            "a number from elsewhere, not verified",
        ),
        strict=True,
    )
)
NOTHING = "\N{EN DASH}"


def is_missing(value: object) -> bool:
    """Say whether a cell holds nothing: None, NaN or pandas' NA."""
    return value is None or value != value or str(value) in ("<NA>", "nan", "")


def number(value: object, spec: str = "") -> str:
    """Write a number: counts with thin groups, shares with three significant digits.

    Args:
        value: A number, text (left as it is) or nothing.
        spec: A format specification that replaces the rule.

    Returns:
        The text; a dash for nothing, a sign for what has no end.
    """
    if is_missing(value):
        return NOTHING
    if isinstance(value, str):
        return value
    if math.isinf(value):
        return "\N{INFINITY}" if value > 0 else "-\N{INFINITY}"
    if spec:
        return format(value, spec)
    if isinstance(value, Integral) or (abs(value) >= 100 and float(value).is_integer()):
        return f"{value:,.0f}"
    if value == 0:
        return "0"
    decimals = max(0, min(6, 2 - math.floor(math.log10(abs(value)))))
    return f"{value:,.{decimals}f}"


def interval(low: object, high: object, spec: str = "") -> str:
    """Write an interval in brackets; nothing where there is none."""
    if is_missing(low) or is_missing(high):
        return ""
    return f"[{number(low, spec)}, {number(high, spec)}]"


def hint(text: str, explanation: str, *classes: str) -> nodes.abbreviation:
    """Make text that explains itself when pointed at."""
    return nodes.abbreviation(text, text, explanation=explanation, classes=[*classes])


def badge(level: str) -> nodes.abbreviation:
    """Make the badge of an evidence level.

    Raises:
        KeyError: There is no such level.
    """
    if level not in MEANINGS:
        raise KeyError(f"no evidence level {level!r}; there are: {', '.join(LEVELS)}")
    return hint(level, MEANINGS[level], "evidence", f"evidence-{level}")


def slug(text: str) -> str:
    """Write a text as a class or an anchor: small letters, digits, hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def link_to(
    env: BuildEnvironment, document: str, anchor: str, shown: nodes.Node
) -> nodes.reference:
    """Link to a place in another document of the book."""
    address = env.app.builder.get_relative_uri(env.docname, document)
    address += f"#{anchor}" if anchor else ""
    return nodes.reference("", "", shown, internal=True, refuri=address)


def claim_node(env: BuildEnvironment, id_: str, claim: Mapping) -> nodes.Node:
    """Show a claim as printed, its place as a hint, linked to the claims page."""
    where = f"The paper, {claim['where']}"
    if not is_missing(claim["quote"]):
        where += f': "{claim["quote"]}"'
    shown = hint(str(claim["as_printed"]), where, "claim")
    if "claims" not in env.found_docs:
        return shown
    return link_to(env, "claims", f"claim-{id_}", shown)


def words(*parts: str | nodes.Node) -> nodes.paragraph:
    """Join texts and nodes into one paragraph."""
    paragraph = nodes.paragraph()
    paragraph += [nodes.Text(p) if isinstance(p, str) else p for p in parts]
    return paragraph


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[nodes.Node | str]],
    classes: Sequence[str] = (),
) -> nodes.table:
    """Make a table.

    Args:
        heads: Column heads.
        rows: One sequence of cells per row; a text or a node per cell.
        classes: Classes of the table, beside `book-table`.

    Returns:
        The table's node.
    """
    group = nodes.tgroup("", *(nodes.colspec() for _ in heads), cols=len(heads))
    group += nodes.thead("", _row(heads))
    group += nodes.tbody("", *map(_row, rows))
    return nodes.table("", group, classes=["book-table", *classes])


def _row(cells: Sequence[nodes.Node | str]) -> nodes.row:
    row = nodes.row()
    for cell in cells:
        inline = isinstance(cell, str) or isinstance(cell, nodes.Inline)
        row += nodes.entry("", words(cell) if inline else cell)
    return row
