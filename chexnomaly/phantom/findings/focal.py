"""Small findings: nodules, calcifications, and the mixed bag of other lesions."""

import numpy as np

from chexnomaly.phantom.anatomy.chest import Chest
from chexnomaly.phantom.anatomy.grid import Grid
from chexnomaly.phantom.anatomy.texture import Texture, smoothstep
from chexnomaly.phantom.anatomy.thickness_maps import Maps
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
)


def nodule_mass(chest: Chest, rng, seen: float) -> list[Lesion]:
    """Round water-dense bodies: their depth is a sphere's, not a disk's."""
    out = []
    for _ in range(int(rng.choice([1, 2, 4, 9], p=[0.6, 0.2, 0.12, 0.08]))):
        _, center = draw_place(chest, rng, 0.6, (0.12, 0.88), (0.12, 0.95))
        mass = rng.random() < 0.22
        radius = rng.uniform(1.5, 3.8) if mass else rng.uniform(0.35, 0.95)
        paint = (_sphere(center, radius, 0.55 + 0.6 * seen, draw_seed(rng)),)
        if mass:
            paint += (_spikes(center, radius, rng, seen),)
        out.append(Lesion("nodule_mass", around(center, (radius, radius)), seen, paint))
    return out


def _sphere(center, radius: float, density: float, seed: int) -> Painter:
    """Return a painter of a slightly lobed solid sphere in the lung."""

    def paint(maps: Maps, grid: Grid) -> None:
        window = grid.window(*around(center, (radius, radius), 1.3))
        x, y = grid.axes(window)
        lobes = Texture(
            np.random.default_rng(seed),
            around(center, (radius, radius), 1.3),
            0.35 * radius,
            -2.8,
        )
        off = ((x - center[0]) ** 2 + (y - center[1]) ** 2) / radius**2
        inside = np.clip(1 - off * (1 + 0.3 * lobes(x, y)), 0, 1)
        chord = 2 * radius * inside**0.65 * density
        room = np.maximum(maps.lung[window], 0.5)
        maps.fill(window, np.minimum(chord / room, 0.95) * (maps.lung[window] > 0.2))

    return paint


def _spikes(center, radius: float, rng, seen: float) -> Painter:
    """Return a painter of short strands around a mass."""
    lines = []
    for angle in rng.uniform(0, 2 * np.pi, 9):
        start = center + 0.8 * radius * np.array([np.cos(angle), np.sin(angle)])
        lines.append(bent_line(rng, start, angle, 0.4 * radius, 0.3))
    return strands(lines, 0.05 + 0.05 * seen, 0.05)


def calcification(chest: Chest, rng, seen: float) -> list[Lesion]:
    """Mineral: granulomas, clusters of specks, or a rim along the aorta."""
    kind = rng.choice(["granuloma", "cluster", "aorta"], p=[0.42, 0.38, 0.2])
    if kind == "aorta":
        return [_aortic_rim(chest, rng, seen)]
    count = int(rng.choice([1, 2, 4], p=[0.72, 0.2, 0.08]))
    return [_calcified(chest, str(kind), rng, seen) for _ in range(count)]


def _calcified(chest: Chest, kind: str, rng, seen: float) -> Lesion:
    _, center = draw_place(chest, rng, 0.55, (0.05, 0.85), (0.12, 0.85))
    radius = rng.uniform(0.3, 0.6)
    spots = [(center[0], center[1], 0.7 * radius)]
    if kind == "cluster":
        radius = float(np.clip(1.9 * np.exp(0.5 * rng.normal()), 0.9, 4.5))
        spots = _scatter(rng, center, radius)
    paint = _specks(spots, 0.5 + 1.1 * seen)
    return Lesion("calcification", around(center, (radius, radius)), seen, (paint,))


def _scatter(rng, center, radius: float) -> list[tuple[float, float, float]]:
    count = int(rng.integers(5, 12) * max(1.0, radius / 2))
    offset = np.clip(rng.normal(0, 0.42, (count, 2)), -0.85, 0.85) * radius
    sizes = rng.uniform(0.08, 0.22, count)
    return [
        (center[0] + dx, center[1] + dy, r)
        for (dx, dy), r in zip(offset, sizes, strict=True)
    ]


def _specks(spots, amount: float) -> Painter:
    """Return a painter of small mineral spheres (x, y, radius)."""

    def paint(maps: Maps, grid: Grid) -> None:
        xs, ys, radii = (np.array(v) for v in zip(*spots, strict=True))
        volume = amount * 4 / 3 * np.pi * radii**3
        for x, y, v, r in zip(xs, ys, volume, radii, strict=True):
            reach = 3.5 * r + 3 * grid.pixel_x
            window = grid.window(x - reach, y - reach, x + reach, y + reach)
            gx, gy = grid.axes(window)
            sigma = np.hypot(0.55 * r, 0.4 * grid.pixel_x)
            off = ((gx - x) ** 2 + (gy - y) ** 2) / (2 * sigma**2)
            maps.bone[window] += v / (2 * np.pi * sigma**2) * np.exp(-off)

    return paint


