"""JupyterLab shows in words what roles fetch; the files keep their roles."""

import re
from pathlib import Path
from types import SimpleNamespace as Plain

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

from book.extensions import roles
from chexnomaly.errors import InputError
from chexnomaly.workspace import project_root

ROLE = re.compile(rf"\{{({'|'.join([*roles.ROLES, 'ref', 'doc'])})\}}`([^`]+)`")
AS_SAVED = "in_the_file"
"""Key of a cell's metadata: its text with roles, and the text that was shown."""


def in_words(text: str, root: Path, profile: str = "demo") -> str:
    """Put what roles fetch in their places.

    Args:
        text: Markdown.
        root: The checkout.
        profile: Whose results are read.

    Returns:
        The same; what was not measured is said to be so.
    """
    config, source = Plain(chexnomaly_profile=profile), root / "book"
    env = Plain(config=config, srcdir=source, docname="", found_docs=())

    def said(match: re.Match) -> str:
        name, asked = match.groups()
        if name in ("ref", "doc"):
            return asked.partition(" <")[0].replace("-", " ")
        try:
            told = roles.ROLES[name](env, asked).astext()
            return re.sub(r"(?<=[\d\]]) ([a-z-]+)$", r" (\1)", told)
        except (InputError, KeyError):
            return "(not measured yet)"

    return ROLE.sub(said, text)


class PlainNotebooks(AsyncLargeFileManager):
    """Opens notebooks in words; saves each text that nobody changed as it was."""

    async def get(self, path: str, *given: object, **how: object) -> dict:
        """Read a file for JupyterLab."""
        model = await super().get(path, *given, **how)
        for cell in _texts(model):
            shown = in_words(cell["source"], project_root(Path(self.root_dir)))
            if shown != cell["source"]:
                cell["metadata"][AS_SAVED] = [cell["source"], shown]
                cell["source"] = shown
        return model

    async def save(self, model: dict, path: str = "") -> dict:
        """Write what JupyterLab holds."""
        for cell in _texts(model):
            kept, shown = cell["metadata"].pop(AS_SAVED, ("", None))
            if cell["source"] == shown:
                cell["source"] = kept
        return await super().save(model, path)


def _texts(model: dict) -> list[dict]:
    """Give the cells of prose of a notebook; none of another file."""
    notebook = model.get("type") == "notebook" and model.get("content") or {"cells": []}
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
