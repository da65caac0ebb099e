"""What films look like in numbers: brightness, detail, and how much films differ.

These numbers do not measure realism: a phantom without ribs has nearly the same. They
show where a phantom is off, and the spread over films shows whether one and the same
patient was drawn again and again.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import ndimage, stats

from chexnomaly.datasets.store.resize import resize_square
from chexnomaly.evaluation.intervals import Entry, entry, mean_entry, spread_entry

SIDE = 256
"""Side at which films are measured, px."""

PERCENTILES = (5, 25, 50, 75, 95)

BANDS = ((4, 24), (16, 64), (64, 120))
"""Cycles per image between which the slope of the power spectrum is fitted."""


def power_spectrum(film: np.ndarray) -> np.ndarray:
    """Mean power at each whole number of cycles per image.

    Args:
        film: (S, S), any scale.

    Returns:
        Shape (S / 2,), index 0 being one cycle; a Hann window hides the border.
    """
    size = film.shape[0]
    window = np.hanning(size)
    flat = (film - film.mean()) * window[:, None] * window[None]
    power = np.abs(np.fft.fft2(flat)) ** 2
    cycles = np.fft.fftfreq(size, 1 / size)
    radius = np.rint(np.hypot(cycles[:, None], cycles[None])).astype(int)
    return ndimage.mean(power, radius, np.arange(1, size // 2 + 1))


def slope(power: np.ndarray, low: int, high: int) -> float:
    """Exponent of a power law fitted between two numbers of cycles, both included."""
    cycles = np.arange(low, high + 1)
    return float(np.polyfit(np.log(cycles), np.log(power[low - 1 : high]), 1)[0])


def describe_films(films: Sequence[np.ndarray]) -> pd.DataFrame:
    """Measure each film.

    Args:
        films: (256, 256) each, in [0, 1].

    Returns:
        One row per film: "percentile_5" to "percentile_95", "slope_4_24",
        "slope_16_64", "slope_64_120".
    """
    rows = []
    for film in films:
        levels = np.percentile(film, PERCENTILES)
        row = {f"percentile_{p}": v for p, v in zip(PERCENTILES, levels, strict=True)}
        power = power_spectrum(film)
        rows.append(row | {f"slope_{a}_{b}": slope(power, a, b) for a, b in BANDS})
    return pd.DataFrame(rows)


def audit_films(films: Sequence[np.ndarray]) -> dict[str, Entry]:
    """Measure a population of films.

    Args:
        films: (256, 256) each, in [0, 1].

    Returns:
        Entries: the mean of each column of `describe_films`, its spread over films
        as "spread_<column>", and "difference_of_films".
    """
    table = describe_films(films)
    values = {name: mean_entry(column) for name, column in table.items()}
    for name, column in table.items():
        values[f"spread_{name}"] = spread_entry(column.to_numpy())
    return values | {"difference_of_films": difference_of_films(films)}


def difference_of_films(films: Sequence[np.ndarray], size: int = 32) -> Entry:
    """Root mean square difference of two films, on average over all pairs.

    Films are shrunk and brought to mean 0 and standard deviation 1, so that bodies
    are compared and exposures are not: 0 is one film again and again, and the square
    root of 2 is films without anything in common.

    Args:
        films: At least two, (S, S).
        size: Side to shrink them to, px.

    Returns:
        The entry, with the interval of a U-statistic.
    """
    small = np.array([resize_square(film, size).ravel() for film in films])
    if len(small) < 3:
        return entry(np.nan, None, None, len(small))
    small = stats.zscore(small, axis=1)
    overlap = np.clip(2 - 2 * (small @ small.T) / small.shape[1], 0, None)
    distance = np.sqrt(overlap)
    np.fill_diagonal(distance, 0)
    n = len(small)
    each = distance.sum(axis=1) / (n - 1)
    reach = stats.t.ppf(0.975, n - 1) * 2 * each.std(ddof=1) / np.sqrt(n)
    return entry(each.mean(), each.mean() - reach, each.mean() + reach, n)
