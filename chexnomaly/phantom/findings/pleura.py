"""Findings of the pleura: fluid, air and scars between lung and chest wall."""

import numpy as np

from chexnomaly.phantom.anatomy.chest import Chest
from chexnomaly.phantom.anatomy.grid import Grid
from chexnomaly.phantom.anatomy.texture import Texture, smoothstep
from chexnomaly.phantom.anatomy.thickness_maps import Maps, half_chest
from chexnomaly.phantom.findings.painters import Lesions, Painter, draw_seed
from chexnomaly.phantom.findings.places import draw_sides, strip
from chexnomaly.phantom.portable import exp, hypot, power, random


def pleural_effusion(chest: Chest, rng, seen: float) -> Lesions:
    """Fluid in the costophrenic angle, its surface rising towards the wall."""
    for side in draw_sides(rng, 0.22, 0.55):
        yield _fluid(chest, side, rng, seen)


def _fluid(chest: Chest, side: int, rng, seen: float) -> tuple:
    """Fluid of one side, with its box."""
    height = 1.1 + rng.gamma(1.3, 2.7) * (0.4 + seen)
    bottom = chest.floor(side)
    height = float(min(height, 0.7 * bottom))
    level, rise = bottom - height + 0.4, min(0.45 * height + 0.5, 3.0)
    inner = _waterline(chest, side, level)
    outer = float(chest.wall(side, level)) + 0.1
    ends = (inner, bottom), (outer, bottom)
    box = strip(chest, side, *ends, level - 0.8 * rise, bottom)
    amount = 0.8 + 0.18 * seen
    # a large effusion also lies behind the heart
    deep = chest.dome_top(side)[1] > level
    rim = (0.0, 3.0) if deep else (inner - 0.6, inner + 0.5)

    def paint(maps: Maps, grid: Grid) -> None:
        window, u, y = half_chest(chest, grid, side)
        width = np.maximum(chest.wall(side, y) - inner, 0.5)
        up = np.clip((u - inner) / width, 0, 1)
        below = y - (level - rise * power(up, 2.5))
        # the film of fluid behind the lung thins out upwards and inwards
        behind = smoothstep(below, -0.15, 0.9 + 0.25 * height)
        behind = behind * smoothstep(u, *rim)
        beside = smoothstep(below, -0.1, 0.25) * power(up, 4)
        maps.fill(window, amount * np.maximum(behind, beside))

    return box, paint


def _waterline(chest: Chest, side: int, level: float) -> float:
    """Distance from the midline where the fluid's level meets the diaphragm."""
    top_u = chest.dome_top(side)[0]
    if float(chest.dome(side, top_u)) > level:
        return float(chest.border(side, level)) * 0.9
    u = np.linspace(0.15, 1, 120) * chest.patient.half_width
    hit = u[(chest.dome(side, u) > level) & (u > top_u)]
    return float(hit[0]) if len(hit) else 0.85 * chest.patient.half_width


def pleural_thickening(chest: Chest, rng, seen: float) -> Lesions:
    """A coat of scar under the apex, or along the wall."""
    if rng.random() < 0.78:
        for side in draw_sides(rng, 0.5, 0.58):
            yield _apical_cap(chest, side, rng, seen)
    else:
        yield _wall_scar(chest, int(rng.random() > 0.5), rng, seen)


def _apical_cap(chest: Chest, side: int, rng, seen: float) -> tuple:
    depth = rng.uniform(0.5, 1.3) * (0.6 + 0.5 * seen)
    end = rng.uniform(1.0, 3.2)
    ends = (float(chest.border(side, 0.8)), 0.8), (float(chest.wall(side, end)), 0.8)
    box = strip(chest, side, *ends, -0.15, end)
    return box, _coat(chest, side, (-0.5, end), depth, rng, seen)


