"""Thickness maps of the chest: what the beam passes, in cm.

Water is counted as the depth of the body minus the gas in it. Lung is a path length
with a share of water; findings change that share, so a consolidated lung hides its
own vessels and a pneumothorax has none.
"""

from dataclasses import dataclass

import numpy as np

from chexnomaly.phantom.anatomy.chest import Chest
from chexnomaly.phantom.anatomy.grid import Array, Grid, Window
from chexnomaly.phantom.anatomy.texture import Texture
from chexnomaly.phantom.portable import exp, power


@dataclass
class Maps:
    """Thickness maps of one film, all of shape (H, W), float32.

    Attributes:
        body: Depth of the body including lungs, cm.
        lung: Path length inside the lungs, cm.
        density: Water share of that path, 0 to 1.
        vessels: Blood vessels inside the lung, cm.
        extra: Water added outside the lung, cm.
        gas: Gas outside the lung (trachea, stomach, bowel), cm.
        bone: Bone mineral, cm of cortical bone.
        metal: Devices, cm of cortical-bone equivalent.
    """

    body: Array
    lung: Array
    density: Array
    vessels: Array
    extra: Array
    gas: Array
    bone: Array
    metal: Array

    def fill(self, window: tuple, share: Array) -> None:
        """Replace a share of the lung's remaining air by water inside a window."""
        view = self.density[window]
        view += (1 - view) * np.clip(share, 0, 1)

    def empty(self, window: tuple, share: Array) -> None:
        """Replace a share of the lung's tissue, vessels included, by gas."""
        keep = 1 - np.clip(share, 0, 1)
        self.density[window] *= keep
        self.vessels[window] *= keep

    def water(self) -> Array:
        """Total water path, cm. Shape (H, W)."""
        air = self.lung * (1 - self.density)
        inside = np.minimum(self.vessels, self.lung) * (1 - self.density)
        return np.maximum(self.body - air + inside + self.extra - self.gas, 0)


