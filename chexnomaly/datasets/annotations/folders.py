"""Finding a source's files without ever leaving its folder.

Image ids come from tables, so no path is built from one: folders are listed, and
an id is looked up among the names found. Links are followed only to places inside
the data folder.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from chexnomaly.errors import (
    AnnotationError,
    ImageError,
    InputError,
    Refusal,
    UnsafePathError,
)

SAFE_ID = r"^(?!\.{1,2}$)[^/\\:\x00-\x1f\x7f\ufffd]{1,200}$"
"""What an image id may look like: one plain file name, no separator."""

INSIDE = "a file inside the data folder, reached without a link out of it"

IMAGE_SUFFIXES = frozenset({".dicom", ".dcm", ".png", ".jpg", ".jpeg"})
"""File name endings of images, in lower case."""


def source_name(root: Path, name: str) -> str:
    """Return "phantom" where the folder says that its pixels are synthetic."""
    return "phantom" if (Path(root) / "phantom.json").is_file() else name


def find_file(root: Path, names: Iterable[str]) -> Path | None:
    """Return the first of the named files that exists inside a folder.

    Raises:
        UnsafePathError: The file is a link that leads out of the folder.
    """
    for name in names:
        path = Path(root) / name
        if path.is_file():
            if not _is_inside(path, root):
                raise UnsafePathError("link out of the folder", file=path)
            return path
    return None


def require_file(root: Path, *names: str, expected: str | None = None) -> Path:
    """Return the first of a source's tables that is there.

    Args:
        root: The data set's folder.
        names: Names of the table, the first that exists counts.
        expected: What the refusal says was expected; the names by default.

    Raises:
        AnnotationError: None of them is there.
    """
    path = find_file(root, names)
    if path is None:
        expected = expected or " or ".join(names)
        raise AnnotationError("no annotation table", file=root, expected=expected)
    return path


def scan_images(
    root: Path, folder: str, suffixes: Iterable[str] = IMAGE_SUFFIXES, *, stem=True
) -> tuple[dict[str, Path], list[Refusal]]:
    """List the images of one folder.

    Args:
        root: The data folder; nothing outside it is returned.
        folder: Name of the image folder inside it.
        suffixes: Endings that count as images, lower case; "" for none at all.
        stem: Whether an image's id is its name without the ending, else the whole
            name.

    Returns:
        Image id to file, sorted by id, and what was refused: links out of the
        folder, and ids that two files share (neither is returned).
    """
    base = Path(root) / folder
    if not base.is_dir():
        return {}, []
    if not _is_inside(base, root):
        error = UnsafePathError("link out of the folder", file=base, expected=INSIDE)
        return {}, [Refusal.from_error(error)]
    endings = frozenset(suffixes)
    found: dict[str, list[Path]] = {}
    errors: list[InputError] = []
    for entry in sorted(os.scandir(base), key=lambda entry: entry.name):
        ending = _ending(entry.name, endings)
        if ending is None or not entry.is_file():
            continue
        path = base / entry.name
        if entry.is_symlink() and not _is_inside(path, root):
            problem = "link out of the folder"
            errors.append(UnsafePathError(problem, file=path, expected=INSIDE))
            continue
        name = entry.name[: len(entry.name) - len(ending)] if stem else entry.name
        found.setdefault(name, []).append(path)
    errors += _shared_ids(found)
    images = {name: paths[0] for name, paths in found.items() if len(paths) == 1}
    return images, [Refusal.from_error(error) for error in errors]


def _shared_ids(found: dict[str, list[Path]]) -> list[InputError]:
    return [
        ImageError(
            f"one of {len(paths)} files with the same image id",
            file=path,
            column="image_id",
            expected="one file per image id",
        )
        for paths in found.values()
        if len(paths) > 1
        for path in paths
    ]


def _ending(name: str, endings: frozenset[str]) -> str | None:
    """Return the ending that makes a name an image, or None."""
    if name.startswith("."):
        return None
    suffix = os.path.splitext(name)[1]
    if suffix.lower() in endings:
        return suffix
    return "" if "" in endings else None


def _is_inside(path: Path, root: Path) -> bool:
    real = os.path.realpath(path)
    base = os.path.realpath(root)
    return real == base or real.startswith(base.rstrip(os.sep) + os.sep)
