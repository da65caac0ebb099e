"""From a patient with lesions to the displayed film: maps, beam, detector, display.

Beer-Lambert attenuation, scatter, detector blur, Poisson noise, logarithm, the
vendor's compression of the dynamic range and edge enhancement, a sigmoid curve,
collimation and the side marker.
"""

from collections.abc import Collection, Mapping
from itertools import pairwise

import numpy as np

from chexnomaly.phantom.anatomy import body
from chexnomaly.phantom.anatomy.chest import Chest
from chexnomaly.phantom.anatomy.devices import device_map
from chexnomaly.phantom.anatomy.grid import Array, Grid
from chexnomaly.phantom.anatomy.skeleton import bone_map
from chexnomaly.phantom.anatomy.thickness_maps import (
    Maps,
    airway_gas,
    lung_maps,
    segment_distance,
)
from chexnomaly.phantom.anatomy.vessels import vessel_map
from chexnomaly.phantom.findings.catalog import Lesion, paint_lesions
from chexnomaly.phantom.portable import exp, log

Streams = Mapping[str, np.random.Generator]

MU_WATER = 0.172
"""Effective attenuation of soft tissue at chest tube voltages, 1/cm."""
MU_BONE = 0.42
"""Additional attenuation of cortical bone over water, 1/cm."""

STROKES = {
    "": [],
    "L": [[(0, 0), (0, 1), (0.6, 1)]],
    "R": [
        [(0, 0), (0, 1)],
        [(0, 0), (0.45, 0), (0.6, 0.14), (0.6, 0.36), (0.45, 0.5), (0, 0.5)],
        [(0.25, 0.5), (0.62, 1)],
    ],
}
"""Letters as polylines in a unit square."""


def render(
    chest: Chest,
    lesions: list[Lesion],
    grid: Grid,
    streams: Streams,
    painted: Collection[str],
) -> np.ndarray:
    """Render one film.

    Args:
        chest: Curves of the patient.
        lesions: What the patient has, in the order it acts.
        grid: Pixel grid.
        streams: Random streams "vessels", "gas", "bones", "devices", "tissue",
            "technique" and "noise".
        painted: Findings drawn as a bright ellipse in place of their physics.

    Returns:
        Brightness, air dark and bone bright, in [0, 1]. Shape (H, W), float32.
    """
    maps = _healthy_maps(chest, grid, streams)
    paint_lesions(lesions, maps, grid, painted)
    bedside = chest.patient.frontal_ap
    return expose(maps, grid, bedside, streams["technique"], streams["noise"])


def _healthy_maps(chest: Chest, grid: Grid, streams: Streams) -> Maps:
    """Compute the thickness maps before any lesion is painted."""
    lung, density = lung_maps(chest, grid, streams["tissue"])
    vessels = vessel_map(chest, grid, streams["vessels"])
    soft = body.breast_map(chest, grid) + body.neck_shadow(chest, grid)
    gas = airway_gas(chest, grid) + body.abdominal_gas(chest, grid, streams["gas"])
    return Maps(
        body=body.body_map(chest, grid),
        lung=lung,
        density=density,
        # where heart or liver takes the depth, there are fewer vessels
        vessels=vessels * np.clip(lung / 9, 0, 1),
        extra=soft + body.tissue_grain(chest, grid, streams["tissue"]),
        gas=gas,
        bone=bone_map(chest, grid, streams["bones"]),
        metal=device_map(chest, grid, streams["devices"]),
    )


def expose(
    maps: Maps,
    grid: Grid,
    bedside: bool,
    rng: np.random.Generator,
    noise: np.random.Generator,
) -> Array:
    """Turn thickness into the displayed film.

    Args:
        maps: Thickness maps.
        grid: Their grid.
        bedside: Whether the film was taken in bed, with more scatter.
        rng: Source of exposure and display settings, drawn where they act; but for
            the shutters and the side of the marker, which come first.
        noise: Source of quantum noise.

    Returns:
        Brightness, air dark and bone bright, in [0, 1]. Shape (H, W), float32.
    """
    shutters = rng.uniform(0, 0.05, 4) * (rng.random(4) < 0.12)
    left = rng.random() < 0.55
    letter = "RL"[left] if rng.random() < 0.8 else ""
    across = abs(left - rng.uniform(0.08, 0.2))
    depth = MU_WATER * maps.water() + MU_BONE * (maps.bone + maps.metal)
    light = _detect(exp(-depth), grid, bedside, rng, noise)
    shown = _display(-log(np.maximum(light, 1e-4)), grid, bedside, rng)
    at, height = (across, rng.uniform(0.05, 0.14)), rng.uniform(0.02, 0.035)
    floor, ceiling = rng.uniform(0.0, 0.2), rng.uniform(0.85, 1.0)
    shown = floor + (ceiling - floor) * shown
    _burn_marker(shown, grid, letter, at, height)
    _collimate(shown, *shutters)
    return shown.astype(np.float32)


