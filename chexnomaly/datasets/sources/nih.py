"""NIH ChestX-ray14: real films that may be shown, and who marked what on them.

A folder in the layout of NIH's download, or of ChestX-Det's: films in any folder below
it, `Data_Entry_2017*.csv`, `BBox_List_2017.csv`, ChestX-Det's JSON. Three groups marked
boxes: ChestX-Det's radiologists ("chestx-det"), RSNA's ("rsna", opacities alone, joined
by `rsna_ids.csv`) and NIH's ("nih-bbox", one disease that the report named). All boxes
are in pixels of the 1024 x 1024 films; the columns OriginalImage of NIH's table are of
files that nobody has. What a folder lacks is taken, for the films that are there, from
the films shipped with this project and from the package torchxrayvision.

Boxes are incomplete: only `nih_opinions` says which films are healthy.
"""

import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from chexnomaly.datasets.annotations import folders
from chexnomaly.datasets.annotations.findings import join_findings, read_boxes
from chexnomaly.datasets.annotations.tables import read_table
from chexnomaly.datasets.annotations.validation import (
    BOX,
    SIDES,
    Origin,
    matches,
    split_rows,
)
from chexnomaly.datasets.sources import chestx_det, packaged, rsna
from chexnomaly.datasets.sources.nih_opinions import (
    FILM_NAME,
    NORMAL,
    judge_films,
    read_entries,
    read_opinions,
)
from chexnomaly.errors import AnnotationError, Refusal
from chexnomaly.labels import FINDING_OF_NAME, NO_FINDING
from chexnomaly.workspace import project_root, real_data

ENTRY_TABLES = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
NIH_BOXES = "BBox_List_2017.csv"
RSNA_IDS = "rsna_ids.csv"
OPINIONS = "opinions.csv"
FILM_NUMBERS = "chestx_det_names.csv"
"""ChestX-Det's number of a film to its name at NIH."""

SIDE_PX = 1024
"""Width and height of the frame that all boxes are in."""

_BOX_COLUMNS = {"image_id": "Image Index", "finding": "Finding Label"}
_BOX_COLUMNS |= dict(zip(BOX, ("Bbox [x", "y", "w", "h]"), strict=True))
_SQUARE = dict.fromkeys(SIDES, SIDE_PX)
_PACKAGED = {
    ENTRY_TABLES[0]: f"{ENTRY_TABLES[0]}.gz",
    NIH_BOXES: f"{NIH_BOXES}.gz",
    rsna.BOX_TABLE: packaged.RSNA_FILE,
}


def folder() -> Path:
    """Return the folder in CHEXNOMALY_NIH, or that of the shipped films."""
    return real_data("CHEXNOMALY_NIH") or _shipped()


def _shipped() -> Path:
    return project_root() / "book" / "reference" / "films"


def scan_folder(root: Path) -> tuple[dict[str, Path], list[Refusal]]:
    """Find the films in all folders below a root, under NIH's names or ChestX-Det's.

    Returns:
        Image id (such as "00000001_000") to file, sorted, and what was refused: links
        out of the folder, files under other names, films that two files claim to be.
    """
    below = sorted(os.path.relpath(path, root) for path, _, _ in os.walk(root))
    images, refused = folders.scan_images(root, below)
    name_film, found = _namer(root), {}
    for stem, path in images.items():
        found.setdefault(name_film(stem), []).append(path)
    unknown = ("not a film's name", "NIH's name, such as 00000001_000, or ChestX-Det's")
    twice = ("one of several files of one film", "one file per film")
    wrong = [(path, unknown) for path in found.pop(None, [])]
    wrong += [(p, twice) for paths in found.values() for p in paths if len(paths) > 1]
    refused += [
        Refusal("ImageError", str(path), None, "image_id", *what)
        for path, what in wrong
    ]
    return {k: v[0] for k, v in sorted(found.items()) if len(v) == 1}, refused


def read_annotations(root: Path) -> tuple[pd.DataFrame, list[Refusal]]:
    """Read all boxes, and "no finding" of the films that are healthy.

    Args:
        root: The data folder.

    Returns:
        The findings table and what was refused. Its attribute "films" has what is known
        of each film as a whole, the films without a row included: index image_id,
        columns as in `nih_opinions.judge_films`.

    Raises:
        AnnotationError: A table is neither in the folder nor in the package, or cannot
            be used.
    """
    root, here = Path(root), set(scan_folder(root)[0])
    films, refused = read_entries(_require(root, *ENTRY_TABLES), here)
    said_in = _require(root, OPINIONS)
    opinions, bad = read_opinions(said_in)
    marks = _read_marks(root)
    refused += bad + marks.refused
    parts = {
        path: boxes.assign(reader="chestx-det") for path, boxes in marks.boxes.items()
    }
    for read in (_read_rsna, _read_nih):
        path, parts[path], bad = read(root)
        refused += bad
    boxed = set().union(*(table["image_id"] for table in parts.values()))
    tables = (films, opinions, *parts.values())
    lost = marks.lost.union(*(t.attrs.get("refused_ids", ()) for t in tables))
    films = judge_films(films, opinions, marks.outlines, boxed, lost)
    parts[said_in] = _healthy_rows(opinions, films)
    source = folders.source_name(root, "nih")
    table, bad = join_findings(
        (_of_films(part, films, here, path.is_relative_to(root), source), Origin(path))
        for path, part in parts.items()
    )
    rows = films.pop("row").drop(index=table["image_id"], errors="ignore")
    table.attrs |= {"also_listed": rows.to_dict(), "films": films}
    return table, refused + bad


