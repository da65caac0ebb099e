"""Put a file that is made after the pages beside them, and show its button.

    python -m book.tools.downloads SITE FILE [FILE ...]

The landing page holds a hidden button for each download, `data-built="<name>"`.
"""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path


def publish(site: Path, file: Path) -> None:
    """Copy a file to the root of the site and show its button there.

    Args:
        site: Folder with `index.html`.
        file: What can be downloaded.

    Raises:
        ValueError: The landing page has no button for it.
    """
    page = site / "index.html"
    html = page.read_text(encoding="utf-8")
    button = f'data-built="{file.name}"'
    if button not in html:
        raise ValueError(f"{page} has no button for {file.name}")
    if file.resolve() != (site / file.name).resolve():
        shutil.copyfile(file, site / file.name)
    page.write_text(html.replace(f"{button} hidden", button), encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Publish each file; see the module's docstring."""
    site, *files = map(Path, arguments)
    for file in files:
        publish(site, file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
