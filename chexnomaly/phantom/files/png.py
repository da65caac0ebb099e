"""PNG files of the covid layout: films, and masks of regions as RGBA crops."""

from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from chexnomaly.phantom.files.layouts import ellipse_mask, mask_name, region_frame
from chexnomaly.phantom.films import Film

MAGENTA = (255, 0, 255, 255)
"""Color of ground glass in the masks; background is opaque black."""


def write_png(film: Film, file: Path | BinaryIO) -> None:
    """Write a film's 8-bit pixels."""
    Image.fromarray(film.pixels.astype(np.uint8)).save(file, format="PNG")


def write_masks(film: Film, root: Path) -> None:
    """Write one RGBA crop per true region, to be pasted at its left and top."""
    (root / "masks").mkdir(parents=True, exist_ok=True)
    for number, truth in enumerate(film.truths):
        left, top, right, bottom = region_frame(truth.box)
        mask = ellipse_mask(truth.box, film.size_px)[top:bottom, left:right]
        color = np.where(mask[..., None], MAGENTA, (0, 0, 0, 255)).astype(np.uint8)
        Image.fromarray(color).save(root / mask_name(film, number), format="PNG")
