"""Soft tissue around the chest: trunk, neck, arms, breasts, gas in the abdomen."""

import numpy as np

from chexnomaly.phantom.anatomy.chest import Chest, curve, look_up
from chexnomaly.phantom.anatomy.grid import Array, Grid
from chexnomaly.phantom.anatomy.texture import Texture, smoothstep
from chexnomaly.phantom.anatomy.thickness_maps import half, tube
from chexnomaly.phantom.portable import cos, power, sin


def body_map(chest: Chest, grid: Grid) -> Array:
    """Depth of the body along the beam, cm. Shape (H, W), float32."""
    out, depths = grid.zeros(), _depth(chest)
    for side in (0, 1):
        window, u, y = half(chest, grid, side)
        outline = look_up(_outline(chest, side), y)
        depth = look_up(depths, y)
        share = np.clip(1 - np.square(np.square(u / outline)), 0, 1)
        trunk = depth * np.sqrt(share)
        deep = np.maximum(trunk, _arm(chest, side, u, y))
        out[window] = np.where(u >= 0, deep, out[window])
    return out


def _outline(chest: Chest, side: int) -> Array:
    """Half width of neck, shoulders and trunk by height."""
    p = chest.patient
    shoulder = p.half_width + 6.2 + 1.5 * p.fat
    wall = p.half_width + 2.6 + 3.6 * p.fat
    rise = p.clavicle_rise[side]
    top = p.clavicle_height[side] - rise - 1.6
    at = [-25, top - 8, top - 5, top - 2.2, top + 0.6, top + 4, top + 9, 15, 24, 40]
    width = [5.5 + p.fat, 6 + p.fat, 7.5 + p.fat, 12, 0.93 * shoulder, shoulder]
    width += [max(0.85 * shoulder, wall), 1.04 * wall, wall, 1.01 * wall]
    return curve(np.maximum.accumulate(np.array(at) + 1e-3 * np.arange(10)), width)


def _depth(chest: Chest) -> Array:
    """Depth of neck, chest and abdomen by height."""
    p = chest.patient
    deep = 2 * p.depth + 2.6 + 4.0 * p.fat
    belly = 2 * p.depth + 3.5 + 5.0 * p.fat
    depths = [13, 13, 13, deep - 3.5, deep, belly, belly]
    return curve([-12, -5, 0, 5, 14, 24, 36], depths)


def _arm(chest: Chest, side: int, u: Array, y: Array) -> Array:
    """Depth of an upper arm hanging beside the chest."""
    p = chest.patient
    top = p.clavicle_height[side] - p.clavicle_rise[side] + 0.5
    center = p.half_width + 4.0 + 2.0 * p.fat + p.arm * np.clip(y - top, 0, None)
    radius = 3.6 + 1.4 * p.fat
    across = np.clip(1 - np.square((u - center) / radius), 0, 1)
    fade = smoothstep(y, top - 2.5, top + 2.0)
    return 2.4 * radius * np.sqrt(across) * fade


def breast_map(chest: Chest, grid: Grid) -> Array:
    """Breasts and pectoral folds, cm. Shape (H, W), float32."""
    out, p = grid.zeros(), chest.patient
    for side in (0, 1):
        # neither breast nor muscle reaches lower
        low = max(p.breast_height + 3.4 + 0.8 * p.breast[side], 15)
        window, u, y = half(chest, grid, side, heights=(-99, low))
        out[window] += np.where(u > 0, _breast(chest, side, u, y), 0)
    return out


def _breast(chest: Chest, side: int, u: Array, y: Array) -> Array:
    p = chest.patient
    thick = p.breast[side]
    if thick <= 0:
        return _pectoral(chest, u, y)
    center_u, center_y = 0.66 * p.half_width, p.breast_height
    radius_u = 0.37 * p.half_width + 0.3 * thick
    radius_y = 3.4 + 0.8 * thick
    below = np.where(y > center_y, radius_y, 2.6 * radius_y)
    rho = np.square((u - center_u) / radius_u) + np.square((y - center_y) / below)
    # the lower fold is sharp, the inner edge runs out into the chest wall
    fade = 0.5 + 0.45 * smoothstep(center_u - u, 0, 4)
    fade = fade + 1.6 * smoothstep(center_y - y, -1, 5)
    return thick * power(np.clip(1 - rho, 0, 1), fade)


