"""Profiles: what each notebook is told, and a refusal of what none understands.

papermill only warns about an unknown parameter and goes on, so names and types are
compared with each notebook's parameters cell before anything runs.
"""

import ast
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from chexnomaly.errors import ProfileError

KEYS = {"profile", "about", "deviations", "parameters"}
DEVIATION_KEYS = {"item", "register", "here", "why"}


@dataclass(frozen=True)
class Profile:
    """One file of `notebooks/profiles/`.

    Attributes:
        name: Its name, that of the file.
        about: One sentence.
        deviations: Where it leaves the decision register; each a mapping with the
            keys item, register, here, why.
        parameters: Per notebook, the parameters it is given.
        path: The file.
    """

    name: str
    about: str
    deviations: list[dict]
    parameters: dict[str, dict]
    path: Path

    def section(self, notebook: str) -> dict:
        """Give one notebook's parameters; each notebook also gets the profile."""
        return {"profile": self.name, **self.parameters.get(notebook, {})}

    def as_yaml(self, notebook: str, own: Mapping | None = None) -> str:
        """Render one notebook's parameters on one line, for papermill's `-y`.

        Args:
            notebook: Its name.
            own: What this run of it alone is given, over the profile.

        Returns:
            YAML in flow style.
        """
        given = {**self.section(notebook), **(own or {})}
        return yaml.safe_dump(
            given, default_flow_style=True, width=float("inf")
        ).strip()


def load_profile(path: Path) -> Profile:
    """Read and check one profile file.

    Raises:
        ProfileError: It is missing, no YAML, or its keys are not those of a profile.
    """
    if not path.is_file():
        others = ", ".join(sorted(p.stem for p in path.parent.glob("*.yml")))
        raise ProfileError("no such profile", file=path, expected=f"one of: {others}")
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ProfileError(f"not YAML: {error}", file=path) from error
    if not isinstance(raw, dict) or set(raw) != KEYS:
        raise ProfileError("wrong keys", file=path, expected=", ".join(sorted(KEYS)))
    if raw["profile"] != path.stem:
        raise ProfileError(
            "is another name than the file's", file=path, column="profile"
        )
    if not isinstance(raw["about"], str):
        raise ProfileError("no text", file=path, column="about", expected="a sentence")
    _require(path, "deviations", raw["deviations"] or [], list, "a list")
    _require(path, "parameters", raw["parameters"] or {}, dict, "notebooks, by name")
    for name, section in (raw["parameters"] or {}).items():
        where = f"parameters.{str(name)!a:.60}"
        _require(path, where, name, str, "the name of a notebook")
        _require(path, where, section or {}, dict, "parameters, by name")
    for entry in raw["deviations"] or []:
        if not isinstance(entry, dict) or set(entry) != DEVIATION_KEYS:
            raise ProfileError(
                "wrong keys",
                file=path,
                column="deviations",
                expected=", ".join(sorted(DEVIATION_KEYS)),
            )
    parameters = {k: v or {} for k, v in (raw["parameters"] or {}).items()}
    return Profile(
        raw["profile"], raw["about"], raw["deviations"] or [], parameters, path
    )


def _require(path: Path, column: str, value: object, kind: type, words: str) -> None:
    if not isinstance(value, kind):
        problem = f"is of type {type(value).__name__}"
        raise ProfileError(problem, file=path, column=column, expected=words)


def check_names(profile: Profile, notebooks: Sequence[str]) -> None:
    """Refuse a section for a notebook that does not exist.

    Raises:
        ProfileError: With the notebook's name and those that exist.
    """
    for name in profile.parameters:
        if name not in notebooks:
            raise ProfileError(
                f"unknown notebook {name!r}",
                file=profile.path,
                column="parameters",
                expected=f"one of: {', '.join(notebooks)}",
            )


def check_section(
    profile: Profile, notebook: str, known: Mapping[str, Mapping]
) -> None:
    """Compare one notebook's section with its parameters cell.

    Args:
        profile: The profile.
        notebook: The notebook's name.
        known: What `papermill.inspect_notebook` says of it.

    Raises:
        ProfileError: A parameter is unknown, or of another type than its default.
    """
    for name, value in profile.section(notebook).items():
        where = {"file": profile.path, "column": f"parameters.{notebook}.{name}"}
        if name not in known:
            names = ", ".join(sorted(known)) or "none: it has no parameters cell"
            raise ProfileError("unknown parameter", expected=names, **where)
        default = yaml.safe_load(_literal(known[name]["default"]))
        numbers = isinstance(default, float) and type(value) is int
        if default is not None and type(value) is not type(default) and not numbers:
            raise ProfileError(
                f"{value!r} is of type {type(value).__name__}",
                expected=f"{type(default).__name__} (YAML reads 1e-3 as text: 1.0e-3)",
                **where,
            )


def _literal(text: str) -> str:
    """Turn a Python literal into YAML where the two spell it differently."""
    try:
        return yaml.safe_dump(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return "null"


def check_profile(
    profile: Profile, notebooks: Mapping[str, Path], memory: Path
) -> None:
    """Refuse a profile that names a notebook or parameter that does not exist.

    Asking papermill takes seconds, so the answer for the same files is remembered.

    Args:
        profile: The profile.
        notebooks: Name to file of every notebook.
        memory: File that holds the hash of what was last found in order.

    Raises:
        ProfileError: See `check_names` and `check_section`.
    """
    check_names(profile, list(notebooks))
    digest = hashlib.sha256(profile.path.read_bytes())
    for path in notebooks.values():
        digest.update(path.read_bytes())
    if memory.is_file() and memory.read_text() == digest.hexdigest():
        return
    import papermill

    for name, path in notebooks.items():
        check_section(profile, name, papermill.inspect_notebook(str(path)))
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(digest.hexdigest())
