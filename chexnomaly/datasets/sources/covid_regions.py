"""Lesion regions that radiologists outlined on COVID-19 and pneumonia films.

`regions.csv` lists regions; each is a picture, `width` x `height`, that belongs at
(`left`, `top`) of an image of `resolution` px. What is not black is the region (alpha
is opaque everywhere, and the color only names the class).

Ground glass is "covid" on a COVID-19 film, "pneumonia" on one of another pneumonia,
else "lung_opacity"; the other lesions keep their VinDr names. Lungs, heart, airways
and devices are regions too, and are passed over.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from chexnomaly import labels
from chexnomaly.datasets.annotations import validation
from chexnomaly.datasets.annotations.findings import BOX
from chexnomaly.datasets.annotations.folders import scan_images
from chexnomaly.datasets.annotations.frames import is_copy
from chexnomaly.datasets.annotations.lesion_masks import component_boxes
from chexnomaly.datasets.annotations.tables import read_table
from chexnomaly.datasets.annotations.validation import Origin
from chexnomaly.datasets.store.images import read_foreground, read_size
from chexnomaly.errors import AnnotationError, InputError, Refusal

MASK_FOLDER = "masks"
READER = "radiologist"
LESIONS = {"Ground Glass Opacities": None} | labels.FINDING_OF_NAME["covid"]
"""Class of a region to finding key; the film decides for ground glass."""

NOT_LESIONS, DISEASES = (labels.COVID_WORDS[k] for k in ("not_lesions", "diseases"))
"""Classes of regions that are no lesions; disease to its names in labels, of which the
first that a label names counts."""

_SIDES = ("left", "top", "width", "height")
_COLUMNS = ("image", "class", "mask", *_SIDES, "resolution", "finding")
_TYPES = dict.fromkeys(_COLUMNS, "str") | {"row": "Int64"}

_RULES = (
    validation.is_one_of(
        "class", LESIONS, "one of " + ", ".join([*LESIONS, *sorted(NOT_LESIONS)])
    ),
    validation.matches(
        "resolution", "[1-9][0-9]{0,5}x[1-9][0-9]{0,5}", "such as 800x600"
    ),
    *(
        validation.matches(name, r"\s*[0-9]{1,6}\s*", "a non-negative integer")
        for name in _SIDES
    ),
)


def disease_of(text: str) -> str | None:
    """Return the disease of a label, in either spelling.

    Args:
        text: Such as "COVID-19, ARDS" or "Pneumonia/Viral/COVID-19".

    Returns:
        "covid", "pneumonia", "other" or "no_finding"; None for an unknown one.
    """
    names = {name.strip() for name in re.split("[/,]", text)}
    found = (key for key, known in DISEASES.items() if not names.isdisjoint(known))
    return next(found, None)


def read_regions(
    path: Path, images: dict[str, Path]
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Read the lesions' boxes, one per connected part of a region.

    Args:
        path: `regions.csv`; the masks lie beside it.
        images: Image id to file, to compare the stated resolutions with.

    Returns:
        The columns of a findings table but "source", and the refused rows. The
        attribute "refused_ids" has the films with a lesion that gave no box.

    Raises:
        AnnotationError: The table cannot be read or lacks a column.
    """
    raw, refusals = read_table(path, _COLUMNS)
    masks, bad = scan_images(path.parent, MASK_FOLDER, (".png",), stem=False)
    masks = {f"{MASK_FOLDER}/{name}": file for name, file in masks.items()}
    outlined = raw.loc[~raw["class"].isin(NOT_LESIONS), [*_TYPES]]
    lesions, worse = validation.split_rows(outlined, Origin(path), _TYPES, _RULES)
    refusals += bad + worse
    rows = []
    for region in lesions.to_dict("records"):
        try:
            rows += _region_rows(region, masks, images)
        except InputError as error:
            refusal, file = Refusal.from_error(error), error.file or str(path)
            refusals.append(replace(refusal, file=file, row=int(region["row"])))
    columns = ["image_id", "reader", "finding", *BOX, "width_px", "height_px", "row"]
    table = pd.DataFrame(rows, columns=columns)
    boxless = outlined.loc[~outlined["row"].isin(set(table["row"])), "image"]
    table.attrs["refused_ids"] = raw.attrs["refused_ids"] | set(boxless)
    return table, refusals


def _region_rows(
    region: dict, masks: dict[str, Path], images: dict[str, Path]
) -> list[tuple]:
    """Box one region; the name of its mask is looked up, not followed."""
    width, height = map(int, region["resolution"].split("x"))
    left, top, across, down = (int(region[key]) for key in _SIDES)
    film = images.get(region["image"])
    same = film is None or is_copy((width, height), read_size(film)[::-1])
    expected = "the size of the image, or its proportions"
    _check(same, "resolution", f"found {width}x{height}", expected)
    known = region["mask"] in masks
    _check(known, "mask", validation.HIDDEN, f"a picture in {MASK_FOLDER}/")
    mask = read_foreground(masks[region["mask"]])
    found, stated = mask.shape, (down, across)
    expected = f"a picture of {across} x {down} px, as stated"
    _check(found == stated, "mask", f"{found[1]} x {found[0]} px", expected)
    expected = f"a region inside {width} x {height} px"
    _check(left + across <= width, "left", "region outside its image", expected)
    _check(top + down <= height, "top", "region outside its image", expected)
    finding = LESIONS[region["class"]]
    if finding is None:
        disease = disease_of(region["finding"])
        finding = disease if disease in ("covid", "pneumonia") else "lung_opacity"
    sides = (width, height, region["row"])
    return [
        (region["image"], READER, finding, *np.add(box, [left, top, left, top]), *sides)
        for box in component_boxes(mask)
    ]


def _check(holds: bool, column: str, problem: str, expected: str) -> None:
    if not holds:
        raise AnnotationError(problem, column=column, expected=expected)