def _pectoral(chest: Chest, u: Array, y: Array) -> Array:
    """The male chest muscle: a faint fan that ends in the axilla."""
    p = chest.patient
    edge = 0.55 * p.half_width + 0.75 * (y - 3.0)
    fan = 0.5 * smoothstep(u, 2, 7) * smoothstep(-(y - 14 + 0.5 * u), -2, 2)
    return fan * smoothstep(edge - 0.2 * u, -4, 6)


def abdominal_gas(chest: Chest, grid: Grid, rng: np.random.Generator) -> Array:
    """Gastric bubble and bowel gas below the diaphragm, cm. Shape (H, W), float32."""
    out = grid.zeros()
    p = chest.patient
    x = chest.to_x(1, 0.45 * p.half_width, 0) + rng.normal(0, 1.2)
    y = float(chest.dome(1, 0.45 * p.half_width)) + 1.6
    size = p.stomach_gas
    if size > 0.25:
        level = None if p.frontal_ap else y + 0.75 * size
        at, radii = (x, y + 0.55 * size), (1.5 * size, 0.8 * size)
        _bubble(grid, out, rng, at, radii, 3.0, level)
    for _ in range(p.bowel_gas):
        at = (x + rng.normal(0.5, 5.5), y + 3.0 + abs(rng.normal(1.5, 3.0)))
        _bowel_loop(grid, out, rng, at)
    return out


def _bowel_loop(grid: Grid, out: Array, rng, at) -> None:
    """Add a chain of rounded pockets, as the folds of the colon divide its gas."""
    heading = rng.uniform(0, 2 * np.pi)
    radius = rng.uniform(0.5, 1.1)
    for _ in range(int(rng.integers(1, 6))):
        radii = tuple(radius * rng.uniform(0.6, 1.3, 2))
        _bubble(grid, out, rng, at, radii, 2.4)
        heading += rng.normal(0, 0.6)
        step = rng.uniform(1.1, 1.7) * radius
        at = (at[0] + step * cos(heading), at[1] + step * sin(heading))


def _bubble(
    grid: Grid, out: Array, rng, at, radii, depth: float, level: float | None = None
) -> None:
    """Add one gas pocket with an uneven outline, above a fluid level if given."""
    reach = 1.7 * max(radii)
    box = (at[0] - reach, at[1] - reach, at[0] + reach, at[1] + reach)
    wave = Texture(rng, box, 0.45 * max(radii), -3.6)
    window = grid.window(*box)
    x, y = grid.axes(window)
    rho = np.square((x - at[0]) / radii[0]) + np.square((y - at[1]) / radii[1])
    inside = power(np.clip(1 - rho + 0.22 * wave(x, y), 0, 1), 0.6)
    if level is not None:
        inside = inside * smoothstep(level - y, 0, 0.1)
    out[window] = np.maximum(out[window], depth * min(radii) / 1.5 * inside)


def neck_shadow(chest: Chest, grid: Grid) -> Array:
    """Muscles of the neck beside the airway, cm. Shape (H, W), float32."""
    out = grid.zeros()
    for side in (0, 1):
        top, low = chest.to_x(side, 4.2, -10), chest.to_x(side, 2.0, 2)
        out += tube(grid, [(top, -11), (low, 2.0)], 1.1)
    return 0.25 * grid.blur(out, 0.2)


def tissue_grain(chest: Chest, grid: Grid, rng: np.random.Generator) -> Array:
    """Uneven fat, muscle, liver and bowel, cm. Shape (H, W), float32."""
    box = (-22.0, -16.0, 22.0, 44.0)
    coarse = Texture(rng, box, 0.9, -3.0)(grid.x, grid.y)
    fine = Texture(rng, box, 0.4, -2.2)(grid.x, grid.y)
    below = smoothstep(grid.y, chest.dome_top(0)[1] - 1, chest.dome_top(0)[1] + 4)
    return (0.3 + 0.15 * below) * coarse + 0.12 * fine
