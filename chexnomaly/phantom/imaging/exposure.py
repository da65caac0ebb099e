"""From thickness maps to the integers of a file: beam, detector, display.

Beer-Lambert attenuation, scatter, detector blur, Poisson noise, logarithm, the
vendor's compression of the dynamic range and edge enhancement, a sigmoid curve,
collimation and the side marker.
"""

from dataclasses import dataclass

import numpy as np

from chexnomaly.phantom.anatomy.grid import Array, Grid
from chexnomaly.phantom.anatomy.thickness_maps import Maps, segment_distance

MU_WATER = 0.172
"""Effective attenuation of soft tissue at chest tube voltages, 1/cm."""
MU_BONE = 0.42
"""Additional attenuation of cortical bone over water, 1/cm."""


@dataclass(frozen=True)
class Technique:
    """How the film was exposed and displayed.

    Attributes:
        scatter: Share of scattered light behind the grid.
        blur_cm: Detector blur, cm.
        photons: Relative dose.
        compression: Share of the coarse image that is subtracted.
        sharpening: Strength of edge enhancement.
        contrast: Slope of the display curve.
        brightness: Attenuation share shown as middle gray.
        shutters: Width of the black borders left, top, right, bottom, shares.
        marker: Letter burnt in, or "".
        marker_at: Its position, shares of width and height.
        marker_size: Its height, share of the film's height.
        floor: Level of the darkest displayed value, 0 to 1.
        ceiling: Level of the brightest displayed value, 0 to 1.
    """

    scatter: float
    blur_cm: float
    photons: float
    compression: float
    sharpening: float
    contrast: float
    brightness: float
    shutters: tuple[float, float, float, float]
    marker: str
    marker_at: tuple[float, float]
    marker_size: float
    floor: float
    ceiling: float


def sample_technique(rng: np.random.Generator, frontal_ap: bool) -> Technique:
    """Draw exposure and display settings."""
    closed = rng.random() < 0.22
    shutters = tuple(rng.uniform(0, 0.05, 4) * closed)
    left = bool(rng.random() < 0.55)
    marker = ("L" if left else "R") if rng.random() < 0.8 else ""
    across = rng.uniform(0.08, 0.2)
    return Technique(
        scatter=rng.uniform(0.15, 0.35) + 0.12 * frontal_ap,
        blur_cm=rng.uniform(0.02, 0.05),
        photons=float(np.exp(rng.normal(0, 0.4))),
        compression=rng.uniform(0.4, 0.7),
        sharpening=rng.uniform(0.3, 1.1),
        contrast=rng.uniform(2.0, 5.0),
        brightness=rng.uniform(0.38, 0.64),
        shutters=shutters,
        marker=marker,
        marker_at=(1 - across if left else across, rng.uniform(0.05, 0.14)),
        marker_size=rng.uniform(0.02, 0.035),
        floor=rng.uniform(0.0, 0.2),
        ceiling=rng.uniform(0.65, 1.0),
    )


def expose(
    maps: Maps, grid: Grid, technique: Technique, rng: np.random.Generator
) -> Array:
    """Turn thickness into the displayed film.

    Args:
        maps: Thickness maps.
        grid: Their grid.
        technique: Exposure and display.
        rng: Source of quantum noise.

    Returns:
        Brightness, air dark and bone bright, in [0, 1]. Shape (H, W), float32.
    """
    depth = MU_WATER * maps.water() + MU_BONE * (maps.bone + maps.metal)
    light = np.exp(-depth)
    light = light + technique.scatter * 0.5 * grid.blur(light, 4.0)
    light = grid.blur(light, technique.blur_cm)
    # one photon count per area: small pixels are noisier, as on a detector
    area = grid.pixel_x * grid.pixel_y
    noise = 1.2e-8 / (technique.photons * area)
    light = light + np.sqrt(light * noise) * rng.standard_normal(
        light.shape, dtype=np.float32
    )
    return display(-np.log(np.maximum(light, 1e-4)), grid, technique)


def display(signal: Array, grid: Grid, technique: Technique) -> Array:
    """Apply the vendor's processing to the log signal. Shape kept, [0, 1]."""
    coarse = grid.blur(signal, 5.0)
    signal = signal - technique.compression * (coarse - coarse.mean())
    signal = signal + technique.sharpening * (signal - grid.blur(signal, 0.4))
    inner = signal[_middle(grid.height_px), _middle(grid.width_px)]
    low, high = np.percentile(inner[::2, ::2], [5, 95])
    share = 0.24 + 0.70 * (signal - low) / max(high - low, 1e-3)
    curve = _sigmoid(share, technique)
    shown = technique.floor + (technique.ceiling - technique.floor) * curve
    shown = _burn_marker(shown, grid, technique)
    return _collimate(shown, technique).astype(np.float32)


def _middle(count: int) -> slice:
    return slice(count // 8, count - count // 8)


def _sigmoid(share: Array, technique: Technique) -> Array:
    """S-curve through 0 at the darkest lung and 1 at the densest abdomen."""
    k, mid = technique.contrast, technique.brightness
    share = np.clip(share, -0.6, 1.25)
    raw = 1 / (1 + np.exp(-k * (share - mid)))
    low, high = 1 / (1 + np.exp(k * (mid + 0.12))), 1 / (1 + np.exp(-k * (1.1 - mid)))
    return np.clip((raw - low) / (high - low), 0, 1)


def _collimate(shown: Array, technique: Technique) -> Array:
    left, top, right, bottom = technique.shutters
    rows, cols = shown.shape
    shown[: round(top * rows)] = 0
    shown[rows - round(bottom * rows) :] = 0
    shown[:, : round(left * cols)] = 0
    shown[:, cols - round(right * cols) :] = 0
    return shown


STROKES = {
    "L": [((0, 0), (0, 1)), ((0, 1), (0.6, 1))],
    "R": [
        ((0, 0), (0, 1)),
        ((0, 0), (0.45, 0)),
        ((0.45, 0), (0.6, 0.14)),
        ((0.6, 0.14), (0.6, 0.36)),
        ((0.6, 0.36), (0.45, 0.5)),
        ((0.45, 0.5), (0, 0.5)),
        ((0.25, 0.5), (0.62, 1)),
    ],
}
"""Letters as line segments in a unit square."""


def _burn_marker(shown: Array, grid: Grid, technique: Technique) -> Array:
    """Draw the lead letter that names the side."""
    width, height = grid.field_cm
    size = technique.marker_size * height
    x0 = grid.corner_cm[0] + technique.marker_at[0] * width
    y0 = grid.corner_cm[1] + technique.marker_at[1] * height
    window = grid.window(x0 - size, y0 - size, x0 + 2 * size, y0 + 2 * size)
    x, y = grid.axes(window)
    stroke = max(0.09 * size, 0.5 * grid.pixel_x)
    for (u0, v0), (u1, v1) in STROKES.get(technique.marker, []):
        start = (x0 + u0 * size, y0 + v0 * size)
        end = (x0 + u1 * size, y0 + v1 * size)
        off = np.sqrt(segment_distance(x, y, start, end))
        ink = np.clip((stroke - off) / grid.pixel_x + 0.5, 0, 1)
        shown[window] += (1 - shown[window]) * ink
    return shown