def read_outlines(root: Path) -> dict[str, list[tuple[str, np.ndarray]]]:
    """Read ChestX-Det's outlines, for `chestx_det.polygon_mask`.

    Returns:
        Image id to finding and outline of all that is marked; an empty list for a film
        with none of the thirteen findings, and nothing for a film not looked at.
    """
    return _read_marks(root).outlines


def _read_marks(root: Path) -> chestx_det.Markings:
    names = [name for name in chestx_det.FILES if folders.find_file(root, [name])]
    paths = [_require(root, name) for name in names or chestx_det.FILES[:1]]
    return chestx_det.read_markings(paths, _namer(root))


def _read_rsna(root: Path) -> tuple[Path, pd.DataFrame, list[Refusal]]:
    """Read RSNA's boxes under NIH's names; its "no pneumonia" is no opinion here."""
    joined, refused = _read_join(_require(root, RSNA_IDS), "rsna_id")
    path = _require(root, rsna.BOX_TABLE)
    table, bad = rsna.read_findings(path, only=set(joined))
    table["image_id"] = table["image_id"].map(joined)
    lost = {joined.get(name) for name in table.attrs["refused_ids"]}
    lost |= set(joined.values()) - set(table["image_id"])
    table = table[table["image_id"].notna() & (table["finding"] != NO_FINDING)]
    table.attrs = {"refused_ids": frozenset(lost - {None})}
    return path, table, refused + bad


def _read_nih(root: Path) -> tuple[Path, pd.DataFrame, list[Refusal]]:
    path = _require(root, NIH_BOXES)
    names, fixed = FINDING_OF_NAME["nih"], {"reader": "nih-bbox", "source": "nih"}
    fixed |= _SQUARE
    table, bad = read_boxes(path, _BOX_COLUMNS, names, sides=True, **fixed)
    table["image_id"] = table["image_id"].str.removesuffix(".png")
    lost = (name.removesuffix(".png") for name in table.attrs["refused_ids"])
    table.attrs = {"refused_ids": frozenset(lost)}
    return path, table, bad


def _healthy_rows(opinions: pd.DataFrame, films: pd.DataFrame) -> pd.DataFrame:
    healthy = opinions["image_id"].isin(films.index[films.pop("healthy")])
    rows = opinions[healthy & (opinions["value"] == NORMAL)]
    rows = rows.drop_duplicates(["image_id", "group"]).rename(
        columns={"group": "reader"}
    )
    return rows.assign(finding=NO_FINDING)


def _of_films(
    table: pd.DataFrame, films: pd.DataFrame, here: set[str], own: bool, source: str
) -> pd.DataFrame:
    """Keep the rows of known films; of a table in the folder, of absent ones too."""
    kept = table["image_id"].isin(films.index)
    if own:
        kept |= ~table["image_id"].isin(here)
    return table[kept].assign(source=source, **_SQUARE)


def _read_join(path: Path, column: str) -> tuple[dict[str, str], list[Refusal]]:
    """Read another collection's names of NIH's films: theirs to NIH's."""
    raw, refused = read_table(path, ("image_id", column))
    types = {"image_id": "str", column: "str", "row": "Int64"}
    rules = [matches("image_id", FILM_NAME, "a film's name, such as 00000001_000")]
    rules += [
        (name, "each name once", lambda t, name=name: ~t[name].duplicated(keep=False))
        for name in (column, "image_id")
    ]
    good, bad = split_rows(raw[[*types]], Origin(path), types, rules)
    return dict(zip(good[column], good["image_id"], strict=True)), refused + bad


def _namer(root: Path) -> Callable[[str], str | None]:
    """Return what finds the image id of a file's name; None where there is none."""

    @cache
    def numbers() -> dict[str, str]:
        path = _find(root, FILM_NUMBERS)
        return _read_join(path, "number")[0] if path else {}

    return lambda stem: stem if re.fullmatch(FILM_NAME, stem) else numbers().get(stem)


def _find(root: Path, *names: str) -> Path | None:
    """Find a table in a folder, with the shipped films, or in the package."""
    for place in (root, _shipped()):
        if (path := folders.find_file(place, names)) is not None:
            return path
    return packaged.find_table(_PACKAGED.get(names[0], names[0]))


def _require(root: Path, *names: str) -> Path:
    path = _find(root, *names)
    if path is None and names == (rsna.BOX_TABLE,) and real_data("CHEXNOMALY_RSNA"):
        path = folders.find_file(real_data("CHEXNOMALY_RSNA"), names)
    if path is None:
        expected = f"{names[0]}, or the package {packaged.PACKAGE}"
        raise AnnotationError("no annotation table", file=root, expected=expected)
    return path
