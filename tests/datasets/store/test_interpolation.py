"""Interpolation against NumPy's, against polynomials, and against weight matrices."""

import numpy as np
import pytest

from chexnomaly.datasets.store.interpolation import cubic_taps, linear_taps, resample

AT = np.linspace(1, 7, 41)
"""Places with two neighbors to each side among nine samples."""


def as_matrix(taps, count):
    index, weights = taps
    matrix = np.zeros((index.shape[1], count))
    for row, (places, shares) in enumerate(zip(index.T, weights.T, strict=True)):
        np.add.at(matrix[row], places, shares)
    return matrix


def test_linear_taps_agree_with_numpy_and_hold_the_ends():
    values = np.random.default_rng(0).normal(size=9)
    at = np.linspace(-2, 10, 61)
    expected = np.interp(at, np.arange(9), values)
    assert as_matrix(linear_taps(at, 9), 9) @ values == pytest.approx(
        expected, abs=1e-6
    )


@pytest.mark.parametrize("degree", [0, 1, 2])
def test_cubic_convolution_is_exact_for_polynomials_of_second_degree(degree):
    found = as_matrix(cubic_taps(AT, 9), 9) @ np.arange(9.0) ** degree
    assert found == pytest.approx(AT**degree, abs=1e-4)


def test_cubic_convolution_goes_through_the_samples():
    at = np.arange(9)
    assert as_matrix(cubic_taps(at, 9), 9) == pytest.approx(np.eye(9), abs=1e-7)


@pytest.mark.parametrize("taps", [linear_taps, cubic_taps])
def test_rows_and_columns_are_weighted_as_by_two_matrices(taps):
    rng = np.random.default_rng(1)
    values = rng.normal(size=(9, 7)).astype(np.float32)
    rows, cols = taps(rng.uniform(-1, 9, 20), 9), taps(rng.uniform(-1, 7, 31), 7)
    found = resample(values, rows, cols)
    expected = as_matrix(rows, 9) @ values @ as_matrix(cols, 7).T
    assert found.dtype == np.float32 and found.flags.c_contiguous
    assert found == pytest.approx(expected, abs=1e-5)
