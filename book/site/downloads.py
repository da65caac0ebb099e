"""Put a file that is made after the pages beside them, and show its button.

    python -m book.site.downloads SITE FILE [FILE ...]

The landing page holds a hidden place for each, `data-built="<name>"`.
"""

import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path


def publish(site: Path, file: Path) -> None:
    """Copy a file to the root of the site and make a button of its place there.

    Args:
        site: Folder with `index.html`.
        file: What can be downloaded.

    Raises:
        ValueError: The landing page has no place for it.
    """
    page = site / "index.html"
    html = page.read_text(encoding="utf-8")
    name = re.escape(file.name)
    place = re.compile(rf'<span data-built="{name}" hidden>(.*?)</span>')
    button = rf'<a class="action" data-built="{file.name}" href="{file.name}">\1</a>'
    html, made = place.subn(button, html)
    if not made and f'href="{file.name}"' not in html:
        raise ValueError(f"{page} has no place for {file.name}")
    if file.resolve() != (site / file.name).resolve():
        shutil.copyfile(file, site / file.name)
    page.write_text(html, encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Publish each file; see the module's docstring."""
    site, *files = map(Path, arguments)
    for file in files:
        publish(site, file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
