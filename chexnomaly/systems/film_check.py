"""Does an image look like a frontal chest film at all? A measure shown before any mark.

Nothing here forbids: whoever opens a holiday photo reads that it is none, and sees the
marks below that sentence. The measure is a logistic regression on what a person would
name: color, gray values, and where light and dark lie, an 8 x 8 picture compared with
real films along the directions in which these differ. Shape is a rule beside it.
`tests/film_check/fit.py` fits it and counts its errors. A mirrored film still is one.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chexnomaly.datasets.store.resize import resize_square
from chexnomaly.errors import CheckpointError
from chexnomaly.tensor_files import read_tensors

FILM_CHECK = "film_check.safetensors"
"""Name of the file in its folder."""

TENSORS = "mean axes spread levels precision center scale weights offset".split()
"""Names of what was fitted, see `tests/film_check/fit.py`."""

LONGEST = 1.6
"""Longer side over shorter side above which no film is expected: a rule, not fitted."""

VIEW_PX, BLOCKS = 64, 8
"""Side of a view, px, and blocks along it."""

QUANTILES = np.linspace(0.02, 0.98, 13)
"""Shares of the pixels whose gray values describe the histogram."""

AGAINST = (
    "it has color",
    "its gray values are spread unlike a film's",
    "light and dark do not lie where a frontal chest film has them",
)
"""What features say that speak against a film; the last is for all of the layout."""

TOO_LONG = f"its longer side is more than {LONGEST} times the shorter"

FilmFit = dict[str, np.ndarray]
"""The fitted measure: an array for each of `TENSORS`."""


@dataclass(frozen=True)
class Likeness:
    """How much one image looks like a frontal chest film.

    Attributes:
        score: Log odds above the threshold; below 0 it does not look like one.
        looks_like_film: Whether both score and shape are a film's.
        against: What speaks most against a film, in words.
    """

    score: float
    looks_like_film: bool
    against: str


@dataclass(frozen=True)
class View:
    """What is kept of an image.

    Attributes:
        gray: Gray values in [0, 1], (VIEW_PX, VIEW_PX). The darkest and the brightest
            2 % are cut off, so that no lead marker or border decides about the rest.
        color: How colored its file is, in [0, 1].
        elongation: Longer side over shorter side.
    """

    gray: np.ndarray
    color: float
    elongation: float

    @classmethod
    def of(cls, image: np.ndarray, color: float = 0.0) -> "View":
        """Look at an image in [0, 1], air dark, any size, (H, W)."""
        small = resize_square(np.ascontiguousarray(image, np.float32), VIEW_PX)
        low, high = np.quantile(small, [0.02, 0.98])
        gray = np.clip((small - low) / max(high - low, 1e-6), 0, 1)
        return cls(gray, color, max(image.shape) / min(image.shape))

    def blocks(self) -> np.ndarray:
        """Return block means of mean 0 and spread 1, (BLOCKS * BLOCKS,)."""
        step = VIEW_PX // BLOCKS
        means = self.gray.reshape(BLOCKS, step, BLOCKS, step).mean((1, 3)).ravel()
        return (means - means.mean()) / (means.std() + 1e-6)

    def levels(self) -> np.ndarray:
        """Return the gray values at `QUANTILES`."""
        return np.quantile(self.gray, QUANTILES)


def looks_like_chest_film(
    image: np.ndarray, fitted: FilmFit, color: float = 0.0
) -> Likeness:
    """Measure how much an image looks like a frontal chest film.

    Args:
        image: In [0, 1], air dark, any size, (H, W).
        fitted: As `load_film_check` reads it.
        color: How colored its file is, as `read_color` gives it.

    Returns:
        Score, verdict, and what speaks most against a film.

    Raises:
        ValueError: The image has another number of axes, or the color is not in [0, 1].
    """
    if image.ndim != 2 or not 0 <= color <= 1:
        got = f"shape {image.shape}, color {color}"
        raise ValueError(f"expected an image (H, W) and a color in [0, 1], got {got}")
    view = View.of(image, color)
    odds = feature_odds(view, fitted)
    score = float(odds.sum() + fitted["offset"][0])
    worst = np.argmin([*odds[: len(AGAINST) - 1], odds[len(AGAINST) - 1 :].sum()])
    if view.elongation > LONGEST:
        return Likeness(score, False, TOO_LONG)
    return Likeness(score, score >= 0, AGAINST[worst])


def feature_odds(view: View, fitted: FilmFit) -> np.ndarray:
    """Return the log odds that each feature adds; a film's average adds nothing."""
    scaled = (describe(view, fitted) - fitted["center"]) / fitted["scale"]
    return fitted["weights"] * np.clip(scaled, -8, 8)


def describe(view: View, films: FilmFit) -> np.ndarray:
    """Describe a view, compared with films.

    Args:
        view: The view.
        films: At least mean, axes, spread, levels and precision of films.

    Returns:
        Color and oddity of the histogram; then the layout: oddity along the films'
        main directions and outside of them, likeness to their mean, and the place on
        each direction. Shape (5 + directions,).
    """
    blocks, off = view.blocks(), view.levels() - films["levels"]
    moved = blocks - films["mean"]
    along = films["axes"] @ moved / films["spread"]
    outside = moved - films["axes"].T @ (along * films["spread"])
    oddities = off @ films["precision"] @ off, (along**2).mean(), (outside**2).mean()
    histogram, inside, rest = np.log(np.add(oddities, [0.1, 1e-3, 1e-3]))
    likeness = blocks @ films["mean"] / BLOCKS**2
    return np.r_[view.color, histogram, inside, rest, likeness, along]


def load_film_check(folder: Path) -> FilmFit:
    """Read the committed measure.

    Raises:
        CheckpointError: The file is missing, corrupted, or of another program.
    """
    tensors, _ = read_tensors(folder / FILM_CHECK)
    if set(tensors) != set(TENSORS):
        expected = ", ".join(TENSORS)
        raise CheckpointError(
            "another measure", file=folder / FILM_CHECK, expected=expected
        )
    return {name: tensor.double().numpy() for name, tensor in tensors.items()}
