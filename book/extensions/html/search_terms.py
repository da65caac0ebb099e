"""What a reader searches for that is no word: the number of a figure or table.

Sphinx's search skips numbers, so that "figure 11" finds nothing by words alone; entries
of the index are compared as a whole.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

OVERVIEW = "paper.md"
ROW = re.compile(r"^\| (?P<number>\d+|[IVX]+) \|.*?\| (?P<places>\{ref\}[^|]*)\|", re.M)


def numbers_by_label(overview: str) -> dict[str, list[str]]:
    """Read where each figure and table of the paper is re-run.

    Args:
        overview: Markdown of the page that lists them all.

    Returns:
        Label to what stands there, such as "Figure 11" and "Fig. 11".
    """
    found: dict[str, list[str]] = {}
    for row in ROW.finditer(overview):
        number = row["number"]
        kinds = ("Figure", "Fig.") if number.isdigit() else ("Table",)
        for label in re.findall(r"\{ref\}`([\w-]+)`", row["places"]):
            found.setdefault(label, []).extend(f"{kind} {number}" for kind in kinds)
    return found


class SearchTerms(SphinxTransform):
    """Adds the entries of each page before Sphinx gathers the index."""

    default_priority = 800

    def apply(self, **arguments) -> None:
        """Put the entries below the page's title, which has to come first."""
        section = next(iter(self.document.findall(nodes.section)), None)
        if section is None:
            return
        made = [("single", *term, "main", None) for term in self.numbers()]
        if made:
            section.insert(1, addnodes.index(entries=made))

    def numbers(self) -> Iterator[tuple[str, str]]:
        """Give the paper's numbers that stand on this page, and where."""
        overview = Path(self.env.srcdir) / OVERVIEW
        if not overview.is_file():
            return
        known = numbers_by_label(overview.read_text(encoding="utf-8"))
        for label, target in self.document.nameids.items():
            yield from ((term, target) for term in known.get(label, []) if target)
