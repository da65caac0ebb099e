"""Bones as mineral thickness: ribs, clavicles, shoulder blades, arms, spine.

All ribs of one side are drawn at once: the height above the falling arc of a rib
is folded into a rib number and a distance from that rib's axis, over the front and
the back half of the rib cage separately.
"""

from functools import partial

import numpy as np

from chexnomaly.phantom.anatomy.chest import Chest, Fracture
from chexnomaly.phantom.anatomy.grid import Array, Grid
from chexnomaly.phantom.anatomy.patient import Patient
from chexnomaly.phantom.anatomy.texture import smoothstep
from chexnomaly.phantom.anatomy.thickness_maps import distance, half, segment_distance
from chexnomaly.phantom.portable import exp, hypot, power, sin


def bone_map(chest: Chest, grid: Grid, rng: np.random.Generator) -> Array:
    """Draw the whole skeleton.

    Args:
        chest: Curves of the patient.
        grid: Pixel grid.
        rng: Source of the small irregularities between ribs.

    Returns:
        Mineral thickness, cm of cortical bone. Shape (H, W), float32.
    """
    out = grid.zeros()
    wobble = rng.normal(0, 1, (2, 2, 12))
    reach, middle = chest.patient.half_width + 0.75, chest.midline(grid.y)
    for side in (0, 1):
        heights = -0.9, chest.floor(side) + 10  # of all ribs
        window, u, y = half(chest, grid, side, reach, heights)
        out[window] += _ribs(chest, side, u, y, wobble[side])
        box = partial(_half_box, chest, grid, middle, side)
        _clavicle(chest.patient, box, out, side)
        _scapula(chest.patient, box, out, side, rng)
        _humerus(chest.patient, box, out, side)
    _spine(chest, grid, out, rng)
    return (chest.patient.bone * out).astype(np.float32)


def _ribs(chest: Chest, side: int, u: Array, y: Array, wobble: Array) -> Array:
    cage = chest.wall(side, y) + 0.75
    share = np.clip(u / cage, 0, 1)
    shell = 1 / np.maximum(np.sqrt(1 - np.square(share)), 0.36)
    inside = smoothstep(cage - u, 0.0, 0.45) * smoothstep(u, 1.0, 2.8)
    inside = inside * smoothstep(y, -0.9, 0.3)
    # along the wall the ribs and the muscles between them form one band
    band = 0.3 * smoothstep(share, 0.86, 0.97) * smoothstep(y, 0.5, 4)
    band = band * smoothstep(chest.floor(side) + 5 - y, 0, 5)
    total = np.zeros(np.broadcast_shapes(u.shape, y.shape), np.float32)
    for front in (False, True):
        axis = y - chest.rib_fall(side, y, share, front)
        number, off, half = _fold(chest, axis, wobble[int(front)], share)
        breaks = [b for b in chest.fractures if b.side == side and not front]
        off, whole = _break(breaks, number, off, u)
        slope = 1 / hypot(1, chest.rib_slope(y, share, cage, front))
        half = half * (1.2 if front else 0.95)
        profile = _cortex(off * slope / half) * whole
        profile = _extent(number, share, front) * (profile + band * (0.3 - profile))
        total += (0.16 if front else 0.34) * profile * shell
    return total * inside


def _fold(chest: Chest, axis: Array, wobble: Array, share: Array):
    """Return rib number, distance from that rib's axis and half width, cm."""
    heights = chest.rib_heights + 0.12 * wobble
    position = np.interp(axis, heights, np.arange(12.0), left=-0.7, right=11.7)
    number = np.clip(np.rint(position), 0, 11).astype(np.intp)
    off = axis - heights.astype(np.float32)[number]
    half = (chest.patient.rib_half * (1 + 0.08 * wobble))[number]
    half = half * (1.1 - 0.25 * share)
    return number, off, half.astype(np.float32)


def _cortex(q: Array) -> Array:
    """Mineral across a rib: dense rims around marrow; q is 1 at the edge."""
    outer = np.sqrt(np.maximum(1 - q * q, 0))
    inner = np.sqrt(np.maximum(1 - np.square(q / 0.8), 0))
    return outer - 0.5 * inner


def _extent(number: Array, share: Array, front: bool) -> Array:
    """Where a rib exists: the front arcs end in cartilage, the lowest are short."""
    if not front:
        return np.where(number >= 11, smoothstep(0.5 - share, 0, 0.1), 1)
    end = np.array([0.3, 0.34, 0.4, 0.44, 0.48, 0.54, 0.62, 0.72, 0.82, 0.95, 2, 2])
    return smoothstep(share - end[number], -0.02, 0.08)


def _break(fractures: list[Fracture], number: Array, off: Array, u: Array):
    """Displace the outer end of a broken rib and open a gap."""
    whole: Array | float = 1.0
    for broken in fractures:
        here = number == broken.rib
        outer = smoothstep(u - broken.u, -0.05, 0.05)
        near = smoothstep(3.0 - np.abs(u - broken.u), 0, 2.5)
        off = off - np.where(here, broken.step * outer * near, 0)
        gap = exp(-np.square((u - broken.u + 0.25 * off) / broken.gap))
        whole = whole * np.where(here, 1 - 0.9 * gap, 1)
    return off, whole


def _clavicle(p: Patient, box, out: Array, side: int) -> None:
    length, inner = p.half_width + 1.6, 1.7
    y0, rise = p.clavicle_height[side], p.clavicle_rise[side]
    low, high = (inner - 0.6, y0 - rise - 3), (length + 2, y0 + 3)
    window, u, y = box(low, high)
    w = np.clip((u - inner) / (length - inner), 0, 1)
    bend = p.clavicle_bend[side] * sin(2 * np.pi * w)
    axis = y0 - rise * power(w, 0.9) + bend
    half = 0.6 + 0.45 * power(1 - w, 5) + 0.2 * power(w, 3)
    ends = smoothstep(u, inner - 0.1, inner + 0.35)
    ends = ends * smoothstep(length + 0.4 - u, 0, 2.5)
    out[window] += 0.85 * _cortex((y - axis) * 0.97 / half) * ends


