"""How much a reader has before them: `python -m tests.book.words SITE`.

Words of the pages' text, tables and code included; visible is what shows without a
click. Drawings do not count, nor what only a screen reader says.
"""

import sys
from pathlib import Path

from bs4 import BeautifulSoup, Tag

APART = "p td th li tr div h1 h2 h3 h4 dt dd pre summary option section br label button"
SILENT = "script, style, svg, annotation, .katex-mathml, .visually-hidden"
FOLDED = ".tag_hide-input > .cell_input, .tag_hide-output > .cell_output, [hidden]"


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
    for part in article.find_all(APART.split()):
        part.insert_before(" ")
    return len(article.get_text().split())


def count(site: Path) -> dict[str, tuple[int, int]]:
    """Count each page's words: those visible without a click, and all."""
    pages = sorted([*site.glob("*.html"), *site.glob("notebooks/*.html")])
    pages = [page for page in pages if page.stem not in ("search", "genindex")]
    return {
        page.relative_to(site).as_posix(): (
            words(fold(article_of(page))),
            words(article_of(page)),
        )
        for page in pages
    }


if __name__ == "__main__":
    found = count(Path(sys.argv[1]))
    for name, (visible, everything) in found.items():
        sys.stdout.write(f"{visible:7,} {everything:7,}  {name}\n")
    visible, everything = map(sum, zip(*found.values(), strict=True))
    sys.stdout.write(f"{visible:7,} {everything:7,}  {len(found)} pages\n")
