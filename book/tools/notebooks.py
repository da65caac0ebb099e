"""What the pipeline must know about a notebook without running it."""

import ast
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "chexnomaly"


def source_hash(notebook: Path) -> str:
    """Hash a notebook's file: the SHA-256 of its bytes, in hex."""
    return hashlib.sha256(notebook.read_bytes()).hexdigest()


def code_of(notebook: Path) -> str:
    """Join a notebook's code cells, without IPython's magic and shell lines."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    return "\n".join(
        line for line in code.splitlines() if line.lstrip()[:1] not in ("%", "!")
    )


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
        yield from (name for name in names if name.split(".")[0] == PACKAGE)


def _base_of(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    parents = parts[: len(parts) - node.level + 1]
    return ".".join([*parents, *([node.module] if node.module else [])])


def files_of(name: str, root: Path) -> Iterator[Path]:
    """Find the files that importing one dotted name runs: it and its parents."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        path = root.joinpath(*parts[:depth])
        for file in (path / "__init__.py", path.with_suffix(".py")):
            if file.is_file():
                yield file


def data_of(module: Path, code: str) -> Iterator[Path]:
    """Find the tables beside a module that its code names, such as `claims.csv`."""
    for node in ast.walk(ast.parse(code)):
        value = getattr(node, "value", None)
        if isinstance(value, str) and value.endswith(".csv"):
            if module.with_name(Path(value).name).is_file():
                yield module.with_name(Path(value).name)


def modules_used(notebook: Path, root: Path) -> list[Path]:
    """Follow a notebook's imports through the library.

    Args:
        notebook: A notebook file.
        root: The checkout.

    Returns:
        Every library file the notebook runs, directly or not, and the tables beside
        them that they read; sorted.
    """
    found: set[Path] = set()
    data: set[Path] = set()
    waiting = list(imported_names(code_of(notebook)))
    while waiting:
        for file in set(files_of(waiting.pop(), root)) - found:
            found.add(file)
            code = file.read_text(encoding="utf-8")
            data.update(data_of(file, code))
            package = ".".join(file.relative_to(root).parent.parts)
            waiting.extend(imported_names(code, package))
    return sorted(found | data)
