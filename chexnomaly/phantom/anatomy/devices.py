"""What is not anatomy: pacemakers, lines, tubes, wires and electrodes.

They are normal variation, not findings: no reader boxes them.
"""

import numpy as np

from chexnomaly.phantom.anatomy.chest import Chest
from chexnomaly.phantom.anatomy.grid import Array, Grid
from chexnomaly.phantom.anatomy.thickness_maps import tube
from chexnomaly.phantom.portable import random

Line = list[tuple[float, float]]


def device_map(chest: Chest, grid: Grid, rng: np.random.Generator) -> Array:
    """Draw the devices of one patient; most standing patients have none.

    Args:
        chest: Curves of the patient.
        grid: Pixel grid.
        rng: Source of randomness, used up in a fixed order.

    Returns:
        Metal and plastic, cm of bone equivalent. Shape (H, W), float32.
    """
    out = grid.zeros()
    age, ill = chest.patient.age, chest.patient.frontal_ap
    shares = {
        _pacemaker: 0.015 + 0.02 * (age > 65),
        _central_line: 0.5 if ill else 0.01,
        _breathing_tube: 0.25 if ill else 0.0,
        _electrodes: 0.75 if ill else 0.02,
        _sternal_wires: 0.012,
    }
    seeds = rng.bit_generator.seed_seq.spawn(5)
    draws = zip(shares.items(), rng.random(5), seeds, strict=True)
    for (device, share), chance, seed in draws:
        if chance < share:
            device(chest, grid, out, random(seed))
    return out


def _smooth(points: Line) -> Line:
    """Round a polyline by a quadratic spline through its midpoints."""
    path = np.array(points, float)
    for _ in range(3):
        first, last = path[:1], path[-1:]
        near = 0.75 * path[:-1] + 0.25 * path[1:]
        far = 0.25 * path[:-1] + 0.75 * path[1:]
        inner = np.stack([near, far], axis=1).reshape(-1, 2)
        path = np.concatenate([first, inner, last])
    pick = np.linspace(0, len(path) - 1, min(40, len(path))).round().astype(int)
    return path[pick].tolist()


def _wire(grid: Grid, out: Array, points: Line, radius: float, amount: float) -> None:
    """Add a wire; below a pixel in width it is spread over one."""
    wide = max(radius, 0.6 * grid.pixel_x)
    chord = tube(grid, points, wide) / (2 * wide)
    out += amount * chord * (radius / wide)


def _pacemaker(chest: Chest, grid: Grid, out: Array, rng: np.random.Generator) -> None:
    x, y = chest.locate(1, rng.uniform(0.55, 0.8), rng.uniform(0.2, 0.34))
    size = rng.uniform(1.7, 2.2)
    window = grid.window(x - size, y - size, x + size, y + size)
    gx, gy = grid.axes(window)
    across, down = np.abs(gx - x) / size, np.abs(gy - y) / (0.9 * size)
    rho = across * across * across + down * down * down
    out[window] += np.where(rho < 1, 1.2, 0) + np.where(rho < 0.35, 0.9, 0)
    cx, cy = chest.carina
    base = chest.dome_top(1)[1]
    apex = chest.to_x(1, 0.75 * float(chest.border(1, 0.9 * base)), 0)
    lead = [
        (x, y - 0.8 * size),
        (x - 2, y - 2.2),
        (cx + 2, 2.6),
        (cx - 1.6, cy - 2.5),
        (cx - 2.4, cy + 4),
        (cx - 1.0, cy + 9),
        (apex, 0.93 * base),
    ]
    _wire(grid, out, _smooth(lead), 0.09, 0.8)


def _central_line(chest: Chest, grid: Grid, out: Array, rng) -> None:
    cx, cy = chest.carina
    side = 1 if rng.random() < 0.3 else 0
    start = chest.to_x(side, rng.uniform(3, 5), -8)
    line = [
        (start, -10),
        (chest.to_x(side, 2.6, 0), 0.0),
        (cx - 1.9, cy - 2.5),
        (cx - 2.0, cy + rng.uniform(0.5, 4.0)),
    ]
    _wire(grid, out, _smooth(line), 0.08, 0.35)


def _breathing_tube(chest: Chest, grid: Grid, out: Array, rng) -> None:
    cx, cy = chest.carina
    top = float(chest.midline(-9.0))
    for shift in (-0.4, 0.4):
        _wire(grid, out, [(top + shift, -12), (cx + shift + 0.1, cy - 3)], 0.07, 0.22)


def _electrodes(chest: Chest, grid: Grid, out: Array, rng) -> None:
    for _ in range(int(rng.integers(2, 6))):
        side = int(rng.integers(2))
        x, y = chest.locate(side, rng.uniform(0.3, 1.1), rng.uniform(0.1, 1.0))
        _wire(grid, out, [(x, y), (x + 0.01, y)], 0.35, 0.7)
        end = (x + rng.normal(0, 6), y + rng.uniform(-16, 10))
        bend = (0.5 * (x + end[0]) + rng.normal(0, 3), 0.5 * (y + end[1]))
        _wire(grid, out, _smooth([(x, y), bend, end]), 0.06, 0.35)


def _sternal_wires(chest: Chest, grid: Grid, out: Array, rng) -> None:
    for y in np.arange(4.5, 16, 2.3) + rng.normal(0, 0.2, 5):
        x = float(chest.midline(y))
        loop = [(x - 0.6, y), (x, y - 0.35), (x + 0.6, y), (x, y + 0.35), (x - 0.6, y)]
        _wire(grid, out, _smooth(loop), 0.05, 0.9)
