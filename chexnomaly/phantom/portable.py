"""Functions and random numbers that are the same bits on every x86-64 processor.

NumPy and the C library compute exponentials, sines and powers by other instructions on
other processors, and their last bits differ. Here they are made of what IEEE 754 fixes
to the last bit: +, -, *, / and square roots, one at a time. The phantom calls no other.

Against the true values, relative errors (of `sin`, `cos` and `arctan2` absolute ones)
stay below 1e-9 in double and 2e-6 in single precision, for arguments up to 20.
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from chexnomaly.datasets.store.interpolation import Array

HALF = {4: (np.int32, 23, 0x3F3504F3), 8: (np.int64, 52, 0x3FE6A09E667F3BCD)}
"""Of floats with so many bytes: the integer behind, the place of its exponent, and the
integer behind the root of 1/2."""

EXP = [1 / math.factorial(n) for n in range(8, -1, -1)]
LOG = [2 / n for n in range(11, 0, -2)]
SINE = [(-1) ** n / math.factorial(2 * n + 1) for n in range(7, -1, -1)]
ARC = [(-1) ** n / (2 * n + 1) for n in range(7, -1, -1)]
"""Coefficients of the series, the highest first."""

LN_2 = 0.6931471805599453

TAIL = 3.6541528853610087
"""Normal numbers end here: beyond, NumPy takes logarithms of the C library."""


def exp(x: float | Array) -> float | Array:
    """Raise e to x; below -86 as at -86, which is 5e-38. Above 86 it is undefined."""
    scaled = np.maximum(x, -86.0) * (1 / LN_2)
    whole = np.rint(scaled)
    scaled -= whole
    scaled *= LN_2
    out = _series(EXP, scaled)
    if not isinstance(out, Array):
        return math.ldexp(out, int(whole))
    return np.ldexp(out, whole.astype(np.int32))


def log(x: Array) -> Array:
    """Take the natural logarithm of an array of positive numbers."""
    integer, place, half = HALF[x.itemsize]
    bits = x.view(integer)
    whole = (bits - half) >> place
    part = (bits - (whole << place)).view(x.dtype)  # from sqrt(1/2) to sqrt(2)
    ratio = (part - 1) / (part + 1)
    return ratio * _series(LOG, ratio * ratio) + whole.astype(x.dtype) * LN_2


def power(x: Array, exponent: float | Array) -> Array:
    """Raise an array of numbers, 0 or more, to a positive power."""
    out = exp(exponent * log(x))
    out *= x > 0
    return out


def sin(x: float | Array) -> float | Array:
    """Take the sine of an angle, rad."""
    whole = np.rint(x * (1 / math.pi))
    rest = whole * -math.pi
    rest += x
    whole *= 0.5
    whole -= np.rint(whole)
    whole *= whole  # a quarter where the sign turns
    whole *= -8
    whole += 1
    rest *= _series(SINE, rest * rest)
    rest *= whole
    return rest


def cos(x: float | Array) -> float | Array:
    """Take the cosine of an angle, rad."""
    return sin(x + math.pi / 2)


def hypot(x: ArrayLike, y: ArrayLike) -> Array:
    """Take the length of the vector (x, y)."""
    return np.sqrt(np.square(x) + np.square(y))


def arctan2(y: float, x: float) -> float:
    """Take the angle of the vector (x, y), rad, from -pi to pi."""
    part = y / (hypot(x, y) + abs(x))  # the tangent of half the angle to the x axis
    for _ in range(2):
        part = part / (1 + np.sqrt(1 + part * part))
    angle = float(8 * part * _series(ARC, part * part))
    return angle if x >= 0 else math.copysign(math.pi, y) - angle


def _series(coefficients: list[float], x: float | Array) -> float | Array:
    """Sum a power series by Horner's rule."""
    out = coefficients[0] * x
    for coefficient in coefficients[1:-1]:
        out += coefficient
        out *= x
    out += coefficients[-1]
    return out


def exact_product(matrix: Array, values: Array) -> Array:
    """Multiply matrices so that rounding cannot depend on the order of the sums.

    The matrix is rounded to 24 binary places and the values to 20, after which every
    sum of products has at most 53 and is exact.

    Args:
        matrix: Rows whose absolute sums are at most 25. Shape (N, N), float64.
        values: Within -16 and 16; what is beyond is cut. Shape (N, M), float64.

    Returns:
        The product, 1e-6 or so from the unrounded one. Shape (N, M).
    """
    values = np.rint(np.clip(values, -16, 16) * 2.0**20)
    return (np.rint(matrix * 2.0**24) @ values) / 2.0**44


class Random(np.random.Generator):
    """NumPy's generator, without what it leaves to the C library's logarithm.

    Whether a number is drawn again still hangs on that library where two numbers agree
    to the last bit, once in 10^15 draws.
    """

    def standard_normal(self, size=None, dtype=np.float64):
        """Draw normal numbers; the 0.026 % beyond `TAIL` lie on it."""
        drawn = super().standard_normal(size, dtype)
        if size is None:  # a tenth of np.clip's time
            return np.float64(min(max(drawn, -TAIL), TAIL))
        return np.clip(drawn, -TAIL, TAIL)

    def normal(self, loc=0.0, scale=1.0, size=None):
        """Draw normal numbers of a mean and a spread."""
        return loc + scale * self.standard_normal(size)

    def gamma(self, shape, scale=1.0, size=None):
        """Draw gamma numbers, rounded to 24 binary places."""
        return np.rint(super().gamma(shape, scale, size) * 2.0**24) / 2.0**24

    def beta(self, a, b, size=None):
        """Draw beta numbers, rounded to 24 binary places."""
        return np.rint(super().beta(a, b, size) * 2.0**24) / 2.0**24


def random(*seed: int | np.random.SeedSequence) -> Random:
    """Start a stream of random numbers from one or several seeds."""
    return Random(np.random.PCG64(seed if len(seed) > 1 else seed[0]))
