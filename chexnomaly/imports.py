"""Which files a piece of code depends on, found by following its imports."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

LIBRARY = "chexnomaly"
ROOT = Path(__file__).parents[1]


def imported_names(code: str, package: str = "") -> Iterator[str]:
    """Name everything of our own package that some code may import.

    Args:
        code: Python source.
        package: Dotted name of the package the code lies in, for relative imports.

    Yields:
        Dotted names; of `from a import b` both `a` and `a.b`, since `b` may be a
        module.
    """
    for node in ast.walk(ast.parse(code)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _base_of(node, package)
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        yield from (name for name in names if name.split(".")[0] == LIBRARY)


def _base_of(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    parents = parts[: len(parts) - node.level + 1]
    return ".".join([*parents, *([node.module] if node.module else [])])


def files_of(name: str, root: Path = ROOT) -> Iterator[Path]:
    """Find the files that importing one dotted name runs: it and its parents."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        path = root.joinpath(*parts[:depth])
        for file in (path / "__init__.py", path.with_suffix(".py")):
            if file.is_file():
                yield file


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
    found: set[Path] = set()
    waiting = list(names)
    while waiting:
        for file in set(files_of(waiting.pop(), root)) - found - barred:
            found.add(file)
            package = ".".join(file.relative_to(root).parent.parts)
            waiting += imported_names(file.read_text(encoding="utf-8"), package)
    return found
