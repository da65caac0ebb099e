"""What can be told of a built site without a browser: links, heads of pages, privacy.

Every address inside the site has to lead somewhere, from a server as from the disk:
files, fragments, pictures and their variants. Nothing is loaded from outside. No film
of a patient is shown without its attribution.
"""

import getpass
import os
import re
import socket
from collections.abc import Iterable, Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

LOADS = {"script", "img", "iframe", "source", "video", "audio", "object", "embed"}
TEXT = {".html", ".js", ".css", ".svg", ".json", ".txt", ".ipynb", ".md", ".cff"}
GENERATED = {"_static", "_sources"}
PROVIDER = "https://nihcc.app.box.com/v/ChestXray-NIHCC"
"""What NIH asks to be linked to wherever a film of its patients is shown."""


class Page(HTMLParser):
    """One page's ids, addresses and metadata, as they stand in its HTML."""

    def __init__(self, path: Path):
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.meta: dict[str, str] = {}
        self.of_patients = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element is called and what it points at."""
        given = {name: value or "" for name, value in attrs}
        said = given.get("alt", "").lower().replace("computed chest film", "")
        tagged = "tag_patients" in given.get("class", "").split()
        self.of_patients |= tagged or "chest film" in said
        self.ids.update(given[k] for k in ("id", "name") if given.get(k))
        if tag == "meta":
            key = given.get("http-equiv") or given.get("name") or given.get("property")
            self.meta[str(key).lower()] = given.get("content", "")
        address = given.get("href", given.get("xlink:href"))
        rel = given.get("rel", "").split()
        if address is not None and (tag in ("link", "image", "use")):
            asks = tag != "link" or {"stylesheet", "icon", "preload"} & set(rel)
            (self.loaded if asks else self.links).append(address)
        elif address is not None:
            self.links.append(address)
        if tag in LOADS:
            self.loaded += [given[k] for k in ("src", "data", "poster") if k in given]
            sources = given.get("srcset", "").split(",")
            self.loaded += [part.split()[0] for part in sources if part.strip()]


def pages_of(site: Path) -> list[str]:
    """List a site's pages, as addresses below its root, the front page first."""
    found = [path.relative_to(site) for path in site.rglob("*.html")]
    names = [str(path) for path in found if path.parts[0] not in GENERATED]
    return sorted(names, key=lambda name: (name != "index.html", name))


def static_faults(site: Path) -> dict[str, list[str]]:
    """Look through every page of a site.

    Args:
        site: Folder of the built site.

    Returns:
        Page to one sentence per fault; pages without one are there, with none.
    """
    read = cache(Page)
    return {
        name: [*_link_faults(site, name, read), *_page_faults(read(site / name))]
        for name in pages_of(site)
    }


def _link_faults(site: Path, name: str, read) -> Iterator[str]:
    page = read(site / name)
    for address in page.loaded:
        if address.startswith(("http:", "https:", "//")):
            yield f"loads from outside: {address}"
    for address in dict.fromkeys([*page.links, *page.loaded]):
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        if address.startswith("/"):
            yield f"link that works on a server only: {address}"
            continue
        path, fragment = urldefrag(address)
        file = (site / name).parent / unquote(urlsplit(path).path or Path(name).name)
        if not file.is_file():
            yield f"dead link: {address}"
        elif fragment and file.suffix == ".html":
            if unquote(fragment) not in read(Path(os.path.normpath(file))).ids:
                yield f"dead fragment: {address}"


def _page_faults(page: Page) -> Iterator[str]:
    if page.of_patients and not ("film-credit" in page.ids and PROVIDER in page.links):
        yield "a film of a patient without its attribution"
    if "default-src" not in page.meta.get("content-security-policy", ""):
        yield "no Content-Security-Policy"
    if not page.meta.get("description"):
        yield "no description for search engines"


def private_words(checkout: Path) -> dict[str, re.Pattern]:
    """Say what must never stand on a page: this machine's names and folders.

    A user name that is also an English word or that is too short to tell apart is
    looked for in paths alone.

    Args:
        checkout: The project's folder on this machine.

    Returns:
        What it is, to a pattern that finds it.
    """
    paths = {str(checkout.resolve()), str(Path.home())} - {"/"}
    folders = "|".join(map(re.escape, sorted(paths, reverse=True)))
    words = {
        "a folder of this machine": rf"(?:{folders})(?![\w-])",
        "somebody's home": r"/(?:home|Users)/\w+",
    }
    for what, name in (
        ("the host's name", socket.gethostname()),
        ("the user's name", getpass.getuser()),
    ):
        if len(name) >= 5 and name != "localhost":
            words[what] = rf"\b{re.escape(name)}\b"
    return {what: re.compile(pattern) for what, pattern in words.items()}


def private_faults(folder: Path, words: dict[str, re.Pattern]) -> Iterable[str]:
    """Look through every text file below a folder for private words."""
    for path in sorted(folder.rglob("*")):
        if path.suffix not in TEXT or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for what, pattern in words.items():
            if found := pattern.search(text):
                yield f"{path.relative_to(folder)} holds {what}: {found[0]}"
