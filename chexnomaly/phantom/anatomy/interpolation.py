"""Separable interpolation whose sums have one order.

A product with a matrix of weights would do the same, but how it rounds depends on the
processor and on how many threads it is given.
"""

import numpy as np

from chexnomaly.phantom.portable import Array

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


def _blend(values: Array, index: Array, weights: Array) -> Array:
    """Add up weighted rows, in the order of their taps."""
    out = values[index[0]] * weights[0, :, None]
    for chosen, weight in zip(index[1:], weights[1:], strict=True):
        part = values[chosen]
        part *= weight[:, None]
        out += part
    return out
