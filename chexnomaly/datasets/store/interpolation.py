"""Separable interpolation whose sums have one order.

A product with a matrix of weights would do the same, but how it rounds depends on the
processor and on how many threads it is given.
"""

from collections.abc import Sequence

import numpy as np

Array = np.ndarray
Taps = tuple[Array, Array]
"""Neighbors of N places, integers, and their weights, float32. Shapes (K, N) each."""


def linear_taps(at: Array, count: int) -> Taps:
    """Weigh the two neighbors of each place among `count` samples. Shapes (2, N)."""
    return _taps(at, count, (0, 1), lambda d: np.maximum(1 - d, 0))


def cubic_taps(at: Array, count: int) -> Taps:
    """Weigh four neighbors by Keys' cubic convolution (1981). Shapes (4, N).

    Neighbors beyond the ends count as 0.
    """
    return _taps(at, count, (-1, 0, 1, 2), _keys)


def _keys(d: Array) -> Array:
    near = (1.5 * d - 2.5) * d * d + 1
    far = ((-0.5 * d + 2.5) * d - 4) * d + 2
    return np.where(d < 1, near, far)


def _taps(at: Array, count: int, offsets: tuple[int, ...], kernel) -> Taps:
    at = np.clip(at, 0, count - 1)
    index = np.floor(at).astype(np.intp) + np.array(offsets)[:, None]
    weights = kernel(np.abs(at - index).astype(np.float32))
    inside = (index >= 0) & (index < count)
    return np.clip(index, 0, count - 1), weights * inside


def resample(values: Array, rows: Taps, cols: Taps) -> Array:
    """Interpolate at every pair of a row and a column.

    Args:
        values: Samples. Shape (R, C), float32.
        rows: Of the H rows that are wanted.
        cols: Of the W columns that are wanted.

    Returns:
        Values there. Shape (H, W), float32.
    """
    return _blend(np.ascontiguousarray(_blend(values.T, *cols).T), *rows)


def enlarge(values: Array, shape: tuple[int, int], factors: Sequence[float]) -> Array:
    """Interpolate linearly between the centers of coarse pixels; constant at the rim.

    Args:
        values: Coarse pixels. Shape (R, C), float32.
        shape: Height and width of the result, px.
        factors: Fine pixels in a coarse one, along rows and along columns.

    Returns:
        Values at the fine pixels' centers. Shape (H, W), float32.
    """
    rows, cols = (
        linear_taps((np.arange(fine) + 0.5) / factor - 0.5, count)
        for fine, factor, count in zip(shape, factors, values.shape, strict=True)
    )
    return resample(values, rows, cols)


def _blend(values: Array, index: Array, weights: Array) -> Array:
    """Add up weighted rows, in the order of their taps."""
    out = values[index[0]] * weights[0, :, None]
    for chosen, weight in zip(index[1:], weights[1:], strict=True):
        part = values[chosen]
        part *= weight[:, None]
        out += part
    return out
