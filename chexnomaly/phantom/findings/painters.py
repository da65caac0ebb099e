"""Painters: what a finding does to the thickness maps, once a film is rendered."""

from collections.abc import Callable, Iterator

import numpy as np

from chexnomaly.phantom.anatomy.grid import Array, Box, Grid, Window
from chexnomaly.phantom.anatomy.texture import Texture, smoothstep
from chexnomaly.phantom.anatomy.thickness_maps import Maps
from chexnomaly.phantom.findings.places import around
from chexnomaly.phantom.portable import cos, hypot, random, sin

Painter = Callable[[Maps, Grid], None]
Lesions = Iterator[tuple[Box | Painter, ...]]
"""A true box, xyxy, cm, and what changes the maps for it, in order, of each lesion."""


def draw_seed(rng: np.random.Generator) -> int:
    """Draw a seed for what is only needed when the film is rendered."""
    return int(rng.integers(2**62))


def blob(
    grid: Grid, center, radii, seed: int, rough: float, scale: float = 1.25
) -> tuple[Window, Array, Array]:
    """Signed depth inside an irregular, textured ellipse: 1 at its center.

    Args:
        grid: Pixel grid.
        center: Center, cm.
        radii: Half axes, cm.
        seed: Seed of the texture.
        rough: Strength of the boundary's irregularity.
        scale: Half axes of the window, relative to the ellipse's.

    Returns:
        A window around the ellipse; the field there, positive inside; and its texture
        for further use. (h, w) both.
    """
    window = grid.window(*around(center, radii, scale))
    box = around(center, radii, 1.3)
    x, y = grid.axes(window)
    texture = Texture(random(seed), box, 0.3 * min(radii), -4.2)(x, y)
    rho = hypot((x - center[0]) / radii[0], (y - center[1]) / radii[1])
    field = 1 - rho + rough * 0.4 * texture * np.minimum(rho, 1)
    # whatever the outline does, it runs out softly before 1.12 radii
    return window, np.minimum(field, 1.6 * (1.12 - rho)), texture


def hazy(
    center,
    radii,
    amount: float,
    rng: np.random.Generator,
    rough: float = 0.5,
    soft: float = 0.5,
    fissure: tuple[float, float] | None = None,
) -> Painter:
    """Return a painter that fills part of the lung's depth with water.

    Args:
        center: Center, cm.
        radii: Half axes of the full extent, cm.
        amount: Share of the remaining air that is replaced at the core, 0 to 1.
        rng: Source of the texture's seed.
        rough: Irregularity of the outline.
        soft: Width of the transition at the edge, share of the radius.
        fissure: Where a fissure ends the lesion: its distance below the center, cm
            (above it where negative), and its slope, cm per cm.
    """
    seed = draw_seed(rng)

    def paint(maps: Maps, grid: Grid) -> None:
        window, field, texture = blob(grid, center, radii, seed, rough)
        x, y = grid.axes(window)
        box = around(center, radii, 1.25)
        fine = Texture(random(seed + 1), box, 0.45, -2.8)(x, y)
        grain = np.clip(1 + 0.24 * texture + 0.09 * fine, 0.3, 1.6)
        share = amount * grain * smoothstep(field, 0.0, soft)
        if fissure is not None:
            share = share * _within(x - center[0], y - center[1], *fissure)
        maps.fill(window, share)

    return paint


def _within(x: Array, y: Array, distance: float, slope: float) -> Array:
    """1 on the center's side of a fissure, 0 beyond it."""
    beyond = (y - distance - slope * x) * np.sign(distance)
    return smoothstep(-beyond, -0.08, 0.15)


def strands(lines: list[tuple[Array, Array]], radius: float, blur: float) -> Painter:
    """Return a painter of thin water-dense lines inside the lung.

    Args:
        lines: Point sequences (x, y), cm, about equally spaced.
        radius: Half thickness of a strand, cm.
        blur: Blur across, cm.
    """

    def paint(maps: Maps, grid: Grid) -> None:
        xs = np.concatenate([x for x, _ in lines])
        ys = np.concatenate([y for _, y in lines])
        steps = [hypot(np.gradient(x), np.gradient(y)) for x, y in lines]
        drawn = grid.splat(xs, ys, np.pi * radius * radius * np.concatenate(steps))
        maps.vessels += grid.blur(drawn, blur)

    return paint


def bent_line(rng, start, angle: float, length: float, bend: float):
    """Sample a smooth line that starts at a point with a heading, in rad."""
    count = max(6, int(length / 0.06))
    t = (np.arange(count) + 0.5) / count
    heading = angle + bend * (rng.normal() * (t - 0.5) + 0.5 * rng.normal() * t * t)
    x = start[0] + np.cumsum(cos(heading)) * length / count
    y = start[1] + np.cumsum(sin(heading)) * length / count
    return x, y
