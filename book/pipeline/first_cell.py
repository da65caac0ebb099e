"""Keeps the cell in front of every notebook that fetches the book where it is missing.

    python -m book.pipeline.first_cell

The repository's address stands in `pyproject.toml` alone; this copies it into the
notebooks, since a notebook opened on Colab has nothing else beside it. `make format`
runs it.
"""

import json
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
TAGS = ["install", "remove-cell"]
CODE = """\
# Where the book is not installed, on Colab say, this fetches it; elsewhere nothing.
import os
import sys
from importlib.util import find_spec

repository = "{address}"
if find_spec("chexnomaly") is None:
    assert repository, "chexnomaly is not installed: see README.md"
    !git clone --quiet --depth 1 {{repository}} chexnomaly-book
    %pip install --quiet --editable chexnomaly-book
    os.chdir("chexnomaly-book/notebooks")
    sys.path.insert(0, os.path.abspath(".."))"""


def address_of(root: Path) -> str:
    """Read the repository's address; empty where none is decided."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return project["project"].get("urls", {}).get("Repository", "").rstrip("/")


def put_first(notebook: dict, name: str, address: str) -> dict:
    """Give a notebook its first cell, or renew the one it has.

    Args:
        notebook: A notebook's JSON; changed in place.
        name: Its name, such as `03_supermodels`.
        address: The repository's address.

    Returns:
        The same notebook.
    """
    cells = [c for c in notebook["cells"] if "install" not in _tags(c)]
    first = next(i for i, cell in enumerate(cells) if cell["cell_type"] == "code")
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": f"{name.replace('_', '-')[:40]}-install",
        "metadata": {"tags": TAGS},
        "outputs": [],
        "source": CODE.format(address=address).splitlines(keepends=True),
    }
    notebook["cells"] = [*cells[:first], cell, *cells[first:]]
    return notebook


def _tags(cell: dict) -> list[str]:
    return cell["metadata"].get("tags", [])


def main() -> int:
    """Renew the first cell of every notebook that differs."""
    address = address_of(ROOT)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        before = path.read_text(encoding="utf-8")
        after = put_first(json.loads(before), path.stem, address)
        text = json.dumps(after, indent=1, ensure_ascii=False) + "\n"
        if text != before:
            path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
