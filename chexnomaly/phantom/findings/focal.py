"""Small findings: nodules, calcifications, and the mixed bag of other lesions."""

import numpy as np

from chexnomaly.phantom.anatomy.chest import Chest
from chexnomaly.phantom.anatomy.grid import Array, Grid
from chexnomaly.phantom.anatomy.texture import Texture, smoothstep
from chexnomaly.phantom.anatomy.thickness_maps import Maps
from chexnomaly.phantom.findings import painters, places
from chexnomaly.phantom.findings.painters import Lesions, Painter
from chexnomaly.phantom.portable import cos, exp, hypot, power, random, sin


def nodule_mass(chest: Chest, rng, seen: float) -> Lesions:
    """Round water-dense bodies: their depth is a sphere's, not a disk's."""
    for _ in range(int(rng.choice([1, 2, 4, 9], p=[0.6, 0.2, 0.12, 0.08]))):
        _, center = places.draw_place(chest, rng, 0.6, (0.12, 0.88), (0.12, 0.95))
        mass = rng.random() < 0.22
        radius = rng.uniform(1.5, 3.8) if mass else rng.uniform(0.35, 0.95)
        paint = [_sphere(center, radius, 0.55 + 0.6 * seen, rng)]
        if mass:
            paint.append(_spikes(center, radius, rng, seen))
        yield places.around(center, (radius, radius)), *paint


def _sphere(center, radius: float, density: float, rng) -> Painter:
    """Return a painter of a slightly lobed solid sphere in the lung."""
    box = places.around(center, (radius, radius), 1.3)
    seed = painters.draw_seed(rng)

    def paint(maps: Maps, grid: Grid) -> None:
        window = grid.window(*box)
        x, y = grid.axes(window)
        lobes = Texture(random(seed), box, 0.35 * radius, -2.8)
        off = (np.square(x - center[0]) + np.square(y - center[1])) / (radius * radius)
        inside = np.clip(1 - off * (1 + 0.3 * lobes(x, y)), 0, 1)
        chord = 2 * radius * power(inside, 0.65) * density
        room = np.maximum(maps.lung[window], 0.5)
        maps.fill(window, np.minimum(chord / room, 0.95) * (maps.lung[window] > 0.2))

    return paint


def _spikes(center, radius: float, rng, seen: float) -> Painter:
    """Return a painter of short strands around a mass."""
    lines = []
    for angle in rng.uniform(0, 2 * np.pi, 9):
        start = center + 0.8 * radius * np.array([cos(angle), sin(angle)])
        lines.append(painters.bent_line(rng, start, angle, 0.4 * radius, 0.3))
    return painters.strands(lines, 0.05 + 0.05 * seen, 0.05)


def calcification(chest: Chest, rng, seen: float) -> Lesions:
    """Mineral: granulomas, clusters of specks, or a rim along the aorta."""
    kind = rng.choice(["granuloma", "cluster", "aorta"], p=[0.42, 0.38, 0.2])
    if kind == "aorta":
        yield _aortic_rim(chest, rng, seen)
        return
    for _ in range(int(rng.choice([1, 2, 4], p=[0.72, 0.2, 0.08]))):
        _, center = places.draw_place(chest, rng, 0.55, (0.05, 0.85), (0.12, 0.85))
        radius = rng.uniform(0.3, 0.6)
        spots = np.array([[*center, 0.7 * radius]])
        if kind == "cluster":
            radius = float(np.clip(1.9 * exp(0.5 * rng.normal()), 0.9, 4.5))
            spots = _scatter(rng, center, radius)
        yield places.around(center, (radius, radius)), _specks(spots, 0.5 + 1.1 * seen)


def _scatter(rng, center, radius: float) -> Array:
    """Draw spots around a center; x, y and radius, cm, of each, (N, 3)."""
    count = int(rng.integers(5, 12) * max(1.0, radius / 2))
    offset = np.clip(rng.normal(0, 0.42, (count, 2)), -0.85, 0.85) * radius
    return np.column_stack([center + offset, rng.uniform(0.08, 0.22, count)])


def _specks(spots: Array, amount: float) -> Painter:
    """Return a painter of small mineral spheres: x, y, radius, (N, 3)."""

    def paint(maps: Maps, grid: Grid) -> None:
        volume = amount * 4 / 3 * np.pi * power(spots[:, 2], 3)
        for (x, y, r), v in zip(spots, volume, strict=True):
            reach = 3.5 * r + 3 * grid.pixel_x
            window = grid.window(x - reach, y - reach, x + reach, y + reach)
            gx, gy = grid.axes(window)
            spread = 2 * np.square(hypot(0.55 * r, 0.4 * grid.pixel_x))
            off = (np.square(gx - x) + np.square(gy - y)) / spread
            maps.bone[window] += v / (np.pi * spread) * exp(-off)

    return paint


