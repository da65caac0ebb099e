"""Hila and the branching vessels of the lungs.

A tree is grown level by level in patient coordinates, sampled to points whose
volume is that of a cylinder, splatted on the grid and blurred once per caliber.

Points of a tree are an array of four rows: x and y, cm, the volume that the point
stands for, cm3, and the vessel's radius there, cm.
"""

from itertools import pairwise

import numpy as np

from chexnomaly.phantom.anatomy.chest import Chest
from chexnomaly.phantom.anatomy.grid import Array, Grid
from chexnomaly.phantom.portable import cos, exp, sin


def vessel_map(chest: Chest, grid: Grid, rng: np.random.Generator) -> Array:
    """Blood along the beam inside the lungs, cm. Shape (H, W), float32."""
    out = grid.zeros()
    trees = [_grow(chest, side, rng) for side in (0, 1)]
    # trunks wider than the last caliber are left to the tissue of the hilum
    for low, high in pairwise(CALIBERS):
        chosen = [
            tree[:3].compress((low < tree[3]) & (tree[3] <= high), 1) for tree in trees
        ]
        right, left = (grid.splat(*points) for points in chosen)
        out += grid.blur(right + left, 0.5 * (low + high) * 0.5)
    return out + _hilar_tissue(chest, grid, rng) + _minor_fissure(chest, grid, rng)


def _hilar_tissue(chest: Chest, grid: Grid, rng: np.random.Generator) -> Array:
    """Lymph nodes, veins and bronchial walls around both hila."""
    out = grid.zeros()
    for side in (0, 1):
        x, y = hilum(chest, side)
        along = np.linspace(-1.6, 2.4, 14)
        lean = (0.2 * along - 0.1) if side else -(0.2 * along - 0.1)
        xs = x + lean + 0.3 * rng.normal(size=14)
        volume = 1.1 * rng.gamma(4, 0.25, 14) * exp(-np.square((along - 0.4) / 1.6))
        out += grid.splat(xs, y + along, 0.6 * volume)
    return grid.blur(out, 0.5)


def _minor_fissure(chest: Chest, grid: Grid, rng: np.random.Generator) -> Array:
    """Pleura between two lobes of the right lung, seen edge on in some people."""
    seen, start, drop, bend, thick = rng.random(5)
    if seen >= 0.45:
        return grid.zeros()
    y0 = hilum(chest, 0)[1] + 2.0 * start - 0.6
    inner = float(chest.border(0, y0)) + 1.5
    u = np.linspace(inner, float(chest.wall(0, y0)), 200)
    across = (u - inner) / (u[-1] - inner)
    y = y0 + (2.2 * drop - 0.9) * across + (1.6 * bend - 0.8) * across * (1 - across)
    x = chest.midline(y) - u
    volume = (0.03 + 0.05 * thick) * (u[1] - u[0]) * np.ones(200)
    return grid.blur(grid.splat(x, y, 0.35 * volume), 0.03)


CALIBERS = (0.0, 0.035, 0.06, 0.1, 0.16, 0.26, 0.42, 0.9)
"""Radius classes, cm."""


def hilum(chest: Chest, side: int) -> tuple[float, float]:
    """Patient coordinates of a hilum, cm; the left one is higher."""
    y = chest.carina[1] + (2.6 if side == 0 else 1.6)
    u = float(chest.border(side, y)) * (0.98 if side == 0 else 0.92)
    return chest.to_x(side, u + (0.8 if side == 0 else 0.6), y), y


