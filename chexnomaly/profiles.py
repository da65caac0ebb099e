"""Profiles: how large everything is, read from `notebooks/profiles/<profile>.yml`.

A file's `parameters` hold one section per notebook and one named `training`, which all
notebooks share. A notebook's own section wins over it, and what a profile leaves out is
as in the profile `demo`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from chexnomaly.errors import ProfileError
from chexnomaly.workspace import project_root

PROFILE_KEYS = {"profile", "about", "deviations", "parameters"}
DEVIATION_KEYS = {"item", "register", "here", "why"}

BASE = "demo"
"""The profile that gives what others leave out."""

SHARED = "training"
"""The section that all notebooks share."""


@dataclass(frozen=True)
class Profile:
    """One file of `notebooks/profiles/`.

    Attributes:
        name: Its name, that of the file.
        about: One sentence.
        deviations: Where it leaves the decision register; each a mapping with the
            keys item, register, here, why.
        parameters: Per notebook, its parameters; those that all share under `SHARED`.
        path: The file.
    """

    name: str
    about: str
    deviations: list[dict]
    parameters: dict[str, dict]
    path: Path

    def section(self, notebook: str) -> dict:
        """Give what this file says for one notebook, and the profile's name."""
        shared = self.parameters.get(SHARED, {})
        return {"profile": self.name, **shared, **self.parameters.get(notebook, {})}

    def settings(self, notebook: str, **chosen) -> SimpleNamespace:
        """Give all that holds for one notebook.

        Args:
            notebook: Its name.
            **chosen: What its parameters cell holds; it wins.

        Returns:
            A value by name; what this file leaves out is as in the profile `demo`.

        Raises:
            ProfileError: The profile `demo` cannot be read.
        """
        base = load_profile(self.path.with_stem(BASE)).section(notebook)
        return SimpleNamespace(**{**base, **self.section(notebook), **chosen})

    def as_yaml(self, notebook: str, known: Collection[str]) -> str:
        """Render what one notebook is given on one line, for papermill's `-y`.

        Args:
            notebook: Its name.
            known: The names in its parameters cell; others are not given.

        Returns:
            YAML in flow style.
        """
        import yaml  # a machine that only trains need not have it

        given = {k: v for k, v in self.section(notebook).items() if k in known}
        text = yaml.safe_dump(given, default_flow_style=True, width=float("inf"))
        return text.strip()


def open_profile(name: str) -> Profile:
    """Read a profile of the checkout that the current folder lies in, by its name.

    Raises:
        ProfileError: See `load_profile`.
    """
    return load_profile(project_root() / "notebooks" / "profiles" / f"{name}.yml")


def load_profile(path: Path) -> Profile:
    """Read and check one profile file.

    Raises:
        ProfileError: It is missing, no YAML, or its keys are not those of a profile.
    """
    import yaml

    if not path.is_file():
        others = ", ".join(sorted(p.stem for p in path.parent.glob("*.yml")))
        raise ProfileError("no such profile", file=path, expected=f"one of: {others}")
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ProfileError(f"not YAML: {error}", file=path) from error
    _require_keys(path, None, raw, PROFILE_KEYS)
    if raw["profile"] != path.stem:
        problem = "is another name than the file's"
        raise ProfileError(problem, file=path, column="profile")
    about, deviations = raw["about"], raw["deviations"] or []
    parameters = raw["parameters"] or {}
    _require(path, "about", about, str, "a sentence")
    _require(path, "deviations", deviations, list, "a list")
    _require(path, "parameters", parameters, dict, "notebooks, by name")
    for name, section in parameters.items():
        where = f"parameters.{str(name)!a:.60}"
        _require(path, where, name, str, "the name of a notebook")
        _require(path, where, section or {}, dict, "parameters, by name")
    for entry in deviations:
        _require_keys(path, "deviations", entry, DEVIATION_KEYS)
    sections = {name: section or {} for name, section in parameters.items()}
    return Profile(path.stem, about, deviations, sections, path)


def _require(path: Path, column: str, value: object, kind: type, words: str) -> None:
    if not isinstance(value, kind):
        problem = f"is of type {type(value).__name__}"
        raise ProfileError(problem, file=path, column=column, expected=words)


def _require_keys(path: Path, column: str | None, value: object, keys: set) -> None:
    if not isinstance(value, dict) or set(value) != keys:
        expected = ", ".join(sorted(keys))
        raise ProfileError("wrong keys", file=path, column=column, expected=expected)
