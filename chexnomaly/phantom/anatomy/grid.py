"""The pixel grid laid over the patient, and filters that count in cm."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from chexnomaly.datasets.store.interpolation import Array, enlarge
from chexnomaly.phantom.portable import exp

Window = tuple[slice, slice]
Box = tuple[float, float, float, float]
"""Corners, xyxy."""


@dataclass(frozen=True)
class Grid:
    """Pixel centers in patient coordinates.

    Attributes:
        height_px: Rows.
        width_px: Columns.
        corner_cm: Patient coordinates (x, y) of the upper left corner, cm.
        field_cm: Width and height of the film, cm.
        x: Column centers, cm. Shape (1, W), float32.
        y: Row centers, cm. Shape (H, 1), float32.
    """

    height_px: int
    width_px: int
    corner_cm: tuple[float, float]
    field_cm: tuple[float, float]
    x: Array = field(init=False, repr=False)
    y: Array = field(init=False, repr=False)

    def __post_init__(self):
        """Compute the centers once."""
        x = self.corner_cm[0] + (np.arange(self.width_px) + 0.5) * self.pixel_x
        y = self.corner_cm[1] + (np.arange(self.height_px) + 0.5) * self.pixel_y
        object.__setattr__(self, "x", x[None].astype(np.float32))
        object.__setattr__(self, "y", y[:, None].astype(np.float32))

    @property
    def pixel_x(self) -> float:
        """Width of a pixel, cm."""
        return self.field_cm[0] / self.width_px

    @property
    def pixel_y(self) -> float:
        """Height of a pixel, cm."""
        return self.field_cm[1] / self.height_px

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height_px, self.width_px

    def zeros(self) -> Array:
        """Return an empty map. Shape (H, W), float32."""
        return np.zeros(self.shape, np.float32)

    def window(self, x0: float, y0: float, x1: float, y1: float) -> Window:
        """Return rows and columns that cover a region; none if it is off the film."""
        left, top = self.corner_cm
        c0 = max(0, int(np.floor((x0 - left) / self.pixel_x)))
        c1 = min(self.width_px, int(np.ceil((x1 - left) / self.pixel_x)))
        r0 = max(0, int(np.floor((y0 - top) / self.pixel_y)))
        r1 = min(self.height_px, int(np.ceil((y1 - top) / self.pixel_y)))
        return slice(r0, max(r0, r1)), slice(c0, max(c0, c1))

    def axes(self, window: Window) -> tuple[Array, Array]:
        """Return x (1, w) and y (h, 1) of a window, cm."""
        return self.x[:, window[1]], self.y[window[0]]

    def blur(self, image: Array, sigma_cm: float) -> Array:
        """Blur by a Gaussian; wide ones are done on a coarse copy.

        Args:
            image: Map on this grid. Shape (H, W), float32.
            sigma_cm: Standard deviation, cm.

        Returns:
            Blurred map, borders continued by reflection. Shape (H, W), float32.
        """
        sigma = (sigma_cm / self.pixel_y, sigma_cm / self.pixel_x)
        factor = int(min(sigma) // 4)
        if max(sigma) < 0.15:
            return image
        if factor < 2:
            return _smooth(image, sigma)
        coarse = _smooth(_shrink(image, factor), [one / factor for one in sigma])
        return enlarge(coarse, image.shape, (factor, factor))

    def splat(self, x: Array, y: Array, volume_cm3: Array) -> Array:
        """Drop point volumes on the grid, shared between the four nearest pixels.

        Args:
            x: Positions, cm. Shape (N,).
            y: Positions, cm. Shape (N,).
            volume_cm3: Volume of each point. Shape (N,).

        Returns:
            Mean thickness per pixel, cm. Shape (H, W), float32.
        """
        col = (x - self.corner_cm[0]) / self.pixel_x + 0.5
        row = (y - self.corner_cm[1]) / self.pixel_y + 0.5
        keep = (col >= 0) & (col < self.width_px + 1)
        keep &= (row >= 0) & (row < self.height_px + 1)
        mass = volume_cm3 / (self.pixel_x * self.pixel_y)
        if not keep.all():
            col, row, mass = col[keep], row[keep], mass[keep]
        c, r = np.floor(col), np.floor(row)
        col -= c
        row -= r
        rows, stride = self.height_px + 2, self.width_px + 2
        corners = np.array([[0], [1], [stride], [stride + 1]])
        index = (r * stride + c).astype(np.int64) + corners
        weights = np.stack([1 - row, row])[:, None] * np.stack([1 - col, col])
        weights *= mass
        total = np.bincount(index.ravel(), weights.ravel(), rows * stride)
        return total.reshape(rows, stride)[1:-1, 1:-1].astype(np.float32)


def _smooth(image: Array, sigma: Sequence[float]) -> Array:
    """Blur by a Gaussian cut at three standard deviations, px, along each axis."""
    reaches = [int(3 * one + 0.5) for one in sigma]
    # zeros out of reach of all other values stay so
    window = tuple(map(_near, (image.any(1), image.any(0)), reaches))
    out, part = np.zeros_like(image), image[window]
    for axis, (one, reach) in enumerate(zip(sigma, reaches, strict=True)):
        weights = exp(-0.5 * np.square(np.arange(-reach, reach + 1) / one))
        part = ndimage.correlate1d(part, weights / weights.sum(), axis)
    out[window] = part
    return out


def _near(drawn: Array, reach: int) -> slice:
    """Give the places that lie within reach of the first to the last drawn one."""
    end = len(drawn) - drawn[::-1].argmax()
    return slice(max(0, drawn.argmax() - reach), end + reach)


def _shrink(image: Array, factor: int) -> Array:
    """Average blocks; the last ones are padded by the edge value."""
    more = [(0, -count % factor) for count in image.shape]
    padded = np.pad(image, more, mode="edge")
    blocks = padded.reshape(len(padded) // factor, factor, -1, factor)
    return blocks.mean(axis=(1, 3))