def _grow(chest: Chest, side: int, rng: np.random.Generator) -> Array:
    """Grow one lung's tree from its hilum; its points, (4, N)."""
    x0, y0 = hilum(chest, side)
    sign, gain = 1 if side else -1, chest.patient.vessel_gain
    angle, radius = _trunks(side, rng)
    reach = _reach(chest, side, (x0, y0), angle)
    count = len(angle)
    x, y = x0 - sign * 0.6 + 0.4 * rng.normal(size=count), y0 + rng.normal(size=count)
    start = np.stack([x, y])
    parts, live = [], np.arange(count)
    for share_of_reach in SHARES:
        # As much is drawn for all `count` places, living or not, and after the last
        # level: every tree uses up the same random numbers, and a finding elsewhere
        # does not regrow the vessels.
        length = rng.uniform(0.65, 1.3, count)[live] * share_of_reach * reach
        bend = 0.35 * rng.normal(size=count)[live]
        turn = rng.uniform(0.15, 0.6, (2, count))[:, live] * np.array([[1], [-1]])
        share = rng.uniform(0.62, 0.86, (2, count))[:, live]
        path = _path(start, angle, bend, length, radius, sign, gain)
        parts.append(path)
        if len(parts) < len(SHARES):
            # every branch that is still inside the lung divides into two
            end = path[:2, :, -1]
            share[1] = np.sqrt(np.clip(1.12 - np.square(share[0]), 0.2, 0.75))
            thin = radius * share
            on = (thin > 0.013) & _inside(chest, side, end)
            turned = angle + (23.5 / 24 - 0.3) * bend + turn
            angle, radius, live = turned[on], thin[on], (live + [[0], [count]])[on]
            parent = np.nonzero(on)[1]
            start, reach = end[:, parent], reach[parent]
            count *= 2
    out = np.empty((4, sum(part.shape[1] for part in parts), 24))
    return np.concatenate(parts, axis=1, out=out).reshape(4, -1)


SHARES = (0.2, 0.21, 0.18, 0.15, 0.12, 0.09, 0.07, 0.05)
"""Length of each level, as a share of the way from the hilum to the pleura."""


def _reach(chest: Chest, side: int, origin, angle: Array) -> Array:
    """Distance from the hilum to the lung's edge in each direction, cm."""
    sign = 1 if side else -1
    way = np.linspace(1, 24, 47)[None]
    x = origin[0] + sign * cos(angle)[:, None] * way
    y = origin[1] + sin(angle)[:, None] * way
    u = sign * (x - chest.midline(y))
    inside = (u < chest.wall(side, y)) & (y < chest.dome(side, u) + 2.5) & (y > 0)
    return 1 + 0.5 * np.argmin(np.c_[inside, np.zeros(len(angle), bool)], axis=1)


def _trunks(side: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Angles (0 lateral, positive down) and radii of the first branches."""
    angle = [-1.25, -0.95, -0.55, -0.15, 0.2, 0.55, 0.85, 1.1, 1.3]
    radius = [0.3, 0.36, 0.3, 0.27, 0.3, 0.38, 0.44, 0.5, 0.4]
    # veins and segmental branches between the arteries
    angle = np.array([*angle, *np.linspace(-1.1, 1.2, 5)])
    radius = np.array([*radius, *[0.2] * 5])
    if side:
        angle, radius = angle - 0.06, radius * 0.92
    angle = angle + 0.15 * rng.normal(size=14)
    return angle, radius * exp(0.2 * rng.normal(size=14))


def _path(start, angle, bend, length, radius, sign, gain: float) -> Array:
    """Sample slightly curved branches. Shape (4, branches, points)."""
    t = (np.arange(24)[:, None] + 0.5) / 24
    heading = angle + bend * (t - 0.3)
    step = length / 24
    out = np.empty((4, 24, len(step)))
    out[0], out[1] = cos(heading) * (sign * step), sin(heading) * step
    for before, here in pairwise(out[:2].swapaxes(0, 1)):  # faster than np.cumsum
        here += before
    out[:2] += start[:, None]
    out[3] = radius * (1 - 0.18 * t) * gain
    out[2] = np.pi * np.square(out[3]) * step
    return out.swapaxes(1, 2)


def _inside(chest: Chest, side: int, point: Array) -> Array:
    u = (point[0] - chest.midline(point[1])) * (1 if side else -1)
    wall = chest.wall(side, point[1])
    return (u > 0.3) & (u < 0.96 * wall) & (point[1] < chest.dome(side, u) + 3)