def _half_box(chest: Chest, grid: Grid, middle: Array, side: int, low, high):
    """Give the window around two corners (u, y), with `distance` and heights in it."""
    ends = [chest.to_x(side, 0, y) for y in (low[1], high[1])]
    left, right = (low[0], high[0]) if side else (-high[0], -low[0])
    window = grid.window(min(ends) + left, low[1], max(ends) + right, high[1])
    return window, *distance(middle, grid, window, side)


def _scapula(p: Patient, box, out: Array, side: int, rng) -> None:
    shift = p.scapula[side] + 0.72 * p.half_width
    lift = p.clavicle_height[side] - p.clavicle_rise[side] + 1.0
    places = [(1.0, 0.5), (3.2, 12.5), (6.0, 3.0), (7.0, -0.6), (1.3, 3.2), (4.6, 1.2)]
    at = np.add((shift, lift), places) + 0.3 * rng.normal(size=(6, 2))
    top, low, socket, tip, root, beak = at.tolist()
    _blade(box, out, [top, socket, low])
    _bar(box, out, low, socket, 0.5, 0.4)
    _bar(box, out, root, tip, 0.55, 0.36)
    _bar(box, out, socket, beak, 0.6, 0.5)
    _bar(box, out, top, low, 0.25, 0.2)


def _blade(box, out: Array, corners) -> None:
    """Add the thin triangular plate."""
    us, ys = zip(*corners, strict=True)
    low, high = (min(us), min(ys)), (max(us), max(ys))
    window, u, y = box(low, high)
    inside: Array | float = 1.0
    for (u0, y0), (u1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        norm = hypot(u1 - u0, y1 - y0)
        edge = ((u1 - u0) * (y - y0) - (y1 - y0) * (u - u0)) / norm
        inside = inside * smoothstep(edge, -0.05, 0.25)
    out[window] += 0.16 * inside


def _bar(box, out: Array, start, end, half: float, amount: float) -> None:
    """Add a rounded bone between two points given as (u, y)."""
    low = min(start[0], end[0]) - half, min(start[1], end[1]) - half
    high = max(start[0], end[0]) + half, max(start[1], end[1]) + half
    window, u, y = box(low, high)
    off = np.sqrt(segment_distance(u, y, start, end))
    length = max(hypot(end[0] - start[0], end[1] - start[1]), 1e-6)
    along = (u - start[0]) * (end[0] - start[0]) + (y - start[1]) * (end[1] - start[1])
    # bones run out into their neighbors; only a bone as long as wide is round
    rest = 0.5 * length - np.abs(along / length - 0.5 * length)
    ends = smoothstep(rest, 0, 1.2) if length > 2 * half else 1.0
    out[window] += amount * _cortex(off / half) * ends


def _humerus(p: Patient, box, out: Array, side: int) -> None:
    top = p.clavicle_height[side] - p.clavicle_rise[side] + 3.2
    head = (p.half_width + 4.2 + p.scapula[side] * 0.3, top)
    end = (head[0] + 1.0 + p.arm * 22, top + 24)
    _bar(box, out, head, (head[0] + 0.01, top + 0.01), 2.3, 0.9)
    _bar(box, out, (head[0] + 0.5, top + 1.5), end, 1.15, 0.9)


def _spine(chest: Chest, grid: Grid, out: Array, rng: np.random.Generator) -> None:
    """Add vertebral bodies, pedicles and spinous processes."""
    bottom = chest.floor(0) + 25
    middle = float(chest.spine(10.0))
    window = grid.window(middle - 5, -14, middle + 5, bottom)
    edges = np.cumsum(np.linspace(1.55, 3.2, 28)) - 14 + rng.uniform(0, 1)
    tilts = rng.normal(0, 0.04, 28)
    x, y = grid.axes(window)
    u = x - chest.spine(y)
    place = np.interp(y, edges, np.arange(28.0)).astype(np.float32)
    part = place - np.floor(place)
    number = np.floor(place).astype(np.intp)
    half = 1.35 + 0.045 * number
    part = part + tilts[number] * u
    body = np.sqrt(np.clip(1 - np.square(u / half), 0, 1))
    rim = exp(-np.square((np.abs(u) - half + 0.12) / 0.12))
    plate = smoothstep(np.abs(part - 0.5), 0.36, 0.42) * (np.abs(part - 0.5) < 0.44)
    disc = smoothstep(np.abs(part - 0.5), 0.42, 0.47)
    # the lower spine hides behind heart and liver
    weight = 1 - 0.25 * smoothstep(y, 2, 14)
    bone = 0.40 * body * (1 - 0.3 * disc) + (0.06 * plate + 0.07 * rim) * (body > 0)
    out[window] += weight * (bone + _arches(u, part, half))


def _arches(u: Array, part: Array, half: Array) -> Array:
    """Pedicle rings beside and a spinous process on the middle of each body."""
    q = hypot((np.abs(u) - 0.62 * half) / 0.42, (part - 0.3) / 0.2)
    process = hypot(u / 0.3, (part - 0.75) / 0.26)
    transverse = hypot((np.abs(u) - 1.35 * half) / 1.0, (part - 0.35) / 0.2)
    return 0.22 * _cortex(q) + 0.3 * _cortex(process) + 0.12 * _cortex(transverse)
