"""Tables that notebooks print, set as the book's own: one head, marks for words.

What pandas writes is kept cell by cell. The names of the index move into the head's
empty cells, an interval may not be torn apart, a level becomes a badge, a verdict gets
its sign and stands above its reason, and a difference gets a color: only where its
interval leaves out zero.
"""

import re

from sphinx.application import Sphinx

from book.pieces.words import slug
from chexnomaly.evidence import LEVELS, VERDICTS

TABLE = re.compile(r'<table border="1" class="dataframe.*?</table>', re.DOTALL)
STYLE = re.compile(r"<style scoped>\s*\.dataframe .*?</style>", re.DOTALL)
HEAD = re.compile(r"<thead>(.*?)</thead>", re.DOTALL)
ROW = re.compile(r"<tr[^>]*>.*?</tr>", re.DOTALL)
CELL = re.compile(r"<(t[hd])([^>]*)>(.*?)</\1>", re.DOTALL)
NUMBER = r"-?\d[\d.,]*(?:e[-+]?\d+)?"
INTERVAL = re.compile(rf"\[({NUMBER}), ({NUMBER})\]")
FIGURE = re.compile(r"[-+]?\d")
REASON = re.compile(r' data-reason="(.*?)"')
TEXT = re.compile(r">[^<]+<")
"""What stands between marks; a long key may be broken after a line below."""
NOTHING = ("NaN", "None", "&lt;NA&gt;", "–", "")


def set_tables(
    app: Sphinx, page: str, template: str, context: dict, doctree: object
) -> None:
    """Set every table of a page that pandas wrote."""
    if "body" in context:
        body = STYLE.sub("", context["body"])
        context["body"] = TABLE.sub(lambda m: set_table(m[0]), body)


def set_table(html: str) -> str:
    """Set one table; its cells keep what they say.

    Args:
        html: From `<table>` to `</table>`, as pandas writes it.

    Returns:
        The same table in the book's classes.
    """
    head = HEAD.search(html)
    if head is None:
        return html
    rows = ROW.findall(head[1])
    heads = [cell[3] for cell in CELL.finditer(rows[0])]
    names = [cell[3] for cell in CELL.finditer(rows[-1])]
    if len(rows) == 2 and len(names) == len(heads) and _names_alone(heads, names):
        heads = [name or head for head, name in zip(heads, names, strict=True)]
        cells = "".join(f"<th>{head}</th>" for head in heads)
        html = html.replace(head[0], f"<thead><tr>{cells}</tr></thead>", 1)
    if heads[-2:] == ["verdict", "reason"]:
        html = _join_reasons(html)
        heads = heads[:-1]
    before, body = html.split("</thead>", 1)
    if not CELL.search(body):
        none = f'<tr><td colspan="{len(heads)}">none</td></tr>'
        return before + "</thead><tbody>" + none + "</tbody></table>"
    html = before + "</thead>" + ROW.sub(lambda row: _set_row(row[0], heads), body)
    return TEXT.sub(lambda text: text[0].replace("_", "_<wbr>"), _align(html))


def _align(html: str) -> str:
    """Set columns of words to the left: only numbers line up on the right."""
    rows = [list(CELL.finditer(row)) for row in ROW.findall(html.split("</thead>")[1])]
    tails = [[re.sub(r"<[^>]+>", "", c[3]) for c in r if c[1] == "td"] for r in rows]
    columns = list(zip(*(tail[::-1] for tail in tails), strict=False))
    worded = [
        str(k)
        for k, column in enumerate(columns, start=1)
        if not any(FIGURE.match(cell) for cell in column)
    ]
    index = sum(cell[1] == "th" for cell in rows[0]) if rows else 0
    worded += [str(len(columns) + k) for k in range(1, index + 1)]
    marks = " ".join(f"words-{k}" for k in worded)
    return html.replace('class="dataframe', f'class="dataframe {marks}'.rstrip(), 1)


def _names_alone(heads: list[str], names: list[str]) -> bool:
    """Whether a second row holds the index's names and nothing over a column."""
    named = [bool(name) for name in names]
    return named == sorted(named, reverse=True) and any(named) and not all(named)


def _join_reasons(html: str) -> str:
    """Put each verdict's reason below it: two long columns become one."""
    joined = re.compile(r"<td>([^<]*)</td>\s*<td>([^<]*)</td>\s*</tr>")
    html = joined.sub(r'<td data-reason="\2">\1</td></tr>', html)
    html = html.replace("<th>reason</th>", "", 1)
    return html.replace('class="dataframe', 'class="dataframe verdicts', 1)


def _set_row(row: str, heads: list[str]) -> str:
    cells = list(CELL.finditer(row))
    named = " ".join(cell[3] for cell in cells if cell[1] == "th")
    columns = iter(heads[len(heads) - sum(cell[1] == "td" for cell in cells) :])

    def set_cell(cell: re.Match) -> str:
        if cell[1] == "th":
            return cell[0]
        column = next(columns, "")
        compared = "difference" in column or "minus" in f"{named} {column}".split()
        content = _difference(cell[3]) if compared else _mark(cell[3])
        reason = REASON.search(cell[2])
        if reason and reason[1] not in NOTHING:
            content += f' <span class="reason">{reason[1]}</span>'
        return f"<td{REASON.sub('', cell[2])}>{content}</td>"

    return CELL.sub(set_cell, row)


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
