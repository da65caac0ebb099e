"""Looks at the built book as a reader's browser does, and fails where it falls short.

    python -m book.site.check SITE [--page PAGE ...]

Each page is opened four times: light and dark, 1440 and 390 px wide; half of them as
files from the disk, half from a server. It must ask for nothing outside, throw no
error, break no rule of axe-core, need no sideways scrolling, and its links must lead
somewhere. Some pages are scored by Lighthouse too.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from book.site.browser import BrowserError, drive, install, served
from book.site.links import pages_of, private_faults, private_words, static_faults

ROOT = Path(__file__).parents[2]
VIEWS = ("light-1440", "light-390", "dark-1440", "dark-390")
MAX_BYTES = {"index.html": 1_100_000}
SCORED = ("index.html", "notebooks/07_chexnomaly.html", "paper.html")
CATEGORIES = ("best-practices", "seo")


@dataclass
class Seen:
    """What is known of one page.

    Attributes:
        page: Address below the site's root.
        views: What the browser saw, by view.
        scores: Lighthouse's score by category, 0 to 100; empty where not scored.
        short: What cost points there.
        static: Faults found without a browser.
    """

    page: str
    views: dict[str, dict] = field(default_factory=dict)
    scores: dict[str, int] = field(default_factory=dict)
    short: list[str] = field(default_factory=list)
    static: list[str] = field(default_factory=list)

    def add(self, line: dict) -> None:
        """Take in one line of what the browser saw."""
        if "scores" in line:
            self.scores, self.short = line["scores"], line["short"]
        else:
            self.views[line["view"]] = line

    def gather(self, key: str) -> list[str]:
        """List what all views hold under a key, each once."""
        return list(dict.fromkeys(x for v in self.views.values() for x in v[key]))

    @property
    def bytes(self) -> int:
        """Size of the page and everything it loads, uncompressed."""
        return max((view["bytes"] for view in self.views.values()), default=0)

    def faults(self) -> list[str]:
        """Say everything that is not as it must be, one sentence each."""
        found = [*self.static]
        found += [f"request outside: {url}" for url in self.gather("outside")]
        found += [f"error: {message}" for message in self.gather("errors")]
        for name in VIEWS:
            view = self.views.get(name)
            if view is None:
                found.append(f"{name}: was not looked at")
                continue
            if view["sideways"] > 0:
                found.append(f"{name}: {view['sideways']} px wider than the window")
            found += list(self.violations(name))
        if self.bytes > MAX_BYTES.get(self.page, self.bytes):
            limit = MAX_BYTES[self.page] / 1e6
            found.append(f"weighs {self.bytes / 1e6:.2f} MB, at most {limit} MB")
        low = [f"{name} {score}" for name, score in self.scores.items() if score < 100]
        if low:
            found.append(f"Lighthouse: {', '.join(low)}: {'; '.join(self.short)}")
        return found

    def violations(self, view: str) -> Iterator[str]:
        """Say which rules a view breaks, how often and where first."""
        places: dict[str, list[dict]] = {}
        for violation in self.views[view]["violations"]:
            places.setdefault(violation["rule"], []).append(violation)
        for rule, broken in places.items():
            times = f" ({len(broken)} times)" if len(broken) > 1 else ""
            first = f"{broken[0]['help']}: {broken[0]['where']}: {broken[0]['html']}"
            yield f"{view}: axe {rule}{times}: {first}"

    def row(self) -> list[str]:
        """Lay the page out as cells of the table."""
        views = [self.views[name] for name in VIEWS if name in self.views]
        links = [f for f in self.static if "link" in f or "fragment" in f]
        return [
            self.page,
            str(len(self.gather("outside"))),
            str(len(self.gather("errors"))),
            "/".join(str(len(view["violations"])) for view in views),
            str(len(links)),
            f"{self.bytes / 1e6:.2f} MB",
            "/".join(str(self.scores[c]) for c in CATEGORIES if c in self.scores),
        ]


HEADS = ["page", "outside", "errors", "axe", "dead", "weight", "Lighthouse"]


def as_table(rows: Iterable[Sequence[str]]) -> str:
    """Align rows of cells into columns."""
    rows = [HEADS, *rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def look(site: Path, pages: Sequence[str], installed: Path) -> list[Seen]:
    """Open pages of a site in the browser.

    Args:
        site: Folder of the built site.
        pages: Addresses below it.
        installed: Folder of what drives the browser.

    Returns:
        What was seen, in the order of the pages.
    """
    static = static_faults(site)
    seen = {page: Seen(page, static=static[page]) for page in pages}
    scored = [page for page in SCORED if page in seen]
    with served(site) as address:
        request = {
            "site": str(site.resolve()),
            "bases": [site.resolve().as_uri() + "/", address],
            "pages": list(pages),
            "lighthouse": {"pages": scored, "categories": CATEGORIES},
        }
        for line in drive(request, installed):
            seen[line["page"]].add(line)
    return list(seen.values())


def main(arguments: Sequence[str]) -> int:
    """Look at a site, print the table and what is wrong; 1 where something is."""
    parser = argparse.ArgumentParser(prog="check", description=__doc__.splitlines()[0])
    parser.add_argument("site", type=Path)
    parser.add_argument("--page", action="append", help="this page only; repeatable")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    if not (options.site / "index.html").is_file():
        sys.stderr.write(f"check: no book in {options.site}: run `make book` first\n")
        return 1
    try:
        installed = install(ROOT / "_build" / "browser")
        pages = options.page or pages_of(options.site)
        seen = look(options.site, pages, installed)
    except BrowserError as error:
        sys.stderr.write(f"check: {error}\n")
        return 1
    print(f"axe: {', '.join(VIEWS)}; Lighthouse: {', '.join(CATEGORIES)}")
    print(as_table(page.row() for page in seen))
    faults = [f"{page.page}: {fault}" for page in seen for fault in page.faults()]
    faults += private_faults(options.site, private_words(ROOT))
    sys.stderr.writelines(f"{fault}\n" for fault in faults)
    seconds = time.monotonic() - started
    print(f"{len(seen)} pages, {len(faults)} faults, {seconds:.0f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
