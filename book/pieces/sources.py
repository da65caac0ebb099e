"""Where the book's numbers come from: results files, executed notebooks, pages."""

import json
import tomllib
from contextlib import suppress
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

from chexnomaly.errors import InputError
from chexnomaly.results import read_result
from chexnomaly.workspace import Workspace

RENDERED = "rendered"
"""Folder below the book's pages that holds the rendered pieces."""


class Results:
    """The results of a build and those committed, found and read once.

    Args:
        workspace: The folders of the profile that is built.
    """

    def __init__(self, workspace: Workspace):
        self.workspace = workspace

    @cached_property
    def files(self) -> dict[str, Path]:
        """Every results file by its key, `<system>__<set>`.

        One that hides behind another of its name, such as a study's behind the
        build's, is `<folder>/<system>__<set>`.
        """
        found: dict[str, Path] = {}
        for folder in self.workspace.results_folders:
            for path in sorted(folder.glob("*__*.json")):
                if not path.name.endswith(".stamp.json"):
                    hidden = f"{folder.name}/" if path.stem in found else ""
                    found.setdefault(hidden + path.stem, path)
        return found

    def load(self, key: str) -> dict:
        """Read one results file.

        Raises:
            KeyError: There is no such file, here or in the reference.
            InputError: The file cannot be used.
        """
        if key not in self.files:
            near = ", ".join(get_close_matches(key, self.files, 5, 0))
            near = near or "none: run the notebooks first"
            raise KeyError(f"no results {key!r}; the nearest of them are: {near}")
        return read_result(self.files[key])

    def written_by(self, key: str) -> str:
        """Give the address of the code that wrote a result, below the site's root.

        Returns:
            The notebook's page and, for a result of this build, the line of the cell on
            it; "" where no notebook of the book wrote it.
        """
        notebook = self.load(key)["notebook"]
        if not (self.workspace.root / "notebooks" / f"{notebook}.ipynb").is_file():
            return ""
        stamp = stamp_of(self.workspace.results / f"{key}.json")
        place = [str(stamp[part]) for part in ("cell", "line") if stamp.get(part)]
        anchor = "-".join([f"#{notebook}-cell", *place]) if place else ""
        return f"notebooks/{notebook}.html{anchor}"

    def of_notebook(self, notebook: str) -> list[dict]:
        """Give every result that one notebook measured; unusable ones are left out."""
        return [one for one in self._usable if one["notebook"] == notebook]

    def written_now(self, notebook: str) -> dict[str, Path]:
        """Find what one notebook measured in this build, and no earlier run, by key."""
        found = self.of_notebook(notebook)
        keys = (f"{result['system']}__{result['set']}" for result in found)
        files = {key: self.files[key] for key in keys}
        own = self.workspace.results
        return {key: path for key, path in files.items() if path.parent == own}

    @cached_property
    def _usable(self) -> list[dict]:
        found = []
        for path in (path for key, path in self.files.items() if "/" not in key):
            with suppress(InputError):
                found.append(read_result(path))
        return found


def stamp_of(result: Path) -> dict:
    """Read the stamp beside a results file; empty where there is none."""
    path = result.with_suffix(".stamp.json")
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def metadata_of(page: Path) -> dict:
    """Give the metadata of an executed notebook; empty for a page of another kind."""
    if page.suffix != ".ipynb":
        return {}
    return json.loads(page.read_text(encoding="utf-8"))["metadata"]


def page_with(root: Path, piece: str) -> str | None:
    """Find the page that includes a rendered piece.

    Args:
        root: The checkout.
        piece: File name of the piece.

    Returns:
        The page's name without its ending, below the book's folder; None where no
        page includes it.
    """
    pages = [*(root / "book").glob("*.md"), *(root / "notebooks").glob("*.ipynb")]
    for page in sorted(pages):
        if f"{RENDERED}/{piece}" in page.read_text(encoding="utf-8"):
            return f"{'notebooks/' * (page.suffix == '.ipynb')}{page.stem}"
    return None


def project_of(root: Path) -> dict:
    """Read what pyproject.toml says of the project."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]


def repository_address(root: Path) -> str:
    """Read the repository's address; empty where none is decided."""
    return project_of(root).get("urls", {}).get("Repository", "").rstrip("/")
