"""Where findings lie and how large they are: places in the lungs and their boxes."""

import numpy as np

from chexnomaly.phantom.anatomy.chest import Chest
from chexnomaly.phantom.anatomy.grid import Box
from chexnomaly.phantom.portable import exp


def draw_place(
    chest: Chest, rng: np.random.Generator, right: float, across, down
) -> tuple[int, tuple[float, float]]:
    """Draw a place in the lungs.

    Args:
        chest: Curves of the patient.
        rng: Source of randomness: side, across, down.
        right: Share of the right lung.
        across: Least and most share of the way from mediastinum to wall.
        down: Least and most share of the way from apex to diaphragm.

    Returns:
        Side of the chest, and x and y, cm.
    """
    side = int(rng.random() > right)
    return side, chest.locate(side, rng.uniform(*across), rng.uniform(*down))


def strip(chest: Chest, side: int, inner, outer, top: float, bottom: float) -> Box:
    """Box between two points (u, y) of one half of the chest and two heights, cm."""
    left, right = sorted(chest.to_x(side, u, y) for u, y in (inner, outer))
    return left, top, right, bottom


def draw_sides(rng: np.random.Generator, both: float, right: float) -> tuple[int, ...]:
    """Draw both sides by one chance, or a single side by the right lung's share."""
    return (0, 1) if rng.random() < both else (int(rng.random() > right),)


def draw_radii(rng: np.random.Generator, *axes) -> tuple[float, ...]:
    """Draw log-normal half axes, cm, from median, spread, least and most of each."""
    return tuple(
        float(np.clip(median * exp(spread * rng.normal()), least, most))
        for median, spread, least, most in axes
    )


def around(center, radii, scale: float = 1.0) -> Box:
    """Box of an ellipse, xyxy, cm."""
    (x, y), (a, b) = center, radii
    return x - scale * a, y - scale * b, x + scale * a, y + scale * b


def clip_to_lung(chest: Chest, side: int, box: Box) -> Box:
    """Cut a box at the chest wall, the midline, the apex and the sulcus."""
    y = np.linspace(max(box[1], 0), max(box[3], 0.1), 7)
    reach = float(chest.wall(side, y).max()) + 0.2
    middle = chest.to_x(side, 0, (box[1] + box[3]) / 2)
    left, right = (middle, middle + reach) if side else (middle - reach, middle)
    bottom = chest.floor(side) + 0.5
    low, high = (left, -0.4, left, -0.4), (right, bottom, right, bottom)
    return tuple(np.clip(box, low, high).tolist())
