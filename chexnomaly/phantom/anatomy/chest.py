"""The curves of one chest: rib cage, diaphragm, mediastinum, ribs.

Everything later drawn or boxed is derived from these curves, so that boxes need no
rendering. `side` is 0 for the image's left half (the patient's right lung) and 1
for the other; u is the distance from the midline towards the side's wall, cm.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator

from chexnomaly.datasets.store.interpolation import Array
from chexnomaly.phantom.anatomy.patient import Patient
from chexnomaly.phantom.portable import sin

HEIGHTS = np.linspace(-15, 50, 651)
"""Heights at which curves are tabulated, cm."""


def curve(heights, values) -> Array:
    """Tabulate a monotone-preserving curve; constant beyond its ends."""
    inner = PchipInterpolator(heights, values)
    return inner(np.clip(HEIGHTS, heights[0], heights[-1]))


def look_up(table: Array, y: ArrayLike) -> Array:
    """Read a tabulated curve at heights y, keeping shape. Float32."""
    return np.interp(y, HEIGHTS, table).astype(np.float32)


@dataclass(frozen=True)
class Fracture:
    """One rib broken at its back: where, and how far the ends are displaced, cm."""

    side: int
    rib: int
    u: float
    step: float
    gap: float


@dataclass(frozen=True)
class Chest:
    """Curves of one patient.

    Attributes:
        patient: The numbers behind the curves.
        fractures: Broken ribs; the finding adds them.
    """

    patient: Patient
    fractures: list[Fracture] = field(default_factory=list)

    @cached_property
    def _walls(self) -> tuple[Array, Array]:
        p = self.patient
        shape = [0.4, 0.51, 0.6, 0.72, 0.82, 0.89, 0.94, 0.97, 0.99, 1.0, 0.98, 0.9]
        at = [0.0, 0.015, 0.05, 0.125, 0.22, 0.34, 0.48, 0.62, 0.78, 1.0, 1.25, 1.6]
        heights = (np.array(at) * self.floor(side) for side in (0, 1))
        return tuple(curve(y, p.half_width * np.array(shape)) for y in heights)

    @cached_property
    def _mediastinum(self) -> tuple[Array, Array]:
        return curve(*self._right_border()), curve(*self._left_border())

    def _right_border(self) -> tuple[Array, Array]:
        """Border of the superior cava and the right atrium."""
        p = self.patient
        base = self.base
        heart = p.heart_ratio * 2 * p.half_width * (1 - p.heart_left)
        cava = p.cava + 0.5 * p.unfolding
        points = [(0.12, cava - 0.2), (0.25, cava), (0.42, cava)]
        points += [(0.52, max(0.72 * heart, cava)), (0.68, 0.94 * heart)]
        points += [(0.82, heart), (0.95, 0.95 * heart), (1.06, 0.96 * heart)]
        points += [(1.2, 0.7 * heart), (1.4, 0.5 * heart)]
        return self._from_apex([(share * base, width) for share, width in points])

    def _left_border(self) -> tuple[Array, Array]:
        """Border of the aortic knob, the pulmonary trunk and the left ventricle."""
        p = self.patient
        base = self.base
        heart = p.heart_ratio * 2 * p.half_width * p.heart_left
        rim = 1.3 + 1.05 * p.knob + 0.35 * p.unfolding
        k, y = p.knob, self.knob_center[1]
        waist = max(0.36 * heart + p.pulmonary, 0.8 * rim)
        more = 0.05 * p.heart_round
        points = [(y - 1.6 * k, p.cava - 0.35), (y - 0.8 * k, 0.88 * rim), (y, rim)]
        points += [(y + 0.9 * k, 0.86 * rim), (y + 1.45 * k, 0.74 * rim)]
        points += [(0.49 * base, waist)]
        points += [(0.61 * base, (0.55 + more) * heart)]
        points += [(0.73 * base, (0.75 + more) * heart)]
        points += [(0.85 * base, (0.92 + 0.4 * more) * heart), (0.94 * base, heart)]
        points += [(1.04 * base, 0.96 * heart), (1.2 * base, 0.74 * heart)]
        points += [(1.45 * base, 0.4 * heart)]
        return self._from_apex(points)

    def _from_apex(self, points: list[tuple[float, float]]) -> tuple[Array, Array]:
        """Put the rounded inner edge of the lung's apex before a border."""
        p = self.patient
        base = self.base
        apex = [(0.0, 0.38 * p.half_width), (0.022 * base, 0.31 * p.half_width)]
        apex += [(0.055 * base, 0.26 * p.half_width), (0.1 * base, p.cava + 0.3)]
        # where the great vessels rise high they are the border of the apex
        apex = [point for point in apex if point[0] < points[0][0] - 0.4] or apex[:1]
        at, width = np.array(sorted([*apex, *points])).T
        # at least 0.1 mm apart, so that the border stays a function of height
        return np.maximum.accumulate(at) + 0.01 * np.arange(len(at)), width

    @cached_property
    def knob_center(self) -> tuple[float, float]:
        """Patient coordinates of the aortic knob's center, cm."""
        p = self.patient
        y = 0.245 * (p.dome[0] + p.dome[1]) / 2 - 0.5 * p.unfolding + 0.3
        return 1.0 + 0.35 * p.unfolding + float(self.midline(y)), y

    @property
    def carina(self) -> tuple[float, float]:
        """Patient coordinates where the trachea divides, cm."""
        y = self.knob_center[1] + 2.3
        return float(self.midline(y)) - 0.25, y

    def midline(self, y: ArrayLike) -> Array:
        """Center of the mediastinum at height y, cm."""
        p = self.patient
        return (self.spine(y) + p.rotation).astype(np.float32)

    def spine(self, y: ArrayLike) -> Array:
        """Center of the spine at height y, cm."""
        p = self.patient
        bend = p.scoliosis * sin(0.19 * y + p.scoliosis_phase)
        return (p.tilt * (y - 10) + bend).astype(np.float32)

    def wall(self, side: int, y: ArrayLike) -> Array:
        """Inner half width of the rib cage, cm."""
        return look_up(self._walls[side], y)

    def border(self, side: int, y: ArrayLike) -> Array:
        """Half width of mediastinum and heart, cm."""
        return look_up(self._mediastinum[side], y)

    @property
    def base(self) -> float:
        """Mean height of both domes' tops, cm."""
        return (self.patient.dome[0] + self.patient.dome[1]) / 2

    def dome_top(self, side: int) -> tuple[float, float]:
        """Where a dome is highest: (u, y), cm."""
        p = self.patient
        return 0.5 * p.half_width, p.dome[side]

    def dome(self, side: int, u: ArrayLike) -> Array:
        """Height of the diaphragm at distance u from the midline, cm."""
        p = self.patient
        top_u, top_y = self.dome_top(side)
        out = np.clip((u - top_u) / (p.half_width - top_u), 0, 1.15)
        inner = np.clip((top_u - u) / top_u, 0, 1.2)
        fall = p.sulcus[side] * (0.35 + 0.65 * out) * (out * out)
        # both domes meet under the heart
        middle = self.base - top_y + 1.5
        return (top_y + fall + middle * np.square(inner)).astype(np.float32)

    def floor(self, side: int) -> float:
        """Height of the costophrenic angle, cm."""
        p = self.patient
        return p.dome[side] + p.sulcus[side]

    def locate(self, side: int, across: float, down: float) -> tuple[float, float]:
        """Turn lung shares into patient coordinates.

        Args:
            side: Half of the image.
            across: 0 at the mediastinum, 1 at the chest wall.
            down: 0 at the apex, 1 at the diaphragm of that column.

        Returns:
            x and y, cm.
        """
        u, y = 0.6 * self.patient.half_width, 10.0
        for _ in range(4):
            y = down * float(self.dome(side, u))
            inner = float(self.border(side, y))
            outer = float(self.wall(side, y))
            u = inner + across * max(outer - inner, 0.5)
        return self.to_x(side, u, y), y

    def to_x(self, side: int, u: float, y: float) -> float:
        """Patient x of a point at distance u from the midline, cm."""
        return float(self.midline(y)) + (u if side else -u)

    @cached_property
    def rib_heights(self) -> Array:
        """Heights of the twelve ribs at the spine, cm."""
        p = self.patient
        return p.rib_start + np.concatenate([[0], np.cumsum(p.rib_gaps)])

    def rib_fall(self, side: int, y: ArrayLike, share: ArrayLike, front: bool) -> Array:
        """How far a rib has fallen from its height at the spine.

        Args:
            side: Half of the image.
            y: Height, cm.
            share: u divided by the rib cage's half width, 0 to 1.
            front: The anterior instead of the posterior arc.

        Returns:
            Fall, cm.
        """
        back = np.sqrt(np.clip(1 - share * share, 0, 1))
        turn = 1 + back if front else 1 - back
        arch = self.patient.rib_arch * (0.6 if front else 1)
        return 0.5 * self._rib_drop(y) * turn + arch * share

    def rib_point(self, side: int, rib: int, share: float) -> tuple[float, float]:
        """Find a point on a posterior rib by its share of the way to the wall.

        Returns:
            Distance from the midline and height, cm.
        """
        y = float(self.rib_heights[rib])
        for _ in range(12):
            fall = self.rib_fall(side, y, share, False)
            y = float(self.rib_heights[rib] + fall)
        return share * (float(self.wall(side, y)) + 0.45), y

    def rib_slope(self, y: Array, share: Array, cage: Array, front: bool) -> Array:
        """Steepness of a rib, cm down per cm outwards; see `rib_fall`.

        The cage is what u is divided by, cm.
        """
        back = np.sqrt(np.clip(1 - share * share, 0.0025, 1))
        turn = 0.5 * self._rib_drop(y) * share / back
        arch = self.patient.rib_arch * (0.6 if front else 1)
        return (arch - turn if front else arch + turn) / cage

    def _rib_drop(self, y: ArrayLike) -> Array:
        """Fall of a rib from spine to sternum by height, cm."""
        return self.patient.rib_drop * np.clip(0.72 + 0.022 * y, 0.6, 1.25)