def lung_maps(
    chest: Chest, grid: Grid, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Compute the path through both lungs.

    Args:
        chest: Curves of the patient.
        grid: Pixel grid.
        rng: Source of the mottled texture of aerated lung.

    Returns:
        Path length, cm, and normal water share; both (H, W), float32.
    """
    lung = grid.zeros()
    for side in (0, 1):
        # there is lung from the apex to 5 cm below the diaphragm's lowest place
        low = max(chest.floor(side), chest.base + 1.5) + 5
        window, u, y = half(chest, grid, side, chest.patient.half_width, (0, low))
        lung[window] += _one_lung(chest, side, u, y)
    grain = Texture(rng, (-20.0, -2.0, 20.0, 34.0), 0.26, -2.4)(grid.x, grid.y)
    density = chest.patient.lung_density * (1 + 0.13 * np.clip(grain, -2.5, 2.5))
    return lung, density.astype(np.float32)


def half_chest(chest: Chest, grid: Grid, side: int) -> tuple[Window, Array, Array]:
    """Give the window of one half of the chest, with `distance` and heights in it."""
    reach = chest.patient.half_width + 1.5
    return half(chest, grid, side, reach, (-3, chest.floor(side) + 10))


def half(
    chest: Chest, grid: Grid, side: int, reach: float = 99, heights=(-99, 99)
) -> tuple[Window, Array, Array]:
    """Give the same of one half of the film, or of what is within reach, cm."""
    middle = chest.midline(grid.y)
    low, high = float(middle.min()), float(middle.max())
    left, right = ((low - reach, high), (low, high + reach))[side]
    window = grid.window(left, heights[0], right, heights[1])
    return window, *distance(middle, grid, window, side)


def distance(middle: Array, grid: Grid, window, side: int) -> tuple[Array, Array]:
    """Distance u from the midline, given for all rows, and heights y, cm."""
    x, y = grid.axes(window)
    u = x - middle[window[0]]
    return (u if side else -u), y


def _one_lung(chest: Chest, side: int, u: Array, y: Array) -> Array:
    wall = chest.wall(side, y)
    share = np.clip(np.abs(u) / wall, 0, 1)
    depth = 2 * chest.patient.depth * _depth_profile(chest, side, y)
    path = depth * np.sqrt(1 - power(share, 2.2))
    below = np.clip((y - chest.dome(side, u)) / 5, 0, 1)
    path *= 1 - np.sqrt(below * (2 - below))
    inner = chest.border(side, y)
    path *= 0.78 + 0.22 * np.clip((u - inner) / 5, 0, 1)
    path *= 1 - mediastinal_share(chest, side, u, y)
    return np.where(u > 0, path, 0).astype(np.float32)


def _depth_profile(chest: Chest, side: int, y: Array) -> Array:
    """Depth of the lung by height: a rounded apex, deepest at the base."""
    t = np.clip(y / (0.5 * chest.floor(side)), 0, 1)
    return np.sqrt(1 - np.square(1 - t)) * (0.86 + 0.14 * t)


def mediastinal_share(chest: Chest, side: int, u: Array, y: Array) -> Array:
    """Share of the depth at (u, y) that heart and mediastinum take, 0 to 1."""
    border = np.maximum(chest.border(side, y), 0.1)
    low = np.clip((y / chest.base - 0.4) / 0.3, 0, 1)
    inside = np.clip(1 - np.square(u / border), 0, 1)
    heart = (0.68 + 0.02 * low) * power(inside, 0.7 - 0.18 * low)
    aorta = _descending_aorta(chest, side, u, y)
    return np.maximum(heart, 0) + (1 - heart) * aorta


def _descending_aorta(chest: Chest, side: int, u: Array, y: Array) -> Array:
    """Share taken by the aorta beside the spine, and by the tissue around it."""
    p = chest.patient
    spine = 0.5 * exp(-np.square(u / 1.8))
    if side == 0:
        return spine
    radius = 0.75 * p.knob + 0.15
    fade = np.clip((y - chest.knob_center[1]) / 1.5, 0, 1)
    fade = fade * np.clip((1.25 * chest.base - y) / 6, 0, 1)
    center = 0.9 + 0.6 * p.unfolding
    across = np.clip(1 - np.square((u - center) / radius), 0, 1)
    return np.maximum(spine, 0.28 * fade * np.sqrt(across))


def airway_gas(chest: Chest, grid: Grid) -> Array:
    """Gas in the trachea and main bronchi, cm. Shape (H, W), float32."""
    cx, cy = chest.carina
    top = float(chest.midline(-9.0))
    out = tube(grid, [(top, -12), (top, -2), (cx + 0.1, cy - 2), (cx, cy)], 0.7)
    for side, drop, run in ((0, 2.2, 1.9), (1, 2.1, 2.7)):
        end = (cx + (run if side else -run), cy + drop)
        bend = (cx + (run if side else -run) * 0.5, cy + 0.4 * drop)
        # the bronchi lie oblique among lymph nodes and vessels: they are fainter
        out = np.maximum(out, 0.7 * tube(grid, [(cx, cy - 0.2), bend, end], 0.5))
    fade = 1 - 0.35 * np.clip((grid.y - 2) / max(cy - 2, 1), 0, 1)
    return 0.7 * fade * grid.blur(out, 0.12)


def tube(grid: Grid, points: list, radius: float) -> Array:
    """Chord through a round tube along a polyline, cm. Shape (H, W), float32."""
    out = grid.zeros()
    for (x0, y0), (x1, y1) in zip(points[:-1], points[1:], strict=True):
        (left, right), (top, low) = sorted((x0, x1)), sorted((y0, y1))
        window = grid.window(left - radius, top - radius, right + radius, low + radius)
        off = segment_distance(*grid.axes(window), (x0, y0), (x1, y1))
        chord = 2 * np.sqrt(np.clip(radius * radius - off, 0, None))
        np.maximum(out[window], chord, out=out[window])
    return out


def segment_distance(x: Array, y: Array, start, end) -> Array:
    """Squared distance of pixels to a segment, cm^2."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = max(dx * dx + dy * dy, 1e-9)
    t = np.clip(((x - start[0]) * dx + (y - start[1]) * dy) / length, 0, 1)
    return np.square(x - start[0] - t * dx) + np.square(y - start[1] - t * dy)
