"""What a reader searches for: a figure's or table's number, a finding, a system.

Sphinx's search skips numbers, so that "figure 11" finds nothing by words alone; entries
of the index are compared as a whole. They are made here, from what the book knows.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

from book.extensions.origins import facts_of
from chexnomaly.labels import VINDR_NAMES

OVERVIEW = "paper.md"
ROW = re.compile(r"^\| (?P<number>\d+|[IVX]+) \|.*?\| (?P<places>\{ref\}[^|]*)\|", re.M)
SPECIALIST = "specialized_"


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
        terms = [*self.numbers(), *self.names_measured(section["ids"][0])]
        made = [("single", term, target, "main", None) for term, target in terms]
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

    def names_measured(self, target: str) -> Iterator[tuple[str, str]]:
        """Give the systems and findings that a notebook's page measured."""
        notebook = self.env.docname.removeprefix("notebooks/")
        results = facts_of(self.env).results.of_notebook(notebook)
        for system in dict.fromkeys(result["system"] for result in results):
            yield system, target
            finding = system.removeprefix(SPECIALIST)
            if system.startswith(SPECIALIST) and finding in VINDR_NAMES:
                yield VINDR_NAMES[finding], target
