"""Tables that notebooks print, set as the book's own: one head, marks for words.

What pandas writes is kept cell by cell. The names of the index move into the head's
empty cells, an interval may not be torn apart, a key is said in words, a level becomes
a badge, a verdict gets its sign and stands above its reason, and a difference gets a
color: only where its interval leaves out zero.
"""

import re
from html import escape

from bs4 import BeautifulSoup, Tag
from sphinx.application import Sphinx

from book.pieces.words import slug
from chexnomaly.evidence import LEVELS, VERDICTS
from chexnomaly.labels import KEY, spoken

TABLE = re.compile(r'<table border="1" class="dataframe.*?</table>', re.DOTALL)
STYLE = re.compile(r"<style scoped>\s*\.dataframe .*?</style>", re.DOTALL)
NUMBER = r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?"
INTERVAL = re.compile(rf"\[({NUMBER}), ({NUMBER})\]")
FIGURE = re.compile(r"[-+]?\d")
NOTHING = ("NaN", "None", "&lt;NA&gt;", "–", "")


def set_tables(
    app: Sphinx, page: str, template: str, context: dict, doctree: object
) -> None:
    """Set every table of a page that pandas wrote."""
    if "body" in context:
        body = STYLE.sub("", context["body"])
        context["body"] = TABLE.sub(lambda m: set_table(m[0]), body)


def set_table(html: str) -> str:
    """Set one table; its cells keep what they say, but for keys.

    Args:
        html: From `<table>` to `</table>`, as pandas writes it.

    Returns:
        The same table in the book's classes, keys of results in words.
    """
    table = BeautifulSoup(html, "html.parser").table
    if table.thead is None:
        return html
    heads = _one_head(table)
    rows = table.tbody.find_all("tr")
    if not rows:
        _fill(table.tbody, f'<tr><td colspan="{len(heads)}">none</td></tr>')
        return str(table)
    for row in rows:
        _set_row(row, heads)
    if heads[-2:] == ["verdict", "reason"]:
        table["class"].append("verdicts")
        table.thead.find_all("th")[-1].extract()
        for row in rows:
            _join_reason(*row.find_all("td")[-2:])
    _align(table, rows)
    for text in table.find_all(string=KEY):
        text.replace_with(spoken(text).replace("@", ", "))
    return str(table)


def _one_head(table: Tag) -> list[str]:
    """Join a second row that holds the index's names alone into the first."""
    rows = [row.find_all("th") for row in table.thead.find_all("tr")]
    heads, names = ([cell.get_text() for cell in rows[k]] for k in (0, -1))
    named = [bool(name) for name in names]
    alone = named == sorted(named, reverse=True) and any(named) and not all(named)
    if len(rows) != 2 or len(names) != len(heads) or not alone:
        return heads
    heads = [name or head for head, name in zip(heads, names, strict=True)]
    cells = "".join(f"<th>{escape(head)}</th>" for head in heads)
    _fill(table.thead, f"<tr>{cells}</tr>")
    return heads


def _set_row(row: Tag, heads: list[str]) -> None:
    """Mark the cells of one row by what they say and by the heads of their columns."""
    cells = row.find_all("td")
    named = " ".join(cell.get_text() for cell in row.find_all("th"))
    columns = [""] * (len(cells) - len(heads)) + heads[-len(cells) :]
    for cell, column in zip(cells, columns, strict=True):
        compared = "difference" in column or "minus" in f"{named} {column}".split()
        text = cell.decode_contents()
        _fill(cell, _difference(text) if compared else _mark(text))


def _join_reason(verdict: Tag, reason: Tag) -> None:
    """Put a verdict's reason below it: two long columns become one."""
    text = reason.extract().get_text()
    if text not in NOTHING:
        said = f' <span class="reason">{escape(text, quote=False)}</span>'
        _fill(verdict, verdict.decode_contents() + said)


def _align(table: Tag, rows: list[Tag]) -> None:
    """Set columns of words to the left: only numbers line up on the right."""
    tails = [[cell.get_text() for cell in row.find_all("td")][::-1] for row in rows]
    columns = list(zip(*tails, strict=False))
    worded = [
        at
        for at, column in enumerate(columns, start=1)
        if not any(FIGURE.match(cell) for cell in column)
    ]
    worded += range(len(columns) + 1, len(columns) + 1 + len(rows[0].find_all("th")))
    table["class"] += [f"words-{at}" for at in worded]


def _fill(tag: Tag, html: str) -> None:
    if html != tag.decode_contents():
        tag.clear()
        tag.append(BeautifulSoup(html, "html.parser"))


def _mark(text: str) -> str:
    """Mark a cell's word or interval as what it is."""
    if text in NOTHING:
        return "–"
    if text in LEVELS:
        return f'<span class="evidence evidence-{text}">{text}</span>'
    for verdict in VERDICTS:
        if text.split(":")[0] == verdict:
            marked = f'<span class="verdict {slug(verdict)}">{verdict}</span>'
            return marked + text.removeprefix(verdict)
    return INTERVAL.sub(r'<span class="interval">\g<0></span>', text)


def _difference(text: str) -> str:
    bounds = INTERVAL.search(text)
    if bounds is None:
        return _mark(text)
    low, high = (float(bound.replace(",", "")) for bound in bounds.groups())
    side = "above" if low > 0 else "below" if high < 0 else "unresolved"
    return f'<span class="difference {side}">{_mark(text)}</span>'
