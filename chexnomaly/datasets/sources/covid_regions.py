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
from chexnomaly.datasets.annotations.findings import BOX
from chexnomaly.datasets.annotations.folders import scan_images
from chexnomaly.datasets.annotations.lesion_masks import component_boxes
from chexnomaly.datasets.annotations.tables import read_table
from chexnomaly.datasets.annotations.validation import (
    HIDDEN,
    Origin,
    is_one_of,
    matches,
    split_rows,
)
from chexnomaly.datasets.store.images import read_foreground, read_size
from chexnomaly.errors import AnnotationError, InputError, Refusal

MASK_FOLDER = "masks"
READER = "radiologist"
GROUND_GLASS = "Ground Glass Opacities"

LESIONS = {
    GROUND_GLASS: None,
    "Consolidation": "consolidation",
    "Pleural Effusion": "pleural_effusion",
    "Effusion": "pleural_effusion",
    "Pneumothorax": "pneumothorax",
}
"""Class of a region to finding key; the film decides for ground glass."""

NOT_LESIONS = frozenset(
    {
        *("Airways", "Cardiomediastinum", "Left Lung", "Right Lung"),
        *("Central Venous Line", "Endotracheal Tube", "Monitoring Probes"),
        *("Nosogastric Tube", "Tubings", "Chest Tube", "Pacemaker"),
    }
)
"""Classes of regions that are anatomy or devices."""

PNEUMONIAS = frozenset(
    {
        *("Pneumonia", "Viral", "Bacterial", "Fungal", "Lipoid", "Aspiration"),
        *("SARS", "MERS", "MERS-CoV", "Influenza", "Varicella", "Herpes"),
        *("Streptococcus", "Klebsiella", "Legionella", "Mycoplasma", "E.Coli"),
        *("Chlamydophila", "Nocardia", "Staphylococcus"),
        *("Pneumocystis", "Aspergillosis"),
    }
)
OTHER_DISEASES = frozenset({"ARDS", "Tuberculosis"})

_GROUND_GLASS_KEYS = {"covid": "covid", "pneumonia": "pneumonia"}
_COLUMNS = ("image", "class", "mask", "left", "top", "width", "height")
_COLUMNS += ("resolution", "finding")
_TYPES = dict.fromkeys(_COLUMNS, "str") | {"row": "Int64"}

_SIDE = "[1-9][0-9]{0,5}"
_RULES = (
    is_one_of(
        "class", LESIONS, "one of " + ", ".join([*LESIONS, *sorted(NOT_LESIONS)])
    ),
    matches("resolution", f"{_SIDE}x{_SIDE}", "such as 800x600"),
    *(
        matches(name, r"\s*[0-9]{1,6}\s*", "a non-negative integer")
        for name in ("left", "top", "width", "height")
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
    for disease, known in (
        ("covid", {"COVID-19"}),
        ("pneumonia", PNEUMONIAS),
        ("other", OTHER_DISEASES),
        (labels.NO_FINDING, {"No Finding"}),
    ):
        if names & known:
            return disease
    return None


def read_regions(
    path: Path, images: dict[str, Path]
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Read the lesions' boxes, one per connected part of a region.

    Args:
        path: `regions.csv`; the masks lie beside it.
        images: Image id to file, to compare the stated resolutions with.

    Returns:
        The columns of a findings table but "source", and the refused rows.

    Raises:
        AnnotationError: The table cannot be read or lacks a column.
    """
    raw, refusals = read_table(path, _COLUMNS)
    masks, bad = scan_images(path.parent, MASK_FOLDER, (".png",), stem=False)
    lesions = raw.loc[~raw["class"].isin(NOT_LESIONS), [*_TYPES]]
    lesions, worse = split_rows(lesions, Origin(path), _TYPES, _RULES)
    refusals += bad + worse
    rows = []
    for region in lesions.to_dict("records"):
        try:
            rows += _region_rows(region, masks, images)
        except InputError as error:
            refusal, file = Refusal.from_error(error), error.file or str(path)
            refusals.append(replace(refusal, file=file, row=int(region["row"])))
    columns = ["image_id", "reader", "finding", *BOX, "width_px", "height_px", "row"]
    return pd.DataFrame(rows, columns=columns), refusals


def _region_rows(
    region: dict, masks: dict[str, Path], images: dict[str, Path]
) -> list[tuple]:
    finding = _finding(region)
    width, height = _resolution(region, images)
    left, top = int(region["left"]), int(region["top"])
    mask = _mask(region, masks)
    beyond = left + mask.shape[1] > width or top + mask.shape[0] > height
    if beyond:
        raise AnnotationError(
            "region outside its image",
            column="left" if left + mask.shape[1] > width else "top",
            expected=f"a region inside {width} x {height} px",
        )
    shift = np.array([left, top, left, top], dtype=np.float64)
    sides = (width, height, region["row"])
    return [
        (region["image"], READER, finding, *(np.array(box) + shift), *sides)
        for box in component_boxes(mask)
    ]


def _finding(region: dict) -> str:
    kind = region["class"]
    if kind != GROUND_GLASS:
        return LESIONS[kind]
    disease = disease_of(region["finding"])
    return _GROUND_GLASS_KEYS.get(disease, "lung_opacity")


def _resolution(region: dict, images: dict[str, Path]) -> tuple[int, int]:
    """Return width and height, px, the same in the table and in the image."""
    width, height = map(int, region["resolution"].split("x"))
    file = images.get(region["image"])
    if file is not None and read_size(file) != (height, width):
        raise AnnotationError(
            f"found {width}x{height}",
            column="resolution",
            expected="the size of the image",
        )
    return width, height


def _mask(region: dict, masks: dict[str, Path]) -> np.ndarray:
    """Return the region's picture as a mask; its name is looked up, not followed."""
    folder, _, name = region["mask"].partition("/")
    if folder != MASK_FOLDER or name not in masks:
        expected = f"a picture in {MASK_FOLDER}/"
        raise AnnotationError(HIDDEN, column="mask", expected=expected)
    mask = read_foreground(masks[name])
    stated = int(region["height"]), int(region["width"])
    if mask.shape != stated:
        expected = f"a picture of {stated[1]} x {stated[0]} px, as stated"
        problem = f"{mask.shape[1]} x {mask.shape[0]} px"
        raise AnnotationError(problem, column="mask", expected=expected)
    return mask
