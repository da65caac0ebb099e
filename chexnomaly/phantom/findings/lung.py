"""Findings inside the lung: the air of part of its depth gives way to water.

Each painter changes the water share of the lung, so the vessels inside a lesion
lose their contrast by themselves and nothing shows outside the lung.
"""

import numpy as np

from chexnomaly.phantom.anatomy.chest import Chest
from chexnomaly.phantom.anatomy.grid import Grid
from chexnomaly.phantom.anatomy.texture import Texture, smoothstep
from chexnomaly.phantom.anatomy.thickness_maps import Maps, tube
from chexnomaly.phantom.anatomy.vessels import hilum
from chexnomaly.phantom.findings.lesions import (
    Lesion,
    Painter,
    around,
    bent_line,
    blob,
    draw_place,
    draw_seed,
    hazy,
    strands,
    strip,
)


def _side(rng, right: float = 0.62) -> int:
    return int(rng.random() > right)


def _size(rng, median: float, spread: float, low: float, high: float) -> float:
    return float(np.clip(median * np.exp(spread * rng.normal()), low, high))


def _clip_to_lung(chest: Chest, side: int, box):
    """Cut a box at the chest wall, the midline, the apex and the sulcus."""
    y = np.linspace(max(box[1], 0), max(box[3], 0.1), 7)
    reach = float(chest.wall(side, y).max()) + 0.2
    middle = float(chest.midline(np.array((box[1] + box[3]) / 2)))
    low, high = (middle, middle + reach) if side else (middle - reach, middle)
    x0, x1 = np.clip(box[0], low, high), np.clip(box[2], low, high)
    y0, y1 = np.clip([box[1], box[3]], -0.4, chest.floor(side) + 0.5)
    return float(x0), float(y0), float(x1), float(y1)


def consolidation(chest: Chest, rng, seen: float) -> list[Lesion]:
    """Air spaces full of fluid: dense, fluffy edge, with open bronchi inside."""
    side, center = draw_place(chest, rng, 0.62, (0.25, 0.75), (0.3, 0.92))
    radii = (_size(rng, 3.7, 0.28, 1.8, 5.2), _size(rng, 4.1, 0.33, 1.8, 7.5))
    fissure = _fissure(radii, draw_seed(rng))
    amount = 0.2 + 0.3 * seen
    fill = hazy(center, radii, amount, draw_seed(rng), 0.8, 1.1, fissure)
    open_air = _bronchi(chest, side, center, radii, rng)
    box = _cut(around(center, radii), center, fissure)
    box = _clip_to_lung(chest, side, box)
    return [Lesion("consolidation", box, seen, (fill, open_air))]


def _fissure(radii, seed: int) -> tuple[float, float] | None:
    """Draw the fissure that ends a lobar lesion; None where none is touched."""
    rng = np.random.default_rng(seed)
    if rng.random() > 0.4:
        return None
    distance = rng.uniform(0.3, 0.75) * radii[1] * rng.choice([-1, 1])
    return float(distance), float(rng.normal(0, 0.12))


def _cut(box, center, fissure):
    """Shorten a box at a fissure."""
    if fissure is None:
        return box
    y = center[1] + fissure[0] + np.sign(fissure[0]) * 0.3 * abs(fissure[1])
    x0, y0, x1, y1 = box
    return (x0, y0, x1, min(y, y1)) if fissure[0] > 0 else (x0, max(y, y0), x1, y1)