def _aortic_rim(chest: Chest, rng, seen: float) -> tuple:
    """Specks along the aortic knob, with their box."""
    k, y = chest.patient.knob, chest.knob_center[1]
    right = chest.to_x(1, float(chest.border(1, y)), y)
    angles = np.linspace(-0.9, 0.9, 14) + rng.normal(0, 0.3)
    x, y = right - k + 0.9 * k * cos(angles), y + 0.9 * k * sin(angles)
    spots = np.column_stack([x, y, rng.uniform(0.1, 0.2, 14)])
    box = (x.min() - 0.3, y.min() - 0.3, x.max() + 0.3, y.max() + 0.3)
    return box, _specks(spots, 0.6 + 1.1 * seen)


def other_lesion(chest: Chest, rng, seen: float) -> Lesions:
    """A bulla, a hernia behind the heart, a mediastinal mass, or a dense bone."""
    kinds = [_bulla, _hernia, _mediastinal_mass, _dense_rib]
    yield kinds[int(rng.choice(4, p=[0.38, 0.17, 0.2, 0.25]))](chest, rng, seen)


def _bulla(chest: Chest, rng, seen: float) -> tuple:
    """Thin-walled air: darker than the lung around, without vessels."""
    _, center = places.draw_place(chest, rng, 0.55, (0.3, 0.85), (0.1, 0.9))
    radii = (rng.uniform(1.2, 4.2), rng.uniform(1.2, 5.5))
    seed = painters.draw_seed(rng)

    def paint(maps: Maps, grid: Grid) -> None:
        window, field, _ = painters.blob(grid, center, radii, seed, 0.25, 1.2)
        maps.empty(window, (0.35 + 0.4 * seen) * smoothstep(field, 0.02, 0.4))
        wall = exp(-np.square((field - 0.03) * min(radii) / 0.06))
        maps.vessels[window] += (0.08 + 0.22 * seen) * wall

    return places.around(center, radii), paint


def _hernia(chest: Chest, rng, seen: float) -> tuple:
    """A hiatal hernia: a mass with gas behind the heart."""
    y = min(chest.patient.dome) - rng.uniform(1.0, 2.5)
    center = (chest.to_x(1, rng.uniform(0.5, 2.0), y), y)
    radii = (rng.uniform(2.2, 4.4), rng.uniform(1.8, 3.4))
    seed = painters.draw_seed(rng)

    def paint(maps: Maps, grid: Grid) -> None:
        window, field, _ = painters.blob(grid, center, radii, seed, 0.3, 1.2)
        _, y = grid.axes(window)
        maps.extra[window] += 1.2 * np.sqrt(np.clip(field, 0, 1))
        upper = smoothstep(center[1] - y, -0.1, 0.0)
        inner = np.sqrt(np.clip(field - 0.15, 0, 1))
        maps.gas[window] += (1.0 + 1.8 * seen) * upper * inner

    return places.around(center, radii), paint


def _mediastinal_mass(chest: Chest, rng, seen: float) -> tuple:
    """A smooth bulge beside the upper mediastinum."""
    side = int(rng.random() < 0.5)
    y = rng.uniform(2.5, 0.5 * min(chest.patient.dome))
    u = float(chest.border(side, y))
    radius = rng.uniform(1.6, 3.6)
    center = (chest.to_x(side, u + 0.1 * radius, y), y)
    radii = (radius, radius * rng.uniform(1.0, 1.5))

    def paint(maps: Maps, grid: Grid) -> None:
        window = grid.window(*places.around(center, radii, 1.05))
        x, y = grid.axes(window)
        rho = np.square((x - center[0]) / radii[0])
        rho = rho + np.square((y - center[1]) / radii[1])
        maps.fill(window, (0.25 + 0.35 * seen) * np.sqrt(np.clip(1 - rho, 0, 1)))

    return places.around(center, radii), paint


def _dense_rib(chest: Chest, rng, seen: float) -> tuple:
    """A widened, sclerotic piece of rib with tissue around it."""
    side = int(rng.random() < 0.5)
    u, y = chest.rib_point(side, int(rng.integers(3, 9)), rng.uniform(0.55, 0.92))
    center = chest.to_x(side, u, y), y
    radii = (rng.uniform(1.0, 2.6), rng.uniform(0.8, 1.4))
    seed = painters.draw_seed(rng)

    def paint(maps: Maps, grid: Grid) -> None:
        window, field, texture = painters.blob(grid, center, radii, seed, 0.4, 1.2)
        grain = np.clip(1 + 0.4 * texture, 0.3, 2)
        maps.bone[window] += (0.08 + 0.3 * seen) * grain * smoothstep(field, 0, 0.5)

    return places.around(center, radii), paint, painters.hazy(center, radii, 0.06, rng)
