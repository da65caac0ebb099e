"""Portable functions against NumPy's in double precision, products against integers."""

import math

import numpy as np
import pytest

from chexnomaly.phantom import portable

BOUND = {np.float64: 1e-9, np.float32: 4e-6}
"""The accuracy that the module states."""

ANGLES = np.linspace(-20, 20, 40_001)


def error(found, true, relative=True):
    gap = np.abs(np.subtract(found, true, dtype=np.float64))
    return float((gap / np.abs(true) if relative else gap).max())


@pytest.mark.parametrize("kind", BOUND)
@pytest.mark.parametrize("name", ["exp", "sin", "cos"])
def test_functions_are_as_accurate_as_stated(name, kind):
    x = ANGLES.astype(kind)
    found = getattr(portable, name)(x)
    true = getattr(np, name)(x.astype(np.float64))
    assert found.dtype == kind
    assert error(found, true, relative=name == "exp") < BOUND[kind]


@pytest.mark.parametrize("kind", BOUND)
def test_the_logarithm_is_as_accurate_as_stated(kind):
    x = np.exp(ANGLES).astype(kind)
    found = portable.log(x)
    assert found.dtype == kind
    assert error(found, np.log(x.astype(np.float64)), relative=False) < BOUND[kind]


@pytest.mark.parametrize("kind", BOUND)
@pytest.mark.parametrize("exponent", [0.4, 2.4, 5])
def test_powers_are_as_accurate_as_stated_and_those_of_zero_are_zero(kind, exponent):
    x = np.linspace(0, 4, 5001).astype(kind)
    found = portable.power(x, exponent)
    assert found.dtype == kind
    assert found[0] == 0
    assert error(found[5:], x[5:].astype(np.float64) ** exponent) < BOUND[kind]


def test_an_exponent_may_be_an_image():
    x, exponent = np.random.default_rng(0).uniform(0.1, 2, (2, 7, 9))
    assert error(portable.power(x, exponent), x**exponent) < 1e-9


def test_numbers_go_the_same_way_as_arrays():
    for x in ANGLES[::997].tolist():
        assert portable.exp(x) == portable.exp(np.array([x]))[0]
        assert portable.sin(x) == portable.sin(np.array([x]))[0]
        assert isinstance(portable.exp(np.float64(x)), float)


def test_what_is_far_below_zero_is_raised_to_nearly_nothing():
    found = portable.exp(np.array([-1e30, -1000, -86], np.float32))
    assert 0 < found.max() < 1e-37
    assert portable.exp(-np.inf) == portable.exp(-86.0) > 0


@pytest.mark.parametrize("y", [-3.0, -1e-9, -0.0, 0.0, 0.5, 7.0])
@pytest.mark.parametrize("x", [-2.0, -1e-9, 1e-9, 0.1, 5.0])
def test_angles_agree_with_the_library_in_every_quarter(x, y):
    assert portable.arctan2(y, x) == pytest.approx(math.atan2(y, x), abs=1e-9)


def test_a_product_is_exact_in_every_order():
    """The same sum in whole numbers, and with the terms shuffled."""
    rng = np.random.default_rng(0)
    matrix, values = rng.uniform(-0.15, 0.15, (163, 163)), rng.normal(0, 6, (163, 50))
    found = portable.exact_product(matrix, values)
    assert np.abs(found - matrix @ values.clip(-16, 16)).max() < 1e-4
    whole = np.rint(matrix * 2**24).astype(object) @ np.rint(
        values.clip(-16, 16) * 2**20
    ).astype(object)
    assert (whole.astype(float) / 2.0**44 == found).all()
    order = rng.permutation(163)
    shuffled = portable.exact_product(matrix[:, order], values[order])
    np.testing.assert_array_equal(shuffled, found)


@pytest.mark.parametrize("kind", BOUND)
def test_normal_numbers_are_numpys_but_for_the_tail(kind):
    ours, numpys = portable.random(3, 4), np.random.default_rng([3, 4])
    found = ours.standard_normal(200_000, kind)
    true = numpys.standard_normal(200_000, kind)
    tail = np.abs(true) > portable.TAIL
    assert found.dtype == kind
    assert 1e-4 < tail.mean() < 5e-4
    np.testing.assert_array_equal(found[~tail], true[~tail])
    np.testing.assert_array_equal(
        found[tail], kind(portable.TAIL) * np.sign(true[tail])
    )


def test_other_numbers_are_numpys_to_24_places():
    ours, numpys = portable.random(5), np.random.default_rng(5)
    for draw in ("gamma", "beta"):
        found, true = getattr(ours, draw)(1.5, 2), getattr(numpys, draw)(1.5, 2)
        assert found == pytest.approx(true, abs=2**-25)
        assert (found * 2**24).is_integer()
    assert ours.normal(3, 2, 4) == pytest.approx(numpys.normal(3, 2, 4))
    assert isinstance(ours.spawn(1)[0], portable.Random)
