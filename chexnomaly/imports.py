"""Which files a piece of code depends on, found by following its imports."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

LIBRARY = "chexnomaly"
ROOT = Path(__file__).parents[1]


@cache
def imported_names(code: str) -> tuple[str, ...]:
    """Name everything of our own package that some code may import.

    Args:
        code: Python source; its imports are written in full. The same is parsed once.

    Returns:
        Dotted names; of `from a import b` both `a` and `a.b`, since `b` may be a
        module.
    """
    names: list[str] = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return tuple(name for name in names if name.split(".")[0] == LIBRARY)


def files_of(name: str, root: Path = ROOT) -> Iterator[Path]:
    """Find the files that importing one dotted name runs: it and its parents."""
    path = root
    for part in name.split("."):
        path /= part
        files = (path / "__init__.py", path.with_suffix(".py"))
        yield from (file for file in files if file.is_file())


def follow(
    names: Iterable[str], root: Path = ROOT, without: Iterable[str] = ()
) -> set[Path]:
    """Follow imports through the library.

    Args:
        names: Dotted names to start from.
        root: The folder that the package lies in.
        without: Dotted names of modules that are neither taken nor followed.

    Returns:
        Every file of the library that importing the names runs, directly or not.
    """
    barred = {file for name in without for file in list(files_of(name, root))[-1:]}
    found, waiting, seen = set[Path](), {*names}, set[str]()
    while waiting:
        seen.add(name := waiting.pop())
        for file in set(files_of(name, root)) - found - barred:
            found.add(file)
            waiting |= {*imported_names(file.read_text(encoding="utf-8"))} - seen
    return found
