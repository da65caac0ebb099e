"""Public real films, where a folder of them is at hand: for aggregates only."""

from pathlib import Path

import numpy as np

from chexnomaly.datasets.store.images import read_image
from chexnomaly.datasets.store.resize import resize_square
from chexnomaly.errors import ImageError

FILM_ENDINGS = (".png", ".jpg", ".jpeg", ".dcm")
FOLDERS = ("images", "dicom")
"""Folders that hold films; masks and annotations lie elsewhere."""


def film_files(root: Path) -> list[Path]:
    """List the films below a folder, one of each file name.

    Args:
        root: Such as the folder in CHEXNOMALY_REAL_DATA.

    Returns:
        Files in folders called "images" or "dicom", sorted; a film that two
        collections share by name counts once, and links are left out.
    """
    found: dict[str, Path] = {}
    for path in sorted(root.rglob("*")):
        wanted = path.suffix.lower() in FILM_ENDINGS and path.parent.name in FOLDERS
        if wanted and path.is_file() and not path.is_symlink():
            found.setdefault(path.name, path)
    return list(found.values())


def read_films(files: list[Path], size: int) -> list[np.ndarray]:
    """Read films as squares.

    Args:
        files: Films of any kind.
        size: Side, px.

    Returns:
        (size, size) each, in [0, 1]; a file that cannot be read is left out.
    """
    films = []
    for file in files:
        try:
            films.append(resize_square(read_image(file), size))
        except ImageError:
            continue
    return films
