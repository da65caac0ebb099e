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
from chexnomaly.phantom.findings import painters, places
from chexnomaly.phantom.findings.painters import Lesions, Painter
from chexnomaly.phantom.portable import arctan2, cos, exp, hypot, power, random, sin


def consolidation(chest: Chest, rng, seen: float) -> Lesions:
    """Air spaces full of fluid: dense, fluffy edge, with open bronchi inside."""
    side, center = places.draw_place(chest, rng, 0.62, (0.25, 0.75), (0.3, 0.92))
    radii = places.draw_radii(rng, (3.7, 0.28, 1.8, 5.2), (4.1, 0.33, 1.8, 7.5))
    fissure = _fissure(radii, random(painters.draw_seed(rng)))
    fill = painters.hazy(center, radii, 0.2 + 0.3 * seen, rng, 0.8, 1.1, fissure)
    open_air = _bronchi(chest, side, center, radii, rng)
    box = _cut(places.around(center, radii), center, fissure)
    yield places.clip_to_lung(chest, side, box), fill, open_air


def _fissure(radii, rng: np.random.Generator) -> tuple[float, float] | None:
    """Draw the fissure that ends a lobar lesion; None where none is touched."""
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
    heading = _heading(chest, side, center)
    ahead = np.array([cos(heading), sin(heading)])
    lines = []
    for _ in range(4):
        start = center - 0.5 * np.array(radii) * ahead + 0.3 * rng.normal(size=2)
        angle = heading + 0.5 * rng.normal()
        x, y = painters.bent_line(rng, start, angle, 0.9 * min(radii), 0.5)
        lines.append([(x[i], y[i]) for i in range(0, len(x), max(1, len(x) // 4))])

    def paint(maps: Maps, grid: Grid) -> None:
        for line in lines:
            gas = tube(grid, line, 0.14)
            maps.density *= 1 - np.clip(0.9 * gas / np.maximum(maps.lung, 1), 0, 0.5)

    return paint


def _heading(chest: Chest, side: int, point) -> float:
    """Direction from the hilum to a point, rad."""
    x0, y0 = hilum(chest, side)
    return arctan2(point[1] - y0, point[0] - x0)


def lung_opacity(chest: Chest, rng, seen: float) -> Lesions:
    """Unspecific, homogeneous haze of any size."""
    for _ in range(int(rng.choice([1, 2], p=[0.85, 0.15]))):
        side, center = places.draw_place(chest, rng, 0.62, (0.2, 0.8), (0.15, 0.95))
        radii = places.draw_radii(rng, (3.2, 0.45, 1.0, 5.2), (3.4, 0.55, 1.0, 8.0))
        fill = painters.hazy(center, radii, 0.11 + 0.23 * seen, rng, 0.65, 1.2)
        box = places.around(center, radii, 0.9)
        yield places.clip_to_lung(chest, side, box), fill


def infiltration(chest: Chest, rng, seen: float) -> Lesions:
    """Patchy, ill-defined shadows along the bronchi."""
    for _ in range(int(rng.choice([1, 2], p=[0.75, 0.25]))):
        side, center = places.draw_place(chest, rng, 0.6, (0.2, 0.7), (0.2, 0.9))
        radii = places.draw_radii(rng, (3.4, 0.35, 1.6, 5.2), (3.9, 0.45, 1.6, 8.0))
        parts = [_streaks(chest, side, center, radii, rng, seen)]
        for _ in range(int(rng.integers(6, 12))):
            at = center + np.clip(rng.normal(0, 0.4, 2), -0.8, 0.8) * radii
            size = rng.uniform(0.35, 0.75) * min(radii)
            spot, amount = (size, 1.2 * size), 0.04 + 0.075 * seen
            parts.append(painters.hazy(at, spot, amount, rng, 1.0, 1.3))
        box = places.around(center, radii, 0.9)
        yield places.clip_to_lung(chest, side, box), *parts


def _streaks(chest: Chest, side: int, center, radii, rng, seen: float) -> Painter:
    """Return a painter of thickened bronchial walls that come from the hilum."""
    heading = _heading(chest, side, center)
    lines = []
    for _ in range(9):
        start = center + rng.uniform(-0.6, 0.6, 2) * radii
        angle = heading + 0.45 * rng.normal()
        lines.append(painters.bent_line(rng, start, angle, rng.uniform(0.8, 2.0), 0.5))
    return painters.strands(lines, 0.07 + 0.04 * seen, 0.08)


def ild(chest: Chest, rng, seen: float) -> Lesions:
    """Interstitial disease: a fine net of lines, low in one or both lungs."""
    sides = places.draw_sides(rng, 0.72, 0.62)
    high = rng.uniform(0.36, 0.76)
    for side in sides:
        yield _net(chest, side, high + rng.uniform(-0.08, 0.08), rng, seen)


def _net(chest: Chest, side: int, high: float, rng, seen: float) -> tuple:
    """Mesh of one lung, with its box."""
    top = chest.locate(side, 0.5, high)[1]
    bottom = chest.floor(side) - rng.uniform(0.5, 2.5)
    y = np.linspace(top, bottom, 9)
    inner = rng.uniform(0.5, 1.1) * float(chest.border(side, y).mean())
    outer = float(chest.wall(side, y).max()) - 0.3
    middle = (top + bottom) / 2
    box = places.strip(chest, side, (inner, middle), (outer, middle), top, bottom)
    seed, amount = painters.draw_seed(rng), 0.06 + 0.09 * seen
    center = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)

    def paint(maps: Maps, grid: Grid) -> None:
        window = grid.window(*box)
        own = random(seed)
        x, y = grid.axes(window)
        mesh = 0.5 * _ridges(own, box, x, y, 0.26) + 0.5 * _ridges(own, box, x, y, 0.42)
        coarse = Texture(own, box, 1.6, -3.4)(x, y)
        rho = power(np.abs(x - center[0]) / (0.54 * (box[2] - box[0])), 2.6)
        rho = rho + power(np.abs(y - center[1]) / (0.54 * (box[3] - box[1])), 2.6)
        edge = smoothstep(1 - rho + 0.3 * np.minimum(rho, 1) * coarse, 0.0, 0.8)
        # most of it lies low and under the pleura
        low = 0.7 + 0.5 * (y - box[1]) / (box[3] - box[1])
        edge = edge * low * np.clip(1 + 0.35 * coarse, 0.3, 1.6)
        maps.fill(window, edge * amount * (0.55 + 0.9 * mesh))

    return box, paint


def _ridges(rng, box, x, y, step: float):
    """Bright lines where a random field crosses zero: a reticular pattern."""
    field = Texture(rng, box, step, -1.0)(x, y)
    return exp(-np.square(field / 0.5))


def pulmonary_fibrosis(chest: Chest, rng, seen: float) -> Lesions:
    """Scars: dense strands that converge on a drawn-in center, mostly apical."""
    for _ in range(int(rng.choice([1, 2, 3], p=[0.6, 0.32, 0.08]))):
        side = int(rng.random() > 0.56)
        down = 0.12 + 0.75 * rng.beta(1.1, 2.0)
        center = chest.locate(side, rng.uniform(0.2, 0.8), down)
        radii = places.draw_radii(rng, (2.0, 0.45, 0.8, 4.2), (1.9, 0.5, 0.7, 5.0))
        haze = painters.hazy(center, radii, 0.05 + 0.13 * seen, rng, 0.9, 0.8)
        scar = _scar(center, radii, rng, seen)
        box = places.around(center, radii)
        yield places.clip_to_lung(chest, side, box), haze, scar


def _scar(center, radii, rng, seen: float) -> Painter:
    """Return a painter of strands around a center."""
    lines = []
    focus = (center[0] + 0.3 * radii[0] * rng.normal(), center[1] - 0.2 * radii[1])
    for _ in range(int(7 + 5 * max(radii))):
        angle = rng.uniform(0, 2 * np.pi)
        reach = rng.uniform(0.4, 1.0)
        dx, dy = reach * radii[0] * cos(angle), reach * radii[1] * sin(angle)
        start = focus + 0.15 * np.array([dx, dy]) + 0.2 * rng.normal(size=2)
        angle, length = arctan2(dy, dx), 0.8 * hypot(dx, dy)
        lines.append(painters.bent_line(rng, start, angle, length, 0.7))
    return painters.strands(lines, 0.07 + 0.07 * seen, 0.06)


def pneumonia(chest: Chest, rng, seen: float) -> Lesions:
    """Lobar or segmental pneumonia as boxed in RSNA: large, often on both sides."""
    for side in places.draw_sides(rng, 0.57, 0.6):
        down = float(np.clip(rng.normal(0.65, 0.18), 0.15, 0.97))
        center = chest.locate(side, rng.uniform(0.2, 0.78), down)
        radii = places.draw_radii(rng, (4.2, 0.3, 1.6, 6.6), (5.9, 0.5, 1.8, 13.0))
        middle, inner = center + rng.normal(0, 0.14, 2) * radii, np.multiply(0.7, radii)
        core = painters.hazy(middle, inner, 0.08 + 0.22 * seen, rng, 1.0, 1.0)
        rim = painters.hazy(center, radii, 0.11 + 0.22 * seen, rng, 0.8, 0.95)
        air = _bronchi(chest, side, center, radii, rng)
        box = places.around(center, radii)
        yield places.clip_to_lung(chest, side, box), rim, core, air


def covid(chest: Chest, rng, seen: float) -> Lesions:
    """Ground glass at the lungs' edge, on both sides, lower more than upper."""
    for side in (0, 1):
        for _ in range(int(rng.integers(1, 4))):
            down = float(np.clip(rng.normal(0.65, 0.22), 0.15, 0.97))
            center = chest.locate(side, rng.uniform(0.6, 0.95), down)
            radii = places.draw_radii(rng, (2.2, 0.3, 1.0, 4.0), (3.2, 0.35, 1.2, 6.0))
            paint = _ground_glass(center, radii, 0.12 + 0.26 * seen, rng)
            box = places.around(center, radii, 0.9)
            yield places.clip_to_lung(chest, side, box), paint


def _ground_glass(center, radii, amount: float, rng) -> Painter:
    """Return a painter of even haze that leaves the vessels visible."""
    seed = painters.draw_seed(rng)

    def paint(maps: Maps, grid: Grid) -> None:
        window, field, _ = painters.blob(grid, center, radii, seed, 0.7)
        before = maps.density[window].copy()
        maps.fill(window, amount * smoothstep(field, 0.0, 0.75))
        # vessels keep their contrast: compensate the loss of air around them
        maps.vessels[window] *= (1 - before) / np.maximum(1 - maps.density[window], 0.2)

    return paint