def _wall_scar(chest: Chest, side: int, rng, seen: float) -> tuple:
    depth = rng.uniform(0.5, 1.2)
    top = rng.uniform(0.25, 0.75) * chest.floor(side)
    end = min(top + rng.uniform(2.5, 8.0), chest.floor(side) - 0.3)
    u = chest.wall(side, np.linspace(top, end, 9))
    ends = (float(u.min()) - depth - 0.3, top), (float(u.max()) + 0.1, top)
    box = strip(chest, side, *ends, top, end)
    return box, _coat(chest, side, (top, end), depth, rng, seen)


def _coat(chest: Chest, side: int, span, depth: float, rng, seen: float) -> Painter:
    """Return a painter that fills a wavy layer under the wall between two heights."""
    seed = draw_seed(rng)
    amount = 0.4 + 0.5 * seen

    def paint(maps: Maps, grid: Grid) -> None:
        window, u, y = half_chest(chest, grid, side)
        box = (-20, span[0] - 1, 20, span[1] + 1)
        wave = Texture(random(seed), box, 0.8, -3.0)
        thick = depth * (1 + 0.35 * wave(grid.axes(window)[0], y))
        # distance under the wall, the cap of the apex counted from above
        under = np.minimum(chest.wall(side, y) - u, 1.3 * (y + 0.4) + 0 * u)
        ends = smoothstep(y, span[0], span[0] + 0.5) * smoothstep(span[1] - y, 0, 0.8)
        layer = smoothstep(thick - under, 0.0, 0.3) * ends * (u > 0)
        maps.fill(window, amount * layer)

    return paint


def pneumothorax(chest: Chest, rng, seen: float) -> Lesions:
    """Air outside the lung: no vessels beyond a thin pleural line."""
    side = int(rng.random() > 0.62)
    depth = 0.8 + 3.2 * seen * rng.uniform(0.5, 1.0)
    end = chest.floor(side) * (0.14 + rng.uniform(0.15, 0.6) * (0.3 + 0.7 * seen))
    inner = float(chest.border(side, 1.0))
    outer = float(chest.wall(side, end)) + 0.1
    box = strip(chest, side, (inner, 1.0), (outer, end), -0.3, end)

    def paint(maps: Maps, grid: Grid) -> None:
        window, u, y = half_chest(chest, grid, side)
        lung = _collapsed(chest, side, u, y, depth, end)
        free = smoothstep(u - chest.border(side, y), -0.1, 0.4)
        free = free * smoothstep(end - y, 0, 0.3)
        outside = smoothstep(-lung, 0, 0.06) * free
        maps.empty(window, 0.96 * outside)
        pleura = exp(-np.square(lung / 0.05)) * free
        maps.extra[window] += 0.26 * pleura * smoothstep(maps.lung[window], 0.3, 2)
        # what is left of the lung holds the same blood in less room
        near = smoothstep(lung, 0, 0.5) * smoothstep(end - y, 0, 3) * free
        maps.fill(window, (0.03 + 0.08 * seen) * near)

    yield box, paint


def _collapsed(chest: Chest, side: int, u, y, depth: float, end: float):
    """Distance inside the visceral pleura, cm; negative in the free air."""
    top = 0.9 * depth
    # the shrunken lung keeps its shape: its apex hangs lower, its base stays
    own = (y - top) * end / (end - top)
    fall = np.maximum(-own, 0)
    fade = 1 - smoothstep(y, 0.1 * end, 1.05 * end)
    outer = chest.wall(side, own) - depth * fade - 6 * fall
    inner = chest.border(side, np.minimum(own, y)) + 2 * fall
    outside, inside = _across(outer - u, outer, y), _across(u - inner, inner, y)
    # a smooth minimum: the pleura has no corner
    gap = np.clip(0.5 + 0.5 * (inside - outside) / 0.8, 0, 1)
    return inside + gap * (outside - inside) - 0.8 * gap * (1 - gap)


def _across(along, curve, y):
    """Turn a sideways distance from the curve u(y) into one across it, cm."""
    steps = np.gradient(curve[:, 0], y[:, 0]) if len(y) > 1 else np.zeros(1)
    return along / hypot(1, steps)[:, None].astype(np.float32)
