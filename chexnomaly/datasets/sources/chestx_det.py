"""ChestX-Det: boxes and outlines of thirteen findings on 3,578 films of NIH.

Its JSON has {"file_name", "syms", "boxes", "polygons"} for each film, in pixels of
the 1024 x 1024 film. A film without a finding was looked at, and has none of the
thirteen; that does not make it healthy. The download has numbers of its own for file
names; the names that its older list (ChestX-Det10) gives the same films are NIH's.
Thirty-five films came later, and no list names them.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from skimage.draw import polygon2mask

from chexnomaly.datasets.annotations.findings import BOX
from chexnomaly.datasets.sources.coco import attempt, load_json, parse_entries
from chexnomaly.errors import Refusal
from chexnomaly.labels import FINDING_OF_NAME, NO_FINDING

FILES = ("chestx-det.json", "ChestX_Det_train.json", "ChestX_Det_test.json")

FRAME_PX = 1024
"""Width and height of the frame of boxes and outlines."""

Outlines = dict[str, list[tuple[str, np.ndarray]]]
"""Image id to finding and outline, (N, 2), x and y, px, of all that is marked; an empty
list for a film with none of the thirteen findings."""


def read_markings(
    path: Path, name_film: Callable[[str], str | None]
) -> tuple[pd.DataFrame, Outlines, list[Refusal]]:
    """Read a list of films in ChestX-Det's form.

    Args:
        path: The JSON file.
        name_film: A file's name without ending to its image id; None where it has none.

    Returns:
        The boxes (columns of a findings table, row: place in the file), the outlines,
        and the refused entries: those that do not hold, and those of one film. The
        boxes' attribute "refused_ids" names the films of such entries.

    Raises:
        AnnotationError: The file is no list.
    """
    entries = load_json(path, "a list of films", lambda found: isinstance(found, list))
    refused: list[Refusal] = []

    def film(entry: dict) -> str:
        if (name := name_film(Path(entry["file_name"]).stem)) is None:
            raise ValueError("a film of which no name at NIH is known")
        return name

    def marks(entry: dict, row: int) -> tuple:
        return film(entry), row, _marks(entry)

    where = {"path": path, "refused": refused}
    read, unused = parse_entries(entries, marks, "file_name", film, **where)
    rows = [
        (name, key, *box, row) for name, row, found in read for key, box, _ in found
    ]
    boxes = pd.DataFrame(rows, columns=["image_id", "finding", *BOX, "row"])
    outlines = {name: [(k, line) for k, _, line in found] for name, _, found in read}
    lost = {attempt(film, entry) for entry in unused}
    boxes.attrs["refused_ids"] = frozenset(lost - {None})
    return boxes.assign(reader="chestx-det"), outlines, refused


def polygon_mask(outlines: Iterable[tuple[str, np.ndarray]], size: int) -> np.ndarray:
    """Fill outlines into one mask: a pixel is in when its center is.

    Args:
        outlines: A film's findings and outlines, as `Outlines` has them.
        size: Side of the mask, px; the whole film whatever its size.

    Returns:
        Shape (S, S), bool.
    """
    mask = np.zeros((size, size), dtype=bool)
    for _, outline in outlines:
        corners = outline[:, ::-1] * (size / FRAME_PX) - 0.5  # row, column
        mask |= polygon2mask(mask.shape, corners)
    return mask


def _marks(entry: dict) -> list[tuple[str, list[float], np.ndarray]]:
    """Return finding, corners and outline of all that is marked on one film."""
    marked = []
    parts = (entry[name] for name in ("syms", "boxes", "polygons"))
    for name, box, polygon in zip(*parts, strict=True):
        key, outline = FINDING_OF_NAME["nih"][name], np.array(polygon, dtype=float)
        if outline.ndim != 2 or outline.shape[1] != 2 or len(outline) < 3:
            raise ValueError("no outline")
        if key == NO_FINDING or not ((outline >= 0) & (outline <= FRAME_PX)).all():
            raise ValueError("no finding, or an outline outside its film")
        left, top, right, bottom = map(float, box)
        marked.append((key, [left, top, right, bottom], outline))
    return marked
