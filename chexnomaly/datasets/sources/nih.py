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
from contextlib import suppress
from functools import cache
from pathlib import Path

import pandas as pd

from chexnomaly.datasets.annotations import folders, validation
from chexnomaly.datasets.annotations.findings import join_findings, read_boxes
from chexnomaly.datasets.annotations.validation import BOX, SIDES, Origin
from chexnomaly.datasets.sources import chestx_det, nih_opinions, packaged, rsna
from chexnomaly.datasets.store.images import read_size
from chexnomaly.errors import AnnotationError, ImageError, Refusal
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
    return real_data("CHEXNOMALY_NIH") or shipped()


def shipped() -> Path:
    """Return the folder of the films that come with this project."""
    return project_root() / "book" / "reference" / "films"


def scan_folder(root: Path) -> tuple[dict[str, Path], list[Refusal]]:
    """Find the films in all folders below a root, under NIH's names or ChestX-Det's.

    Returns:
        Image id (such as "00000001_000") to file, sorted, and what was refused: links
        out of the folder, files under other names, films that two files claim to be.
    """
    name_film, found, refused = _namer(root), {}, []
    for place, _, _ in sorted(os.walk(root)):
        images, bad = folders.scan_images(root, os.path.relpath(place, root))
        refused += bad
        for stem, path in images.items():
            found.setdefault(name_film(stem), []).append(path)
    unknown = ("not a film's name", "NIH's name, such as 00000001_000, or ChestX-Det's")
    twice = ("one of several files of one film", "one file per film")
    wrong = [(path, unknown) for path in found.pop(None, [])]
    wrong += [(p, twice) for paths in found.values() for p in paths if len(paths) > 1]
    refused += [Refusal("ImageError", str(p), None, "image_id", *w) for p, w in wrong]
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
    root, images = Path(root), scan_folder(root)[0]
    said_in = _require(root, OPINIONS)
    entries = _require(root, *ENTRY_TABLES)
    films, refused = nih_opinions.read_entries(entries, images.keys())
    skewed = _refuse_skewed(images)
    opinions, bad = nih_opinions.read_opinions(said_in)
    parts, outlines, worse = _read_marks(root)
    refused += [*skewed.values(), *bad, *worse]
    for read in (_read_rsna, _read_nih):
        path, parts[path], bad = read(root)
        refused += bad
    boxed = set().union(*(table["image_id"] for table in parts.values()))
    tables = (films, opinions, *parts.values())
    lost = set().union(*(table.attrs["refused_ids"] for table in tables))
    films = films.drop(index=[*skewed], errors="ignore")
    films = nih_opinions.judge_films(films, opinions, outlines, boxed, lost)
    parts[said_in] = _healthy_rows(opinions, films)
    absent = set().union(*(t["image_id"] for t in parts.values())) - images.keys()
    fixed = {"source": folders.source_name(root, "nih"), **_SQUARE}
    table, bad = join_findings(
        # A table in the folder itself may tell that a film is absent, no other may.
        (part[part["image_id"].isin(known)].assign(**fixed), Origin(path))
        for path, part in parts.items()
        for known in [{*films.index, *(absent if path.is_relative_to(root) else ())}]
    )
    rows = films.pop("row").drop(index=table["image_id"], errors="ignore")
    table.attrs |= {"also_listed": rows.to_dict(), "films": films}
    table.attrs["refused_ids"] |= lost | skewed.keys()
    return table, refused + bad


def read_outlines(root: Path) -> chestx_det.Outlines:
    """Read ChestX-Det's outlines, for `chestx_det.polygon_mask`; of films looked at."""
    return _read_marks(root)[1]


def _read_marks(
    root: Path,
) -> tuple[dict[Path, pd.DataFrame], chestx_det.Outlines, list[Refusal]]:
    """Read ChestX-Det's lists: file to its boxes, and outlines."""
    names = [name for name in chestx_det.FILES if folders.find_file(root, [name])]
    parts, outlines, refused = {}, {}, []
    for name in names or chestx_det.FILES[:1]:
        path = _require(root, name)
        parts[path], found, bad = chestx_det.read_markings(path, _namer(root))
        outlines, refused = outlines | found, refused + bad
    return parts, outlines, refused