def _detect(light: Array, grid: Grid, bedside: bool, rng, noise) -> Array:
    """Add scattered light behind the grid, the detector's blur and quantum noise."""
    # at the bed there is no grid against scatter
    scatter = rng.uniform(0.15, 0.35) + 0.5 * bedside
    light = light + scatter * 0.5 * grid.blur(light, 4.0)
    light = grid.blur(light, rng.uniform(0.02, 0.05))
    photons = exp(rng.normal(0, 0.4))
    # one photon count per area: small pixels are noisier, as on a detector
    variance = light * (1.2e-8 / (photons * (grid.pixel_x * grid.pixel_y)))
    return light + np.sqrt(variance) * noise.standard_normal(light.shape, np.float32)


def _display(signal: Array, grid: Grid, bedside: bool, rng) -> Array:
    """Apply the vendor's processing to the log signal. Shape kept, [0, 1].

    Vendors differ: some even out lung and abdomen and sharpen edges, others show the
    signal nearly as it is, with a white abdomen.
    """
    coarse = grid.blur(signal, 5.0)
    signal = signal - rng.uniform(0.0, 0.6) * (coarse - coarse.mean())
    signal = signal + rng.uniform(0.0, 0.9) * (signal - grid.blur(signal, 0.4))
    middle = tuple(slice(count // 8, count - count // 8) for count in grid.shape)
    low, high = np.percentile(signal[middle][::2, ::2], [5, 95])
    share = 0.24 + 0.70 * (signal - low) / max(high - low, 1e-3)
    return _sigmoid(share, rng.uniform(2.5, 5.5) - bedside, rng.uniform(0.28, 0.62))


def _sigmoid(share: Array, k: float, mid: float) -> Array:
    """S-curve through 0 at the darkest lung and 1 at the densest abdomen."""
    share = np.clip(share, -0.6, 1.25)
    raw = 1 / (1 + exp(-k * (share - mid)))
    low, high = 1 / (1 + exp(k * (mid + 0.12))), 1 / (1 + exp(-k * (1.1 - mid)))
    return np.clip((raw - low) / (high - low), 0, 1)


def _burn_marker(shown: Array, grid: Grid, letter: str, at, height: float) -> None:
    """Draw the lead letter that names the side; place and height as film shares."""
    size = height * grid.field_cm[1]
    x0 = grid.corner_cm[0] + at[0] * grid.field_cm[0]
    y0 = grid.corner_cm[1] + at[1] * grid.field_cm[1]
    window = grid.window(x0 - size, y0 - size, x0 + 2 * size, y0 + 2 * size)
    x, y = grid.axes(window)
    stroke = max(0.09 * size, 0.5 * grid.pixel_x)
    lines = [pair for line in STROKES[letter] for pair in pairwise(line)]
    for (u0, v0), (u1, v1) in lines:
        start = (x0 + u0 * size, y0 + v0 * size)
        end = (x0 + u1 * size, y0 + v1 * size)
        off = np.sqrt(segment_distance(x, y, start, end))
        ink = np.clip((stroke - off) / grid.pixel_x + 0.5, 0, 1)
        shown[window] += (1 - shown[window]) * ink


def _collimate(shown: Array, left, top, right, bottom) -> None:
    """Blacken what the shutters cover; their widths as shares of the film."""
    rows, cols = shown.shape
    shown[: round(top * rows)] = 0
    shown[rows - round(bottom * rows) :] = 0
    shown[:, : round(left * cols)] = 0
    shown[:, cols - round(right * cols) :] = 0
