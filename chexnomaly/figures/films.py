"""Films by themselves: a contact sheet, and one film under several readings."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from chexnomaly.datasets.store.images import read_image
from chexnomaly.datasets.store.resize import resize_square
from chexnomaly.evidence import IMAGES, PHANTOM
from chexnomaly.figures.layers import boxes_layer
from chexnomaly.figures.viewer import Panel, Viewer


def figure_films(
    films: Sequence[np.ndarray | None],
    boxes: Sequence[np.ndarray],
    size: int,
    origin: str,
    columns: int = 4,
) -> Viewer:
    """Show a contact sheet of films with their boxes.

    Args:
        films: (H, W) in [0, 1] each; None where a film may not be shown.
        boxes: (N, 4) each, xyxy px of a square of side `size`.
        size: That side, px.
        origin: What the pixels are; only a "phantom" is shown.
        columns: Films per row.

    Returns:
        The films.
    """
    panels = [
        Panel(film, origin, (boxes_layer("readers", corners, (size, size)),))
        for film, corners in zip(films, boxes, strict=True)
    ]
    return Viewer({"": panels}, columns)


def figure_windows(path: Path | None, size_px: int) -> Viewer:
    """Show one film under four readings of "512x512 grayscale" (Section IV-A).

    Args:
        path: The file of a phantom; None where the film may not be shown.
        size_px: Side at which each version is shown, px.

    Returns:
        The four versions.
    """
    names = (
        "minimum to maximum",
        "the file's window",
        "padded to a square",
        "negative",
    )
    if path is None:
        return Viewer({"": [Panel(None, IMAGES, (), name) for name in names]})
    film = read_image(path)
    versions = film, read_image(path, window="voi"), pad_to_square(film), 1 - film
    panels = [
        Panel(resize_square(version, size_px), PHANTOM, (), name)
        for version, name in zip(versions, names, strict=True)
    ]
    return Viewer({"": panels})


def pad_to_square(film: np.ndarray) -> np.ndarray:
    """Center a film on a black square of its longer side; (H, W) to (M, M)."""
    height, width = film.shape
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    rows, columns = (top, side - height - top), (left, side - width - left)
    return np.pad(film, (rows, columns))
