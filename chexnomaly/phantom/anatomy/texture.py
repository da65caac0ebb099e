"""Random fields that do not depend on the pixel size.

A field is a small random lattice in patient coordinates; a grid only samples it,
so the same patient has the same texture at 64 and at 2048 px.
"""

import math
from functools import lru_cache

import numpy as np

from chexnomaly.datasets.store.interpolation import Array, cubic_taps, resample
from chexnomaly.phantom.portable import exact_product, hypot, power, sin


class Texture:
    """A smooth random field with a power-law spectrum, mean 0 and variance 1.

    Args:
        rng: Source of randomness.
        box_cm: Region the lattice covers, xyxy, cm; outside it is continued.
        step_cm: Lattice spacing, cm: the finest detail.
        slope: Exponent of the power spectrum; lung tissue needs about -3.6.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        box_cm: tuple[float, float, float, float],
        step_cm: float,
        slope: float = -3.6,
    ):
        """Draw the lattice."""
        x0, y0, x1, y1 = box_cm
        self.start = (x0, y0)
        self.step = step_cm
        cols = min(max(int(np.ceil((x1 - x0) / step_cm)), 4), 160) + 3
        rows = min(max(int(np.ceil((y1 - y0) / step_cm)), 4), 160) + 3
        self.lattice = _power_law(rng, rows, cols, slope)

    def __call__(self, x: Array, y: Array) -> Array:
        """Sample at columns x (1, w) and rows y (h, 1). Shape (h, w), float32."""
        height, width = self.lattice.shape
        rows = cubic_taps((y[:, 0] - self.start[1]) / self.step + 1, height)
        cols = cubic_taps((x[0] - self.start[0]) / self.step + 1, width)
        return resample(self.lattice, rows, cols)


def _power_law(rng: np.random.Generator, rows: int, cols: int, slope: float) -> Array:
    white = _spectrum(rng.standard_normal((rows, cols)))
    out = _spectrum(white * _amplitude(rows, cols, slope))
    return ((out - out.mean()) / (out.std() + 1e-9)).astype(np.float32)


def _spectrum(values: Array) -> Array:
    """Apply the Hartley transform along both axes; it is its own inverse."""
    rows, cols = (_waves(count) for count in values.shape)
    return exact_product(cols, exact_product(rows, values).T).T


@lru_cache(maxsize=64)
def _waves(count: int) -> Array:
    """Cosine plus sine of every frequency, of unit length, one in a row."""
    turn = 2 * math.pi / count
    wave = math.sqrt(2 / count) * sin(turn * np.arange(count) + math.pi / 4)
    return wave[np.outer(np.arange(count), np.arange(count)) % count]


@lru_cache(maxsize=64)
def _amplitude(rows: int, cols: int, slope: float) -> Array:
    """Weigh frequencies by a power law; 1 at the lowest, 0 for the mean."""
    fy, fx = (np.minimum(np.arange(n), n - np.arange(n)) / n for n in (rows, cols))
    ratio = 1 / np.maximum(max(rows, cols) * hypot(fy[:, None], fx), 1)
    amplitude = power(ratio, -slope / 2)
    amplitude[0, 0] = 0
    return amplitude


def smoothstep(value: Array, low: float, high: float) -> Array:
    """Rise smoothly from 0 at `low` to 1 at `high`."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
