"""A data set of the reader's own, in COCO's form: `annotations.json` and `images/`.

Annotation tools export it: `images` (id, file_name, width, height), `annotations`
(image_id, category_id, bbox as x, y, width, height in px) and `categories` (id,
name). A category that is none of the known findings becomes `other_lesion`: what is
looked for here is any abnormality. An image without an annotation is "no finding".
`annotator`, where an annotation has it, tells readers apart. File names may begin with
the image folder's, with either slash; ids may be numbers or text.
"""

import json
import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pandas as pd

from chexnomaly import labels
from chexnomaly.datasets.annotations import folders
from chexnomaly.datasets.annotations.findings import BOX, MAX_SIDE_PX, clean_findings
from chexnomaly.datasets.annotations.validation import Origin
from chexnomaly.errors import AnnotationError, Refusal, raised_as

TABLE = "annotations.json"
IMAGE_FOLDER = "images"
READER = "reader"
MAX_BYTES = 512 * 2**20
"""Largest table that is read."""


_UNUSABLE = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
_SECTIONS = ("images", "annotations", "categories")
_KEYS = {name.lower(): key for key, name in labels.DISPLAY_NAMES.items()}
_KEYS |= {key: key for key in labels.DISPLAY_NAMES}


def read_annotations(root: Path) -> tuple[pd.DataFrame, list[Refusal]]:
    """Read boxes, and the images without any.

    Args:
        root: Folder with `annotations.json` and `images/`.

    Returns:
        The findings table and the refused entries; a refusal's row counts the entries
        of its section from 1.

    Raises:
        AnnotationError: The table is missing, too large, or not COCO's.
    """
    path = folders.require_file(root, TABLE)
    expected = f"a JSON object with the lists {', '.join(_SECTIONS)}"
    content = load_json(
        path, expected, lambda c: all(isinstance(c[name], list) for name in _SECTIONS)
    )
    refused: list[Refusal] = []
    sections = partial(parse_entries, path=path, refused=refused)
    finding = dict(sections(content["categories"], _category, "categories", _id)[0])
    films = dict(sections(content["images"], _image, "images", _id, _film)[0])

    def box(entry: dict, row: int) -> tuple:
        name, width, height, _ = films[_id(entry, "image_id")]
        left, top, across, down = (float(v) for v in entry["bbox"])
        corners = (left, top, left + across, top + down)
        kind = finding[_id(entry, "category_id")]
        reader = str(entry.get("annotator", READER))
        return (name, reader, kind, *corners, width, height, row)

    rows, unused = sections(content["annotations"], box, "annotations")
    drawn = {name for name, *_ in rows}
    nothing = (labels.NO_FINDING, *[float("nan")] * 4)
    rows += [
        (name, READER, *nothing, width, height, row)
        for name, width, height, row in films.values()
        if name not in drawn
    ]
    columns = ["image_id", "reader", "finding", *BOX, "width_px", "height_px", "row"]
    table = pd.DataFrame(rows, columns=columns)
    table["source"] = folders.source_name(root, "coco")
    meant = {attempt(partial(_id, name="image_id"), entry) for entry in unused}
    table.attrs["refused_ids"] = frozenset(films[k][0] for k in meant & films.keys())
    table, bad = clean_findings(table, Origin(path, {"image_id": "file_name"}))
    return table, refused + bad


def _id(entry: dict, name: str = "id") -> str:
    """Return an id as text; tools write 7, 7.0 and "7"."""
    value = entry[name]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int | str):
        raise TypeError(f"{name} is neither a whole number nor text")
    return str(value)


def _film(entry: dict) -> str:
    """Return a film's id: its file name in the image folder, without the ending."""
    name = entry["file_name"].replace("\\", "/")
    return os.path.splitext(name.removeprefix("./").removeprefix(f"{IMAGE_FOLDER}/"))[0]


def _category(entry: dict, row: int) -> tuple[str, str]:
    return _id(entry), _KEYS.get(entry["name"].strip().lower(), "other_lesion")


def _image(entry: dict, row: int) -> tuple[str, tuple]:
    width, height = int(entry["width"]), int(entry["height"])
    if max(abs(width), abs(height)) > MAX_SIDE_PX:
        raise ValueError(f"a side of more than {MAX_SIDE_PX} px")
    return _id(entry), (_film(entry), width, height, row)


def parse_entries(
    entries: list, parse: Callable, section: str, *keys, path: Path, refused: list
) -> tuple[list, list]:
    """Parse each entry of a section; one that cannot be is refused by its number.

    So is every entry that shares one of its `keys`, its id or its film, with another.

    Args:
        entries: As they stand in the file.
        parse: Entry and its number to what is made of it.
        section: Name of the section, for the refusals.
        keys: Entry to what must be its own.
        path: The file.
        refused: Takes up the refusals.

    Returns:
        What was made of the entries that hold, and the entries that do not.
    """
    holders = Counter((key, attempt(key, entry)) for key in keys for entry in entries)
    found, unused = [], []
    for row, entry in enumerate(entries, start=1):
        try:
            if any(holders[key, key(entry)] > 1 for key in keys):
                raise ValueError("another entry has the same id or file")
            found.append(parse(entry, row))
        except _UNUSABLE as error:
            unused.append(entry)
            problem = f"unusable entry ({type(error).__name__}: {error})"[:200]
            told = (row, section, problem, "an entry in the file's own form")
            refused.append(Refusal("AnnotationError", str(path), *told))
    return found, unused


def attempt(key: Callable, entry: object) -> str | None:
    """Return an entry's key; None where it has none."""
    with suppress(*_UNUSABLE):
        return key(entry)
    return None


def load_json(path: Path, expected: str, holds: Callable[[object], bool]) -> object:
    """Read a bounded JSON file; raises AnnotationError where its content is another."""
    if path.stat().st_size > MAX_BYTES:
        raise AnnotationError("table too large", file=path, expected=expected)
    with raised_as(AnnotationError, "unreadable", file=path, expected=expected):
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        if holds(content):
            return content
    raise AnnotationError("another content", file=path, expected=expected)


scan_folder = partial(folders.scan_images, folder=IMAGE_FOLDER)
