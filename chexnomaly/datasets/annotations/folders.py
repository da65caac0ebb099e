"""Finding a source's files without ever leaving its folder.

Image ids come from tables, so no path is built from one: folders are listed, and
an id is looked up among the names found. Links are followed only to places inside
the data folder.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from chexnomaly.errors import AnnotationError, Refusal, UnsafePathError

SAFE_ID = r"^(?!\.{1,2}$)[^/\\:\x00-\x1f\x7f\ufffd]{1,200}$"
"""What an image id may look like: one plain file name, no separator."""

INSIDE = "a file inside the data folder, reached without a link out of it"

IMAGE_SUFFIXES = frozenset({".dicom", ".dcm", ".png", ".jpg", ".jpeg", ".webp"})
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
    base, endings = Path(root) / folder, frozenset(suffixes)
    if not base.is_dir():
        return {}, []
    if not _is_inside(base, root):
        return {}, [_linked_out(base)]
    found: dict[str, list[Path]] = {}
    refused = []
    for entry in sorted(os.scandir(base), key=lambda entry: entry.name):
        name, ending = os.path.splitext(entry.name)
        if ending.lower() not in endings:
            name, ending = entry.name, ""
        if entry.name.startswith(".") or ending.lower() not in endings:
            continue
        path = base / entry.name
        if entry.is_symlink() and entry.is_file() and not _is_inside(path, root):
            refused.append(_linked_out(path))
        elif entry.is_file():
            found.setdefault(name if stem else entry.name, []).append(path)
    for paths in found.values():
        if len(paths) > 1:
            problem = f"one of {len(paths)} files with the same image id"
            rule = (None, "image_id", problem, "one file per image id")
            refused += [Refusal("ImageError", str(path), *rule) for path in paths]
    images = {name: paths[0] for name, paths in found.items() if len(paths) == 1}
    return images, refused


def _linked_out(path: Path) -> Refusal:
    what = (None, None, "link out of the folder", INSIDE)
    return Refusal("UnsafePathError", str(path), *what)


def _is_inside(path: Path, root: Path) -> bool:
    real = os.path.realpath(path)
    base = os.path.realpath(root)
    return real == base or real.startswith(base.rstrip(os.sep) + os.sep)
