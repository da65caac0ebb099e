"""Refusal of profiles that name what no notebook knows.

papermill only warns about an unknown parameter and goes on, so names and types are
compared with each notebook's parameters cell before anything runs.
"""

import ast
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import chexnomaly
from chexnomaly.errors import ProfileError
from chexnomaly.profiles import BASE, SHARED, Profile, load_profile

OPTIONS = ("systems/options.py", "training/schedule.py")
"""Modules of the package that declare the options of a training, and nothing else
with a value. They are read, not run: importing them imports torch, which takes seconds.
"""


def annotated(nodes: Iterable[ast.AST]) -> dict:
    """Read the names that code annotates, with their values: `n: int = 3`."""
    declared = (node for node in nodes if isinstance(node, ast.AnnAssign))
    return {node.target.id: ast.literal_eval(node.value) for node in declared}


def parameters_cell(notebook: Path) -> dict:
    """Read the defaults in a notebook's parameters cell; empty where it has none."""
    cells = json.loads(notebook.read_text(encoding="utf-8")).get("cells", [])
    tagged = [c for c in cells if "parameters" in c["metadata"].get("tags", [])]
    return annotated(ast.parse("".join(tagged[0]["source"]) if tagged else "").body)


def training_options() -> dict:
    """List the options of a training with their defaults."""
    found = {}
    for file in OPTIONS:
        text = (Path(chexnomaly.__file__).parent / file).read_text(encoding="utf-8")
        nodes = ast.walk(ast.parse(text))
        # what is made anew for each object is a call, and no option
        plain = (n for n in nodes if not isinstance(getattr(n, "value", 0), ast.Call))
        found |= annotated(plain)
    return found


def check_names(profile: Profile, notebooks: Sequence[str]) -> None:
    """Refuse a section for a notebook that does not exist.

    Raises:
        ProfileError: With the notebook's name and those that exist.
    """
    for name in profile.parameters:
        if name not in (SHARED, *notebooks):
            raise ProfileError(
                f"unknown notebook {name!r}",
                file=profile.path,
                column="parameters",
                expected=f"one of: {', '.join(notebooks)}",
            )


def check_section(
    profile: Profile, notebook: str, known: Mapping, options: Mapping
) -> None:
    """Compare what one notebook is told with what it knows.

    Args:
        profile: The profile.
        notebook: The notebook's name.
        known: Names and defaults in its parameters cell.
        options: Further names that a profile may hold, with values of their types.

    Raises:
        ProfileError: A parameter is unknown, or of another type than its default.
    """
    defaults = {**options, **known}
    for name, value in profile.section(notebook).items():
        where = {"file": profile.path, "column": f"parameters.{notebook}.{name}"}
        if name not in defaults:
            names = ", ".join(sorted(known)) or "none: it has no parameters cell"
            expected = f"{names}; or an option of a training"
            raise ProfileError("unknown parameter", expected=expected, **where)
        kind = type(defaults[name])
        kind = list if kind is tuple else kind
        if type(value) is not kind and (kind, type(value)) != (float, int):
            raise ProfileError(
                f"{value!r} is of type {type(value).__name__}",
                expected=f"{kind.__name__} (YAML reads 1e-3 as text: 1.0e-3)",
                **where,
            )


def check_profile(profile: Profile, notebooks: Mapping[str, Path]) -> None:
    """Refuse a profile that names a notebook or parameter that does not exist.

    Args:
        profile: The profile.
        notebooks: Name to file of every notebook.

    Raises:
        ProfileError: See `check_names` and `check_section`.
    """
    check_names(profile, list(notebooks))
    options, base = training_options(), load_profile(profile.path.with_stem(BASE))
    for name, path in notebooks.items():
        # What notebooks read beside these, the base profile holds.
        known = {**options, **base.section(name)}
        check_section(profile, name, parameters_cell(path), known)
