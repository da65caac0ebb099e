"""The drawing of the pipeline: a box per notebook, each a link to its page."""

import html
from collections.abc import Iterator, Sequence

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from book.extensions.sources import root_of
from book.extensions.words import table
from book.pipeline.pipeline import SITE, edges, read_notebooks, rows

WIDTH, HEIGHT, GAP, BETWEEN = 112, 44, 8, 46  # of a box and around it, px
IN_A_ROW = 6


class PipelineDirective(SphinxDirective):
    """Draws the Snakefile's graph, with the same said in a table below."""

    def run(self) -> list[nodes.Node]:
        """Make the drawing and the table."""
        snakefile = root_of(self.env) / "Snakefile"
        self.env.note_dependency(str(snakefile))
        notebooks = read_notebooks(snakefile)
        addresses = {name: self.address(name) for name in notebooks}
        drawing = nodes.raw("", draw(notebooks, addresses), format="html")
        return [drawing, as_table(notebooks, addresses)]

    def address(self, name: str) -> str:
        """Give the address of a notebook's page, from this one."""
        up = "../" * self.env.docname.count("/")
        return f"{up}notebooks/{name}.html"


def as_table(notebooks: dict[str, dict], addresses: dict[str, str]) -> nodes.table:
    """Say the same in words: a row per notebook."""
    lines = []
    for name, entry in notebooks.items():
        page = nodes.reference("", name, refuri=addresses[name])
        needs = ", ".join(entry.get("needs", [])) or "nothing"
        reads = ", ".join(entry.get("reads", []))
        lines.append([page, needs, reads])
    heads = ["Notebook", "Needs", "Reads, where set"]
    return table(heads, lines, ["pipeline"])


def placed(order: Sequence[Sequence[str]]) -> dict[str, tuple[float, float]]:
    """Give each box the middle of its upper edge, px; long rows are broken."""
    broken = [
        row[i : i + IN_A_ROW] for row in order for i in range(0, len(row), IN_A_ROW)
    ]
    middle = IN_A_ROW * (WIDTH + GAP) / 2
    places = {}
    for number, row in enumerate(broken):
        left = middle - len(row) * (WIDTH + GAP) / 2
        for column, name in enumerate(row):
            x = left + (column + 0.5) * (WIDTH + GAP)
            places[name] = (x, 2 + number * (HEIGHT + BETWEEN))
    return places


def draw(notebooks: dict[str, dict], addresses: dict[str, str]) -> str:
    """Draw the graph.

    Args:
        notebooks: The Snakefile's table.
        addresses: Notebook to its page; what has none is no link.

    Returns:
        An SVG element in a box that scrolls where it is too wide.
    """
    places = placed(rows(notebooks))
    width = IN_A_ROW * (WIDTH + GAP)
    height = max(y for _, y in places.values()) + HEIGHT + 2
    lines = [line(places[a], places[b]) for a, b in edges(notebooks)]
    boxes = [box(n, places[n], addresses.get(n)) for n in places]
    return (
        '<div class="pipeline-graph">'
        f'<svg viewBox="0 0 {width} {height:.0f}" width="{width}" role="group"'
        ' aria-label="Notebooks from top to bottom, each below those it needs">'
        f"{''.join(lines)}{''.join(boxes)}</svg></div>"
    )


def line(start: tuple[float, float], end: tuple[float, float]) -> str:
    """Draw a curve from a box's lower edge to another's upper edge."""
    (x1, top), (x2, y2) = start, end
    y1 = top + HEIGHT
    bend = (y2 - y1) / 2
    curve = f"M{x1:g} {y1:g}C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}"
    return f'<path class="edge" d="{curve}" aria-hidden="true"/>'


def box(name: str, place: tuple[float, float], address: str | None) -> str:
    """Draw one notebook: its number and name."""
    x, y = place
    corner = f'x="{x - WIDTH / 2:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="6"'
    said = [text for text in lettering(name) if text]
    first = y + HEIGHT / 2 + 4 - 8 * (len(said) - 1)
    words = "".join(
        f'<text x="{x:g}" y="{first + 16 * at:g}">{html.escape(text)}</text>'
        for at, text in enumerate(said)
    )
    drawn = f"<rect {corner}/>{words}"
    if address is None:
        return f'<g class="box">{drawn}</g>'
    return f'<a class="box" href="{address}">{drawn}</a>'


def lettering(name: str) -> Iterator[str]:
    """Break a name into the two lines of its box; the second may be empty."""
    if name == SITE:
        yield from ("gate, site", "this book")
        return
    number, _, title = name.partition("_")
    first, _, rest = title.replace("_", " ").partition(" ")
    yield f"{number} {first}"
    yield rest
