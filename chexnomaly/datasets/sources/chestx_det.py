"""ChestX-Det: boxes and outlines of thirteen findings on 3,578 films of NIH.

Its JSON has {"file_name", "syms", "boxes", "polygons"} for each film, in pixels of
the 1024 x 1024 film. A film without a finding was looked at, and has none of the
thirteen; that does not make it healthy. The download has numbers of its own for file
names; the names that its older list (ChestX-Det10) gives the same films are NIH's.
Thirty-five films came later, and no list names them.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from skimage.draw import polygon2mask

from chexnomaly.datasets.annotations.findings import BOX
from chexnomaly.errors import AnnotationError, Refusal
from chexnomaly.labels import FINDING_OF_NAME

FILES = ("chestx-det.json", "ChestX_Det_train.json", "ChestX_Det_test.json")
MAX_JSON_BYTES = 64 * 2**20
"""Largest list that is read. The larger of the two has 2 MB."""

FRAME_PX = 1024
"""Width and height of the frame of boxes and outlines."""

_UNUSABLE = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
_EXPECTED = "a film's file_name, syms, boxes and polygons, one each for each sym"


@dataclass
class Markings:
    """What ChestX-Det's readers marked.

    Attributes:
        boxes: File to its image_id, finding, corners in the 1024-px frame, row (place
            in the file).
        outlines: Image id to finding and outline, (N, 2), x and y, px, for each
            finding; an empty list for a film with none of the thirteen.
        lost: Films of which an entry was refused.
        refused: The refused entries.
    """

    boxes: dict[Path, pd.DataFrame] = field(default_factory=dict)
    outlines: dict[str, list[tuple[str, np.ndarray]]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    refused: list[Refusal] = field(default_factory=list)


def read_markings(
    paths: Iterable[Path], name_film: Callable[[str], str | None]
) -> Markings:
    """Read lists of films in ChestX-Det's form.

    Args:
        paths: The JSON files.
        name_film: A file's name without ending to its image id; None where it has none.

    Returns:
        The markings. An entry that does not hold, or whose film another entry names
        too, is refused by its place in the file.

    Raises:
        AnnotationError: A file is no such list.
    """
    entries = [(path, *pair) for path in paths for pair in enumerate(_load(path), 1)]
    films = [_film(entry, name_film) for *_, entry in entries]
    times, found = Counter(films), Markings()
    rows: dict[Path, list[tuple]] = {path: [] for path, *_ in entries}
    for (path, row, entry), film in zip(entries, films, strict=True):
        try:
            if film is None:
                raise ValueError("a film of which no name at NIH is known")
            if times[film] > 1:
                raise ValueError("another entry has the same film")
            marked = _marks(entry)
        except _UNUSABLE as error:
            problem = f"unusable entry ({type(error).__name__}: {error})"[:200]
            told = (str(path), row, "file_name", problem, _EXPECTED)
            found.refused.append(Refusal("AnnotationError", *told))
            found.lost |= {film} - {None}
            continue
        rows[path] += [(film, finding, *box, row) for finding, box, _ in marked]
        found.outlines[film] = [(finding, line) for finding, _, line in marked]
    columns = ["image_id", "finding", *BOX, "row"]
    found.boxes = {path: pd.DataFrame(rows[path], columns=columns) for path in rows}
    return found


def polygon_mask(
    outlines: Iterable[tuple[str, np.ndarray]], size: int, finding: str | None = None
) -> np.ndarray:
    """Fill outlines into one mask: a pixel is in when its center is.

    Args:
        outlines: A film's findings and outlines, as `Markings` has them.
        size: Side of the mask, px; the whole film whatever its size.
        finding: This finding's outlines alone; all by default.

    Returns:
        Shape (S, S), bool.
    """
    mask = np.zeros((size, size), dtype=bool)
    for name, outline in outlines:
        if finding in (None, name):
            corners = outline[:, ::-1] * (size / FRAME_PX) - 0.5  # row, column
            mask |= polygon2mask(mask.shape, corners)
    return mask


def _film(entry: dict, name_film: Callable[[str], str | None]) -> str | None:
    with suppress(*_UNUSABLE):
        return name_film(Path(entry["file_name"]).stem)
    return None


def _marks(entry: Mapping) -> list[tuple[str, list[float], np.ndarray]]:
    """Return finding, corners and outline of all that is marked on one film."""
    keys, marked = FINDING_OF_NAME["chestx-det"], []
    parts = (entry[name] for name in ("syms", "boxes", "polygons"))
    for name, box, polygon in zip(*parts, strict=True):
        outline = np.array(polygon, dtype=np.float64)
        if outline.ndim != 2 or outline.shape[1] != 2 or len(outline) < 3:
            raise ValueError("no outline")
        if not ((outline >= 0) & (outline <= FRAME_PX)).all():
            raise ValueError(f"an outline outside {FRAME_PX} x {FRAME_PX} px")
        if name not in keys:
            raise ValueError(f"unknown finding {name!a:.40}")
        left, top, right, bottom = map(float, box)
        marked.append((keys[name], [left, top, right, bottom], outline))
    return marked


def _load(path: Path) -> list:
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise ValueError("too large")
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        if isinstance(content, list):
            return content
        problem = "no list"
    except (OSError, ValueError, RecursionError) as error:
        problem = f"unreadable ({type(error).__name__})"
    raise AnnotationError(problem, file=path, expected=f"a list: {_EXPECTED}")