def _refuse_skewed(images: dict[str, Path]) -> dict[str, Refusal]:
    """Refuse films that are not square, as all of NIH's are."""
    refused, rule = {}, (f"{SIDE_PX} x {SIDE_PX} px, or a copy of it",)
    for name, path in images.items():
        with suppress(ImageError):  # told when its pixels are read
            height, width = read_size(path)
            if height != width:
                where = ("ImageError", str(path), None, None)
                problem = f"another size: {width} x {height} px"
                refused[name] = Refusal(*where, problem, *rule)
    return refused


def _read_rsna(root: Path) -> tuple[Path, pd.DataFrame, list[Refusal]]:
    """Read RSNA's boxes under NIH's names; its "no pneumonia" is no opinion here."""
    joined, lost, refused = _read_join(_require(root, RSNA_IDS), "rsna_id")
    path = _require(root, rsna.BOX_TABLE)
    table, bad = rsna.read_findings(path, only=set(joined))
    table["image_id"] = table["image_id"].map(joined)
    lost |= {joined.get(name) for name in table.attrs["refused_ids"]}
    lost |= set(joined.values()) - set(table["image_id"])
    table = table[table["image_id"].notna() & (table["finding"] != NO_FINDING)]
    table.attrs = {"refused_ids": frozenset(lost - {None})}
    return path, table, refused + bad


def _read_nih(root: Path) -> tuple[Path, pd.DataFrame, list[Refusal]]:
    path = _require(root, NIH_BOXES)
    names = FINDING_OF_NAME["nih"]
    fixed = {"reader": "nih-bbox", "source": "nih", **_SQUARE}
    table, bad = read_boxes(path, _BOX_COLUMNS, names, sides=True, **fixed)
    table["image_id"] = table["image_id"].str.removesuffix(".png")
    lost = (name.removesuffix(".png") for name in table.attrs["refused_ids"])
    table.attrs = {"refused_ids": frozenset(lost)}
    return path, table, bad


def _healthy_rows(opinions: pd.DataFrame, films: pd.DataFrame) -> pd.DataFrame:
    healthy = opinions["image_id"].isin(films.index[films.pop("healthy")])
    rows = opinions[healthy & (opinions["value"] == nih_opinions.NORMAL)]
    rows = rows.rename(columns={"group": "reader"}).assign(finding=NO_FINDING)
    return rows.drop_duplicates(["image_id", "reader"])


def _read_join(
    path: Path, column: str
) -> tuple[dict[str, str], set[str], list[Refusal]]:
    """Read another collection's names of NIH's films: theirs to NIH's; films lost."""
    columns = {"image_id": "image_id", "theirs": column}
    once = validation.for_each(
        columns, "each name once", lambda name, t: ~t[name].duplicated(keep=False)
    )
    rules = [nih_opinions.IS_NAMED, *once]
    good, refused = validation.read_rows(path, columns, rules)
    names = dict(zip(good["theirs"], good["image_id"], strict=True))
    return names, set(good.attrs["refused_ids"]), refused


def _namer(root: Path) -> Callable[[str], str | None]:
    """Return what finds the image id of a file's name; None where there is none."""

    @cache
    def numbers() -> dict[str, str]:
        path = find(root, FILM_NUMBERS)
        return _read_join(path, "number")[0] if path else {}

    form = re.compile(nih_opinions.FILM_NAME)
    return lambda stem: stem if form.fullmatch(stem) else numbers().get(stem)


def find(root: Path, *names: str) -> Path | None:
    """Find a table in a folder, with the shipped films, or in the package."""
    rsna_folder = real_data("CHEXNOMALY_RSNA") if names == (rsna.BOX_TABLE,) else None
    return (
        folders.find_file(root, names)
        or folders.find_file(shipped(), names)
        or packaged.find_table(_PACKAGED.get(names[0], names[0]))
        or (rsna_folder and folders.find_file(rsna_folder, names))
    )


def _require(root: Path, *names: str) -> Path:
    if (path := find(root, *names)) is None:
        expected = f"{names[0]}, or the package {packaged.PACKAGE}"
        raise AnnotationError("no annotation table", file=root, expected=expected)
    return path