def _aortic_rim(chest: Chest, rng, seen: float) -> Lesion:
    k = chest.patient.knob
    _, y = chest.knob_center
    right = chest.to_x(1, float(chest.border(1, np.array(y))), y)
    center = (right - k, y)
    angles = np.linspace(-0.9, 0.9, 14) + rng.normal(0, 0.3)
    spots = [
        (
            center[0] + 0.9 * k * np.cos(a),
            center[1] + 0.9 * k * np.sin(a),
            rng.uniform(0.1, 0.2),
        )
        for a in angles
    ]
    xs, ys = [s[0] for s in spots], [s[1] for s in spots]
    box = (min(xs) - 0.3, min(ys) - 0.3, max(xs) + 0.3, max(ys) + 0.3)
    return Lesion("calcification", box, seen, (_specks(spots, 0.6 + 1.1 * seen),))


def other_lesion(chest: Chest, rng, seen: float) -> list[Lesion]:
    """A bulla, a hernia behind the heart, a mediastinal mass, or a dense bone."""
    kinds = [_bulla, _hernia, _mediastinal_mass, _dense_rib]
    return [kinds[int(rng.choice(4, p=[0.38, 0.17, 0.2, 0.25]))](chest, rng, seen)]


def _bulla(chest: Chest, rng, seen: float) -> Lesion:
    """Thin-walled air: darker than the lung around, without vessels."""
    _, center = draw_place(chest, rng, 0.55, (0.3, 0.85), (0.1, 0.9))
    radii = (rng.uniform(1.2, 4.2), rng.uniform(1.2, 5.5))
    seed = draw_seed(rng)

    def paint(maps: Maps, grid: Grid) -> None:
        window, field, _ = blob(grid, center, radii, seed, 0.25, 1.2)
        maps.empty(window, (0.35 + 0.4 * seen) * smoothstep(field, 0.02, 0.4))
        wall = np.exp(-(((field - 0.03) * min(radii) / 0.06) ** 2))
        maps.vessels[window] += (0.08 + 0.22 * seen) * wall

    return Lesion("other_lesion", around(center, radii), seen, (paint,))


def _hernia(chest: Chest, rng, seen: float) -> Lesion:
    """A hiatal hernia: a mass with gas behind the heart."""
    p = chest.patient
    y = min(p.dome) - rng.uniform(1.0, 2.5)
    center = (chest.to_x(1, rng.uniform(0.5, 2.0), y), y)
    radii = (rng.uniform(2.2, 4.4), rng.uniform(1.8, 3.4))
    seed = draw_seed(rng)

    def paint(maps: Maps, grid: Grid) -> None:
        window, field, _ = blob(grid, center, radii, seed, 0.3, 1.2)
        _, y = grid.axes(window)
        maps.extra[window] += 1.2 * np.sqrt(np.clip(field, 0, 1))
        upper = smoothstep(center[1] - y, -0.1, 0.0)
        inner = np.sqrt(np.clip(field - 0.15, 0, 1))
        maps.gas[window] += (1.0 + 1.8 * seen) * upper * inner

    return Lesion("other_lesion", around(center, radii), seen, (paint,))


def _mediastinal_mass(chest: Chest, rng, seen: float) -> Lesion:
    """A smooth bulge beside the upper mediastinum."""
    side = int(rng.random() < 0.5)
    y = rng.uniform(2.5, 0.5 * min(chest.patient.dome))
    u = float(chest.border(side, np.array(y)))
    radius = rng.uniform(1.6, 3.6)
    center = (chest.to_x(side, u + 0.1 * radius, y), y)
    radii = (radius, radius * rng.uniform(1.0, 1.5))

    def paint(maps: Maps, grid: Grid) -> None:
        window = grid.window(*around(center, radii, 1.05))
        x, y = grid.axes(window)
        rho = ((x - center[0]) / radii[0]) ** 2 + ((y - center[1]) / radii[1]) ** 2
        share = (0.25 + 0.35 * seen) * np.sqrt(np.clip(1 - rho, 0, 1))
        maps.fill(window, share)

    return Lesion("other_lesion", around(center, radii), seen, (paint,))


def _dense_rib(chest: Chest, rng, seen: float) -> Lesion:
    """A widened, sclerotic piece of rib with tissue around it."""
    side = int(rng.random() < 0.5)
    rib = int(rng.integers(3, 9))
    share = rng.uniform(0.55, 0.92)
    u, y = chest.rib_point(side, rib, share)
    center = chest.to_x(side, u, y), y
    radii = (rng.uniform(1.0, 2.6), rng.uniform(0.8, 1.4))
    seed, tissue = draw_seed(rng), draw_seed(rng)

    def paint(maps: Maps, grid: Grid) -> None:
        window, field, texture = blob(grid, center, radii, seed, 0.4, 1.2)
        gx, gy = grid.axes(window)
        grain = np.clip(1 + 0.4 * texture(gx, gy), 0.3, 2)
        maps.bone[window] += (0.08 + 0.3 * seen) * grain * smoothstep(field, 0, 0.5)

    haze = hazy(center, radii, 0.06, tissue)
    return Lesion("other_lesion", around(center, radii), seen, (paint, haze))
