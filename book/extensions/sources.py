"""Where the book's numbers come from: the ledger, results files, profiles."""

import json
from pathlib import Path

import pandas as pd
from sphinx.environment import BuildEnvironment

from chexnomaly.claims.ledger import LEDGER, load_ledger
from chexnomaly.errors import InputError
from chexnomaly.results import read_result
from chexnomaly.workspace import Workspace


def root_of(env: BuildEnvironment) -> Path:
    """Give the checkout: the folder above the book's sources."""
    return Path(env.srcdir).parent


def results_folders(env: BuildEnvironment) -> list[Path]:
    """List the folders that may hold results, the first that has one giving it."""
    return Workspace(env.config.chexnomaly_profile, root_of(env)).results_folders


def result_files(env: BuildEnvironment) -> dict[str, Path]:
    """Find every results file, `<system>__<set>` to path."""
    found: dict[str, Path] = {}
    for folder in results_folders(env):
        for path in sorted(folder.glob("*__*.json")):
            if not path.name.endswith(".stamp.json"):
                found.setdefault(path.stem, path)
    return found


def load_result(env: BuildEnvironment, key: str) -> dict:
    """Read one results file and note that the page depends on it.

    Raises:
        KeyError: There is no such file, here or in the reference.
        InputError: The file cannot be used.
    """
    files = result_files(env)
    if key not in files:
        known = ", ".join(files) or "none: run the notebooks first"
        raise KeyError(f"no results {key!r}; there are: {known}")
    env.note_dependency(str(files[key]))
    return read_result(files[key])


def load_value(env: BuildEnvironment, address: str) -> tuple[dict, dict]:
    """Look up one measured value.

    Args:
        env: Sphinx's environment.
        address: `<system>__<set>:<key>`.

    Returns:
        The results file's fields, and the value's own (value, low, high, n).

    Raises:
        KeyError: There is no such file or key.
    """
    key, _, name = address.partition(":")
    result = load_result(env, key)
    if name not in result["values"]:
        known = ", ".join(result["values"])
        raise KeyError(f"{key!r} has no value {name!r}; it has: {known}")
    return result, result["values"][name]


def metadata_of(env: BuildEnvironment, docname: str) -> dict:
    """Give the metadata of an executed notebook; empty for a page of another kind."""
    page = Path(env.doc2path(docname))
    if page.suffix != ".ipynb":
        return {}
    return json.loads(page.read_text(encoding="utf-8"))["metadata"]


def ledger(env: BuildEnvironment) -> pd.DataFrame:
    """Read the ledger, indexed by id, and note that the page depends on it."""
    env.note_dependency(str(LEDGER))
    return load_ledger().set_index("id")


def results_of_notebook(env: BuildEnvironment, notebook: str) -> list[dict]:
    """Read every result that one notebook measured; unusable files are left out."""
    found = []
    for key in result_files(env):
        try:
            result = load_result(env, key)
        except InputError:
            continue
        if result["notebook"] == notebook:
            found.append(result)
    return found
