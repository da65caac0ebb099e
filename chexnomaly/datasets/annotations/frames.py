"""The frame that boxes are drawn in, and the image they are laid on.

A source may state the size of the film that was annotated, and bring smaller or larger
copies of it. Boxes then follow the copy; an image of other proportions is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from chexnomaly.datasets.annotations.validation import BOX, SIDES, Origin, refuse
from chexnomaly.errors import Refusal


def to_own_frame(
    table: pd.DataFrame, sizes: Mapping[str, tuple[int, int]], origin: Origin
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Bring boxes from the frame that is stated into the image's own.

    Args:
        table: Findings; width_px and height_px are NA where nothing is stated.
        sizes: Image id to (height_px, width_px) of each image in the table.
        origin: What to call file and columns in the refusals.

    Returns:
        The rows in their image's frame and with its size; and a refusal for each
        image of other proportions, whose rows are left out.
    """
    found = np.array([sizes[name] for name in table["image_id"]]).reshape(-1, 2)
    found = found[:, ::-1]  # width first, as in SIDES
    stated = table[[*SIDES]].to_numpy("float64", na_value=np.nan)
    unknown = np.isnan(stated).any(axis=1, keepdims=True)
    scaled = table.copy()
    scaled[BOX] *= np.tile(np.where(unknown, 1.0, found / stated), 2)
    scaled[[*SIDES]] = pd.DataFrame(found, table.index, SIDES).astype("Int64")
    fits = is_copy(stated.T, found.T)
    other = table[~fits].drop_duplicates("image_id")
    refusals = []
    for index, name in other["image_id"].items():
        expected = "{} x {} px, or a copy of it".format(*table.loc[index, [*SIDES]])
        refusal = refuse(table, origin, index, "width_px", expected)
        height, width = sizes[name]
        problem = f"image {name!a:.80} of another size: {width} x {height} px"
        refusals.append(replace(refusal, problem=problem))
    return scaled[fits], refusals


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
