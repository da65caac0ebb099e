"""What a film is made of, as records: pixels, file form, truth, opinions.

Boxes are in continuous px of the film's own frame: pixel i spans [i, i + 1].
"""

from dataclasses import dataclass

import numpy as np

from chexnomaly.phantom.anatomy.patient import Patient
from chexnomaly.phantom.cohort import Plan
from chexnomaly.phantom.readers.reading import Opinion, Truth


@dataclass(frozen=True)
class Switches:
    """Parts of the phantom that an ablation turns off.

    Attributes:
        anatomy_variation: 1 is natural; 0 gives everybody the same body.
        reader_noise: 1 is natural; 0 gives three perfect readers.
        painted: Findings drawn as a bright ellipse in place of their physics: an
            enlarged heart is then a normal one with an ellipse over its box.
    """

    anatomy_variation: float = 1.0
    reader_noise: float = 1.0
    painted: frozenset[str] = frozenset()


@dataclass(frozen=True)
class FileForm:
    """How the integers are stored.

    Attributes:
        bits: Stored bits, 10 to 16; 8 for image formats.
        inverted: MONOCHROME1: the largest value is black.
        window: Window center and width, None where the file gives none.
        intercept: Rescale intercept, to a slope of 1; None where the file gives none.
        implicit: Implicit little endian instead of explicit.
    """

    bits: int
    inverted: bool
    window: tuple[float, float] | None
    intercept: float | None
    implicit: bool


@dataclass(frozen=True)
class Film:
    """One phantom film.

    Attributes:
        key: Stable number of the film, 32 hexadecimal digits.
        image_id: Its id in the layout.
        pixels: Integers as a file stores them. Shape (H, W), uint16; None when only
            the annotations were asked for.
        form: How they are stored.
        size_px: Height and width.
        spacing_mm: Row and column spacing.
        truths: True lesions.
        opinions: Boxes of the three readers.
        patient: The person on the film.
        plan: What the cohort asked for.
    """

    key: str
    image_id: str
    pixels: np.ndarray | None
    form: FileForm
    size_px: tuple[int, int]
    spacing_mm: tuple[float, float]
    truths: tuple[Truth, ...]
    opinions: tuple[Opinion, ...]
    patient: Patient
    plan: Plan


def uid(key: str, part: int) -> str:
    """Derive a UID from a key of 32 hexadecimal digits, under the root for UUIDs."""
    return f"2.25.{int(key, 16) // 32 + part}"


def name_image(key: str, family: str) -> str:
    """Name a film.

    Args:
        key: 32 hexadecimal digits.
        family: "vindr" (the digits), "rsna" (in RSNA's groups), "candid" (a UID) or
            "covid" (a file name).

    Returns:
        The id under which the reading side knows the film.
    """
    if family == "rsna":
        parts = (key[:8], key[8:12], key[12:16], key[16:20], key[20:])
        return "-".join(parts)
    if family == "candid":
        return uid(key, 0)
    return f"phantom-{key[:12]}.png" if family == "covid" else key
