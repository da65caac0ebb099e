"""The frame that boxes are drawn in, and the image they are laid on.

A source may state the size of the film that was annotated, and bring smaller or larger
copies of it. Boxes then follow the copy; an image of other proportions is refused.
Where no size is stated, a DICOM file is the film itself. A picture may be a copy of any
size: one that a box leaves is refused, and where that is most of them, all with boxes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from chexnomaly.datasets.annotations.folders import PICTURE_SUFFIXES
from chexnomaly.datasets.annotations.validation import BOX, SIDES, Origin, refuse
from chexnomaly.errors import Refusal

BORDER_TOLERANCE_PX = 1.0
"""How far a corner may lie outside its image and still be cut to the border."""


def to_own_frame(
    table: pd.DataFrame,
    sizes: Mapping[str, tuple[int, int]],
    images: Mapping[str, Path],
    origin: Origin,
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Bring boxes from the frame that is stated into the image's own.

    Args:
        table: Findings; width_px and height_px are NA where nothing is stated.
        sizes: Image id to (height_px, width_px) of each image in the table.
        images: Image id to file.
        origin: What to call file and columns in the refusals.

    Returns:
        The rows in their image's frame and with its size; and a refusal for each
        image of another size, whose rows are left out.
    """
    found = np.array([sizes[name] for name in table["image_id"]]).reshape(-1, 2)
    found = found[:, ::-1]  # width first, as in SIDES
    stated = table[[*SIDES]].to_numpy("float64", na_value=np.nan)
    unknown = np.isnan(stated).any(axis=1, keepdims=True)
    scaled = table.copy()
    scaled[BOX] *= np.tile(np.where(unknown, 1.0, found / stated), 2)
    scaled[[*SIDES]] = pd.DataFrame(found, table.index, SIDES).astype("Int64")
    doubted = _of_doubted_size(table[unknown[:, 0]], found[unknown[:, 0]], images)
    fits = is_copy(stated.T, found.T) & ~table["image_id"].isin(doubted)
    other = table[~fits].drop_duplicates("image_id")
    refusals = []
    for index, name in other["image_id"].items():
        expected = "{} x {} px, or a copy of it".format(*table.loc[index, [*SIDES]])
        if name in doubted:
            expected = "the film that was annotated, or width and height of it"
        refusal = refuse(table, origin, index, "width_px", expected)
        height, width = sizes[name]
        problem = f"image {name!a:.80} of another size: {width} x {height} px"
        refusals.append(replace(refusal, problem=problem))
    return scaled[fits], refusals


def _of_doubted_size(
    table: pd.DataFrame, sizes: np.ndarray, images: Mapping[str, Path]
) -> set[str]:
    """Give the pictures whose boxes were drawn on an image of another size."""
    pictures = {k for k, v in images.items() if v.suffix.lower() in PICTURE_SUFFIXES}
    boxed = table["image_id"].isin(pictures) & table["x_max"].notna()
    beyond = (table[BOX[2:]].to_numpy() > sizes + BORDER_TOLERANCE_PX).any(axis=1)
    films, left = (set(table["image_id"][rows]) for rows in (boxed, boxed & beyond))
    return films if 2 * len(left) > len(films) else left


def is_copy(stated: Sequence, found: Sequence) -> np.ndarray | bool:
    """Whether images have a stated size, or its proportions: then boxes can be scaled.

    Args:
        stated: Width and height, px, numbers or columns; NaN where nothing is stated.
        found: Width and height of the images, px.

    Returns:
        False where the proportions differ by more than a side rounded to whole pixels.
    """
    skew = np.abs(found[0] * stated[1] - found[1] * stated[0])
    return np.logical_not(skew > np.maximum(*stated))
