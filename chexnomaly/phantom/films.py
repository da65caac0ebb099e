"""One film from its seed and index: pixels as a file holds them, truth, readers.

Every concern has its own random stream, spawned from the seed and the index, so that
leaving out a finding, changing the size or adding a worker moves nothing else.
Boxes are in continuous px of the film: pixel i spans [i, i + 1].
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from chexnomaly.phantom.anatomy.chest import Chest
from chexnomaly.phantom.anatomy.grid import Box, Grid
from chexnomaly.phantom.anatomy.patient import Patient, sample_patient
from chexnomaly.phantom.cohort import Plan, family_of, plan_image
from chexnomaly.phantom.findings.catalog import ORDER, Lesion, place_findings
from chexnomaly.phantom.imaging import Streams, render
from chexnomaly.phantom.portable import random
from chexnomaly.phantom.readers.reading import Opinion, Truth, read_image, tidy_box

CONCERNS = (
    *("patient", "technique", "vessels", "gas", "bones", "devices", "tissue"),
    *("noise", "readers", "file"),
)
"""Random streams of a film, besides one per finding."""

FAMILIES = ("vindr", "rsna", "candid", "covid")
"""Kinds of collections; films of different kinds never show the same person."""

SQUARE = ("rsna", "candid")
"""Collections that squeezed every film into a square, as NIH did RSNA's."""

SMALLEST_PX = 16
"""Shortest longer side of a film."""


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


def film(
    seed: int,
    index: int,
    size_px: int | tuple[int, int] = (192, 288),
    *,
    layout: str = "vindr",
    enriched: bool = False,
    positive_share: float | None = None,
    findings: Collection[str] | None = None,
    leave_out: Collection[str] = (),
    switches: Switches | None = None,
    pixels: bool | Callable[[Film], bool] = True,
) -> Film:
    """Make film `index` of a cohort.

    Args:
        seed: Seed of the cohort.
        index: Number of the film.
        size_px: Longer side, px; a pair draws it uniformly between both.
        layout: Population and labels: "vindr", "vindr_physionet", "rsna", "candid"
            or "covid".
        enriched: Evened-out findings, see `cohort.plan_image`.
        positive_share: Share of positives in place of the layout's own.
        findings: Findings to show in place of the cohort's.
        leave_out: Findings that are planned, boxed and read, but not drawn: the same
            film without their change.
        switches: Parts turned off for an ablation.
        pixels: Whether to render, or what decides this by the film without pixels;
            annotations alone are far cheaper.

    Returns:
        The film; the same for the same arguments, whatever ran before.

    Raises:
        ValueError: An unknown layout or finding, or a size below 16 px.
    """
    plan = plan_image(
        seed, index, layout, enriched=enriched, positive_share=positive_share
    )
    if findings is not None:
        if unknown := set(findings) - set(ORDER):
            raise ValueError(f"findings {sorted(unknown)}, expected some of {ORDER}")
        plan = Plan(tuple(key for key in ORDER if key in set(findings)))
    switches = switches or Switches()
    make_body = partial(_make_body, seed, index, layout, switches.anatomy_variation)
    chest, lesions, streams = make_body(plan.findings)
    form = _sample_form(streams["file"], layout)
    key = streams["file"].bytes(16).hex()
    square = family_of(layout) in SQUARE
    grid = _grid(chest.patient, size_px, square, streams["file"])
    marks = _annotate(lesions, plan, grid, streams["readers"], switches.reader_noise)
    name = name_image(key, family_of(layout))
    spacing = 10 * grid.pixel_y, 10 * grid.pixel_x
    made = Film(key, name, None, form, grid.shape, spacing, *marks, chest.patient, plan)
    if pixels(made) if callable(pixels) else pixels:
        drawn = set(plan.findings) - set(leave_out)
        real = drawn - switches.painted
        if len(real) < len(plan.findings):
            # a painted ellipse lies where the finding would be, in a body without it
            lesions, chest = make_body(drawn)[1], make_body(real)[0]
        shown = render(chest, lesions, grid, streams, switches.painted)
        made = replace(made, pixels=encode(shown, form), patient=chest.patient)
    return made