def _bronchi(chest: Chest, side: int, center, radii, rng) -> Painter:
    """Return a painter of branching air tubes that head away from the hilum."""
    x0, y0 = hilum(chest, side)
    heading = np.arctan2(center[1] - y0, center[0] - x0)
    ahead = np.array([np.cos(heading), np.sin(heading)])
    lines = []
    for _ in range(4):
        start = center - 0.5 * np.array(radii) * ahead + 0.3 * rng.normal(size=2)
        angle = heading + 0.5 * rng.normal()
        x, y = bent_line(rng, start, angle, 0.9 * min(radii), 0.5)
        lines.append([(x[i], y[i]) for i in range(0, len(x), max(1, len(x) // 4))])

    def paint(maps: Maps, grid: Grid) -> None:
        for line in lines:
            gas = tube(grid, line, 0.14)
            maps.density *= 1 - np.clip(0.9 * gas / np.maximum(maps.lung, 1), 0, 0.5)

    return paint


def lung_opacity(chest: Chest, rng, seen: float) -> list[Lesion]:
    """Unspecific, homogeneous haze of any size."""
    out = []
    for _ in range(int(rng.choice([1, 2], p=[0.85, 0.15]))):
        side, center = draw_place(chest, rng, 0.62, (0.2, 0.8), (0.15, 0.95))
        radii = (_size(rng, 3.2, 0.45, 1.0, 5.2), _size(rng, 3.4, 0.55, 1.0, 8.0))
        fill = hazy(center, radii, 0.11 + 0.23 * seen, draw_seed(rng), 0.65, 1.2)
        box = _clip_to_lung(chest, side, around(center, radii, 0.9))
        out.append(Lesion("lung_opacity", box, seen, (fill,)))
    return out


def infiltration(chest: Chest, rng, seen: float) -> list[Lesion]:
    """Patchy, ill-defined shadows along the bronchi."""
    out = []
    for _ in range(int(rng.choice([1, 2], p=[0.75, 0.25]))):
        side, center = draw_place(chest, rng, 0.6, (0.2, 0.7), (0.2, 0.9))
        radii = (_size(rng, 3.4, 0.35, 1.6, 5.2), _size(rng, 3.9, 0.45, 1.6, 8.0))
        parts = [_streaks(chest, side, center, radii, rng, seen)]
        for _ in range(int(rng.integers(6, 12))):
            offset = np.clip(rng.normal(0, 0.4, 2), -0.8, 0.8)
            at = (center[0] + offset[0] * radii[0], center[1] + offset[1] * radii[1])
            size = rng.uniform(0.35, 0.75) * min(radii)
            amount, seed = 0.04 + 0.075 * seen, draw_seed(rng)
            parts.append(hazy(at, (size, 1.2 * size), amount, seed, 1.0, 1.3))
        box = _clip_to_lung(chest, side, around(center, radii, 0.9))
        out.append(Lesion("infiltration", box, seen, tuple(parts)))
    return out


def _streaks(chest: Chest, side: int, center, radii, rng, seen: float) -> Painter:
    """Return a painter of thickened bronchial walls that come from the hilum."""
    x0, y0 = hilum(chest, side)
    heading = np.arctan2(center[1] - y0, center[0] - x0)
    lines = []
    for _ in range(9):
        offset = rng.uniform(-0.6, 0.6, 2)
        start = (center[0] + offset[0] * radii[0], center[1] + offset[1] * radii[1])
        angle = heading + 0.45 * rng.normal()
        lines.append(bent_line(rng, start, angle, rng.uniform(0.8, 2.0), 0.5))
    return strands(lines, 0.07 + 0.04 * seen, 0.08)


def ild(chest: Chest, rng, seen: float) -> list[Lesion]:
    """Interstitial disease: a fine net of lines, low in one or both lungs."""
    sides = (0, 1) if rng.random() < 0.72 else (_side(rng),)
    high = rng.uniform(0.36, 0.76)
    return [
        _net(chest, side, high + rng.uniform(-0.08, 0.08), rng, seen) for side in sides
    ]


def _net(chest: Chest, side: int, high: float, rng, seen: float) -> Lesion:
    top = chest.locate(side, 0.5, high)[1]
    bottom = chest.floor(side) - rng.uniform(0.5, 2.5)
    y = np.linspace(top, bottom, 9)
    inner = rng.uniform(0.5, 1.1) * float(chest.border(side, y).mean())
    outer = float(chest.wall(side, y).max()) - 0.3
    middle = (top + bottom) / 2
    box = strip(chest, side, (inner, middle), (outer, middle), top, bottom)
    seed, amount = draw_seed(rng), 0.06 + 0.09 * seen
    center = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)

    def paint(maps: Maps, grid: Grid) -> None:
        window = grid.window(*box)
        own = np.random.default_rng(seed)
        x, y = grid.axes(window)
        mesh = 0.5 * _ridges(own, box, x, y, 0.26) + 0.5 * _ridges(own, box, x, y, 0.42)
        coarse = Texture(own, box, 1.6, -3.4)(x, y)
        rho = np.abs((x - center[0]) / (0.54 * (box[2] - box[0]))) ** 2.6
        rho = rho + np.abs((y - center[1]) / (0.54 * (box[3] - box[1]))) ** 2.6
        edge = smoothstep(1 - rho + 0.3 * np.minimum(rho, 1) * coarse, 0.0, 0.8)
        # most of it lies low and under the pleura
        low = 0.7 + 0.5 * (y - box[1]) / (box[3] - box[1])
        edge = edge * low * np.clip(1 + 0.35 * coarse, 0.3, 1.6)
        maps.fill(window, edge * amount * (0.55 + 0.9 * mesh))

    return Lesion("ild", box, seen, (paint,))


def _ridges(rng, box, x, y, step: float):
    """Bright lines where a random field crosses zero: a reticular pattern."""
    field = Texture(rng, box, step, -1.0)(x, y)
    return np.exp(-((field / 0.5) ** 2))


def pulmonary_fibrosis(chest: Chest, rng, seen: float) -> list[Lesion]:
    """Scars: dense strands that converge on a drawn-in center, mostly apical."""
    out = []
    for _ in range(int(rng.choice([1, 2, 3], p=[0.6, 0.32, 0.08]))):
        side = _side(rng, 0.56)
        down = 0.12 + 0.75 * rng.beta(1.1, 2.0)
        center = chest.locate(side, rng.uniform(0.2, 0.8), down)
        radii = (_size(rng, 2.0, 0.45, 0.8, 4.2), _size(rng, 1.9, 0.5, 0.7, 5.0))
        out.append(_scar(chest, side, center, radii, rng, seen))
    return out


def _scar(chest: Chest, side: int, center, radii, rng, seen: float) -> Lesion:
    haze = hazy(center, radii, 0.05 + 0.13 * seen, draw_seed(rng), 0.9, 0.8)
    lines = []
    focus = (center[0] + 0.3 * radii[0] * rng.normal(), center[1] - 0.2 * radii[1])
    for _ in range(int(7 + 5 * max(radii))):
        angle = rng.uniform(0, 2 * np.pi)
        reach = rng.uniform(0.4, 1.0)
        dx, dy = reach * radii[0] * np.cos(angle), reach * radii[1] * np.sin(angle)
        start = focus + 0.15 * np.array([dx, dy]) + 0.2 * rng.normal(size=2)
        angle, length = np.arctan2(dy, dx), 0.8 * np.hypot(dx, dy)
        lines.append(bent_line(rng, start, angle, length, 0.7))
    dense = strands(lines, 0.07 + 0.07 * seen, 0.06)
    box = _clip_to_lung(chest, side, around(center, radii))
    return Lesion("pulmonary_fibrosis", box, seen, (haze, dense))


def pneumonia(chest: Chest, rng, seen: float) -> list[Lesion]:
    """Lobar or segmental pneumonia as boxed in RSNA: large, often on both sides."""
    both = rng.random() < 0.57
    sides = (0, 1) if both else (_side(rng, 0.6),)
    out = []
    for side in sides:
        down = float(np.clip(rng.normal(0.65, 0.18), 0.15, 0.97))
        center = chest.locate(side, rng.uniform(0.2, 0.78), down)
        radii = (_size(rng, 4.2, 0.3, 1.6, 6.6), _size(rng, 5.9, 0.5, 1.8, 13.0))
        offset = rng.normal(0, 0.14, 2) * radii
        core = hazy(
            (center[0] + offset[0], center[1] + offset[1]),
            (0.7 * radii[0], 0.7 * radii[1]),
            0.08 + 0.22 * seen,
            draw_seed(rng),
            1.0,
            1.0,
        )
        rim = hazy(center, radii, 0.11 + 0.22 * seen, draw_seed(rng), 0.8, 0.95)
        air = _bronchi(chest, side, center, radii, rng)
        box = _clip_to_lung(chest, side, around(center, radii))
        out.append(Lesion("pneumonia", box, seen, (rim, core, air)))
    return out


def covid(chest: Chest, rng, seen: float) -> list[Lesion]:
    """Ground glass at the lungs' edge, on both sides, lower more than upper."""
    out = []
    for side in (0, 1):
        for _ in range(int(rng.integers(1, 4))):
            down = float(np.clip(rng.normal(0.65, 0.22), 0.15, 0.97))
            center = chest.locate(side, rng.uniform(0.6, 0.95), down)
            radii = (_size(rng, 2.2, 0.3, 1.0, 4.0), _size(rng, 3.2, 0.35, 1.2, 6.0))
            seed = draw_seed(rng)
            paint = _ground_glass(center, radii, 0.12 + 0.26 * seen, seed)
            box = _clip_to_lung(chest, side, around(center, radii, 0.9))
            out.append(Lesion("covid", box, seen, (paint,)))
    return out


def _ground_glass(center, radii, amount: float, seed: int) -> Painter:
    """Return a painter of even haze that leaves the vessels visible."""

    def paint(maps: Maps, grid: Grid) -> None:
        window, field, _ = blob(grid, center, radii, seed, 0.7)
        share = amount * smoothstep(field, 0.0, 0.75)
        before = maps.density[window].copy()
        maps.fill(window, share)
        # vessels keep their contrast: compensate the loss of air around them
        maps.vessels[window] *= (1 - before) / np.maximum(1 - maps.density[window], 0.2)

    return paint
