"""Prints the whole book into one PDF: tagged, with an outline, through a browser.

    python -m book.site.pdf OUT

OUT lies in the built site, whose landing page then shows a button for it.

The pages are laid end to end by Sphinx (`singlehtml`) and printed by Chromium. The
executed notebooks and the rendered pieces must be there: `make book` leaves both.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from book.site.browser import HERE, BrowserError, drive, find_browser, install

ROOT = Path(__file__).parents[2]
WORK = ROOT / "_build" / "pdf"
OPTIONS = json.loads((HERE / "print.json").read_text(encoding="utf-8"))
"""What the browser is told of the paper, margins and page numbers."""


def lay_out(work: Path) -> Path:
    """Build the book as a single page.

    Args:
        work: Folder to build in.

    Returns:
        The page.

    Raises:
        BrowserError: The build failed; says where its log is.
    """
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    program = Path(sys.executable).with_name("jupyter-book")
    command = [str(program), "build", "book", "--all"]
    command += ["--builder", "singlehtml", "--path-output", str(work)]
    log = work / "build.log"
    with log.open("w") as file:
        quiet = os.environ | {"NO_COLOR": "1"}
        run = subprocess.run(command, cwd=ROOT, stdout=file, stderr=file, env=quiet)
    if run.returncode:
        raise BrowserError(f"the book could not be laid out: see {log}")
    return work / "_build" / "singlehtml" / "index.html"


def show_button(page: Path, name: str) -> None:
    """Make a button of the hidden place that the landing page holds for a file.

    Args:
        page: The landing page, which holds `data-built="<name>"`.
        name: The file's name; it lies beside the page.

    Raises:
        ValueError: The page has no place for it.
    """
    html = page.read_text(encoding="utf-8")
    place = re.compile(rf'<span data-built="{re.escape(name)}" hidden>(.*?)</span>')
    button = rf'<a class="action" data-built="{name}" href="{name}">\1</a>'
    html, made = place.subn(button, html)
    if not made and f'href="{name}"' not in html:
        raise ValueError(f"{page} has no place for {name}")
    page.write_text(html, encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Print the book and show its button; 1 where it cannot be done."""
    out = Path(arguments[0])
    if not any((ROOT / "book" / "notebooks").glob("*.ipynb")):
        sys.stderr.write("pdf: no executed notebooks: run `make book` first\n")
        return 1
    try:
        find_browser()
        page = lay_out(WORK)
        job = {"from": page.as_uri(), "to": str(out.resolve()), "options": OPTIONS}
        list(drive({"pdf": job}, install(ROOT / "_build" / "browser")))
    except BrowserError as error:
        sys.stderr.write(f"pdf: {error}\n")
        return 1
    show_button(out.with_name("index.html"), out.name)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
