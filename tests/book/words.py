"""How much a reader has before them, counted: `python -m tests.book.words SITE`.

Words of the pages' text, tables and code included; visible is what shows without a
click. Drawings do not count, nor what only a screen reader says. Ends with 1 where a
count is above its limit.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bs4 import BeautifulSoup, Tag

from tests.test_notebooks import TYPED

APART = "p td th li tr div h1 h2 h3 h4 dt dd pre summary option section br label button"
SILENT = "script, style, svg, annotation, .katex-mathml, .visually-hidden, "
SILENT += ".tag_injected-parameters"  # which no page shows
FOLDED = ".tag_hide-input > .cell_input, .tag_hide-output > .cell_output, [hidden]"
RAW = re.compile(r"(?<![\w./-])[a-z][a-z0-9]*(?:_+[a-z0-9]+)+(?![\w(=]|\.\w)")
QUOTED = "pre, code, q, .quote"
"""Where a raw key may stand: in code, and in the paper's own words."""
LOOKED_UP = (
    ".result, .claim, .verdict, .interval, .finding, .cell_output, figure, table"
)
LOOKED_UP += ", math, .math, .register-item, .sentence, .plan, .central"
"""Where numbers come from files."""
MACHINE = {"x86_64", "aarch64"}
AXIS = re.compile(r'<g id="matplotlib\.axis_\d+">(.*?)\n   </g>', re.DOTALL)
SAID = re.compile(r"<!-- (.*?) -->")
NUMBER = re.compile(r"[−-]?[\d.,]+|\$\\mathdefault\{.*\}\$")
MOST = {"pages": 24, "visible": 50_000, "all": 75_000, "code_lines": 25}


class Counts(NamedTuple):
    """What is counted on a page.

    Attributes:
        visible: Words that show without a click.
        all: All words.
        code_lines: Lines of visible code above the first figure; 0 without one.
        tables: Tables that show without a click.
        keys: Raw keys of results in the text.
        typed: Numbers of three decimals or more in prose that come from no file.
        bare: Pictures without words for who cannot see, or with a bare axis.
    """

    visible: int
    all: int
    code_lines: int
    tables: int
    keys: int
    typed: int
    bare: int


def article_of(page: Path) -> Tag:
    """Read the part of a page that is its own."""
    article = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").article
    for part in article.select(SILENT):
        part.decompose()
    return article


def fold(article: Tag) -> Tag:
    """Leave out what shows only after a click."""
    for details in article.select("details:not([open])"):
        for part in list(details.contents):
            if part is not details.summary:
                part.extract()
    for part in article.select(FOLDED):
        part.decompose()
    return article


def words(article: Tag) -> int:
    """Count words, as the eye parts them."""
    return len(text_of(article).split())


def text_of(article: Tag) -> str:
    """Give the text, with a space wherever a line or a cell ends."""
    for part in article.find_all(APART.split()):
        part.insert_before(" ")
    return article.get_text()


def code_above_the_first_figure(article: Tag) -> int:
    """Count the lines of visible code above the first figure; 0 without one."""
    if article.find("figure") is None:
        return 0
    above = article.find("figure").find_all_previous("pre")
    typed = [block for block in above if not block.find_parent(class_="cell_output")]
    return sum(len(block.get_text().strip().splitlines()) for block in typed)


def without(article: Tag, selector: str) -> str:
    """Give the text less some of its parts."""
    for part in article.select(selector):
        part.decompose()
    return text_of(article)


def bare_pictures(page: Path) -> Iterator[str]:
    """Name pictures without an alternative text, and drawings with a bare axis."""
    for picture in article_of(page).find_all("img"):
        file = page.parent / picture["src"].partition("?")[0]
        if not picture.get("alt"):
            yield file.name
        elif file.suffix == ".svg" and file.is_file():
            yield from (file.name for _ in bare_axes(file.read_text(encoding="utf-8")))


def bare_axes(drawing: str) -> Iterator[list[str]]:
    """Find axes of a drawing of Matplotlib that bear numbers and no word for them."""
    for axis in AXIS.findall(drawing):
        said = SAID.findall(axis)
        if len(said) > 1 and all(map(NUMBER.fullmatch, said)):
            yield said


def count(site: Path) -> dict[str, Counts]:
    """Count each page."""
    pages = sorted([*site.glob("*.html"), *site.glob("notebooks/*.html")])
    pages = [page for page in pages if page.stem not in ("search", "genindex")]
    counted = {}
    for page in pages:
        seen = fold(article_of(page))
        keys = RAW.findall(without(article_of(page), QUOTED))
        counted[page.relative_to(site).as_posix()] = Counts(
            words(fold(article_of(page))),
            words(article_of(page)),
            code_above_the_first_figure(seen),
            len(seen.find_all("table")),
            len([key for key in keys if key not in MACHINE]),
            len(re.findall(TYPED, without(article_of(page), f"{QUOTED}, {LOOKED_UP}"))),
            len([*bare_pictures(page)]),
        )
    return counted


def main(site: Path) -> int:
    """Print the counts; 1 where one is above its limit."""
    found = count(site)
    sums = [sum(column) for column in zip(*found.values(), strict=True)]
    sums[2] = max(one.code_lines for one in found.values())
    found[f"{len(found)} pages"] = all_ = Counts(*sums)
    sys.stdout.write("visible    all  code tables  keys typed  bare\n")
    for name, one in found.items():
        sys.stdout.write("{:7,} {:6,} {:5} {:6} {:5} {:5} {:5}  ".format(*one))
        sys.stdout.write(f"{name}\n")
    counts = all_._asdict() | {"pages": len(found) - 1}
    most = MOST | {"keys": 0, "typed": 0, "bare": 0}
    over = [
        f"{k} {counts[k]:,}, at most {n:,}" for k, n in most.items() if counts[k] > n
    ]
    sys.stderr.writelines(f"words: {one}\n" for one in over)
    return int(bool(over))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