def _make_body(
    seed: int, index: int, layout: str, variation: float, findings: Collection[str]
) -> tuple[Chest, list[Lesion], Streams]:
    """Put findings into the person of a film; the streams are as far as that takes."""
    streams = _streams(seed, index, layout, findings)
    patient = sample_patient(streams["patient"], family_of(layout), variation)
    return *place_findings(patient, findings, streams), streams


def _streams(seed: int, index: int, layout: str, findings: Collection[str]) -> Streams:
    """Start one random stream per concern and per finding that is there."""
    names = CONCERNS + ORDER
    family = FAMILIES.index(family_of(layout))
    rng = random(seed, index, family)
    seeds = rng.bit_generator.seed_seq.spawn(len(names))
    return {
        name: random(own)
        for name, own in zip(names, seeds, strict=True)
        if name in CONCERNS or name in findings
    }


def _grid(patient: Patient, size_px, square: bool, rng: np.random.Generator) -> Grid:
    """Lay a grid over the film: square pixels, or as many rows as columns."""
    low, high = size_px if isinstance(size_px, tuple) else (size_px, size_px)
    if not SMALLEST_PX <= low <= high:
        raise ValueError(f"size {size_px} px, expected at least {SMALLEST_PX}")
    longer = int(rng.integers(low, high + 1))
    width, height = patient.field_cm
    scale = longer / max(width, height)
    shape = max(1, round(height * scale)), max(1, round(width * scale))
    if square:
        shape = longer, longer
    return Grid(*shape, patient.corner_cm, patient.field_cm)


def _sample_form(rng: np.random.Generator, layout: str) -> FileForm:
    """Draw bit depth, photometric interpretation, window, syntax."""
    bits = int(rng.choice([12, 13, 14, 15, 16], p=[0.4, 0.1, 0.3, 0.1, 0.1]))
    drawn = rng.random(4) < (0.2, 0.6, 0.4, 0.35)
    inverted, windowed, scaled, implicit = drawn.tolist()
    intercept = float(rng.choice([0.0, -1024.0])) if scaled else None
    if family_of(layout) != "vindr":
        return FileForm(8, False, None, None, implicit)
    top = 2**bits
    window = (0.5 * top + (intercept or 0.0), 0.9 * top) if windowed else None
    return FileForm(bits, inverted, window, intercept, implicit)


def encode(shown: np.ndarray, form: FileForm) -> np.ndarray:
    """Store brightness in [0, 1] as integers of the form. Shape (H, W), uint16."""
    top = 2**form.bits - 1
    values = np.rint(shown * top)
    return (top - values if form.inverted else values).astype(np.uint16)


def _annotate(lesions: list[Lesion], plan: Plan, grid: Grid, rng, noise: float):
    """Box the lesions and let the readers read; boxes of both in px."""
    truths = [
        Truth(lesion.finding, _share(lesion.box, grid), lesion.conspicuity)
        for lesion in lesions
    ]
    opinions = read_image(truths if plan.positive else [], rng, noise)
    return (tuple(_to_px(one, grid) for one in many) for many in (truths, opinions))


def _share(box: Box, grid: Grid) -> Box:
    """Patient cm to shares of the film, cut at its border."""
    corners = np.reshape(box, (2, 2))
    return tidy_box((corners - grid.corner_cm) / grid.field_cm)


def _to_px(one: Truth | Opinion, grid: Grid) -> Truth | Opinion:
    """Turn a box from shares of the film into px."""
    if one.box is None:
        return one
    (x0, y0, x1, y1), (height, width) = one.box, grid.shape
    return replace(one, box=(x0 * width, y0 * height, x1 * width, y1 * height))


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
