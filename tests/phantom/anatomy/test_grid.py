import numpy as np
import pytest
from scipy import ndimage

from chexnomaly.phantom.anatomy.grid import Grid
from chexnomaly.phantom.anatomy.texture import Texture, smoothstep


def make_grid(height=60, width=40, field=(20.0, 30.0)):
    return Grid(height, width, (-10.0, 0.0), field)


def test_pixel_centers_span_the_field():
    grid = make_grid()
    # 20 cm over 40 columns: half a centimeter each, the first center at -9.75
    assert grid.pixel_x == grid.pixel_y == 0.5
    assert grid.x[0, 0] == -9.75
    assert grid.x[0, -1] == 9.75
    assert grid.y[-1, 0] == 29.75


def test_a_window_covers_a_region_and_is_empty_off_the_film():
    grid = make_grid()
    rows, cols = grid.window(-1, 2, 1, 3)
    assert (rows.start, rows.stop, cols.start, cols.stop) == (4, 6, 18, 22)
    off = [(11, 0, 12, 1), (-12, 0, -11, 1), (0, -9, 1, -8), (0, 90, 1, 91)]
    assert [grid.zeros()[grid.window(*box)].size for box in off] == [0] * 4


def test_splatting_keeps_the_volume():
    grid = make_grid()
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-9, 9, 50), rng.uniform(1, 29, 50)
    drawn = grid.splat(x, y, np.full(50, 0.2))
    assert drawn.sum() * grid.pixel_x * grid.pixel_y == pytest.approx(10.0, rel=1e-5)


def test_a_point_on_a_pixel_center_fills_that_pixel():
    grid = make_grid()
    drawn = grid.splat(grid.x[0, 5:6], grid.y[7:8, 0], np.ones(1))
    assert drawn[7, 5] == pytest.approx(4.0)  # 1 cm3 over 0.25 cm2
    assert np.count_nonzero(drawn) == 1


def test_a_point_is_shared_between_the_four_nearest_pixels():
    """Point by point, some of them over the border of the film or off it."""
    grid = make_grid()
    rng = np.random.default_rng(1)
    x, y = rng.uniform(-11, 11, 300), rng.uniform(-1, 31, 300)
    volume = rng.uniform(0.1, 1, 300)
    expected = np.zeros(grid.shape)
    for at_x, at_y, cm3 in zip(x, y, volume, strict=True):
        across = np.maximum(1 - np.abs(grid.x - at_x) / grid.pixel_x, 0)
        down = np.maximum(1 - np.abs(grid.y - at_y) / grid.pixel_y, 0)
        expected += cm3 * down * across / (grid.pixel_x * grid.pixel_y)
    np.testing.assert_allclose(grid.splat(x, y, volume), expected, atol=1e-4)


@pytest.mark.parametrize(
    "drawn", [np.s_[50:53, 7:9], np.s_[:2, 70:], np.s_[:, 3], np.s_[:0]]
)
def test_a_blur_of_little_that_is_drawn_is_that_of_the_whole_image(drawn):
    grid = make_grid(120, 80)
    image = grid.zeros()
    image[drawn] = np.random.default_rng(1).random(image[drawn].shape)
    mirrored = np.pad(image, 30, mode="symmetric").astype(np.float64)
    weights = {k: np.exp(-0.125 * k * k) for k in range(-6, 7)}
    for axis in (0, 1):
        moved = [w * np.roll(mirrored, k, axis) for k, w in weights.items()]
        mirrored = sum(moved) / sum(weights.values())
    found = grid.blur(image, 2 * grid.pixel_x)
    np.testing.assert_allclose(found, mirrored[30:-30, 30:-30], atol=1e-6)
    assert found.shape == image.shape and found.flags.c_contiguous


@pytest.mark.parametrize("sigma_cm", [0.6, 1.5, 6.0])
def test_blur_is_close_to_a_gaussian(sigma_cm):
    grid = make_grid(120, 80)
    image = np.random.default_rng(1).random((120, 80)).astype(np.float32)
    image[40:70, 20:50] += 2
    sigma = sigma_cm / grid.pixel_x
    expected = ndimage.gaussian_filter(image, sigma, truncate=6)
    error = np.abs(grid.blur(image, sigma_cm) - expected).max()
    assert error < 0.04 * np.ptp(image)


def test_a_texture_is_the_same_field_on_every_grid():
    texture = Texture(np.random.default_rng(3), (-5, 0, 5, 10), 0.5)
    coarse = np.linspace(-4, 4, 9)
    fine = np.linspace(-4, 4, 17)
    rows = np.array([[2.0], [6.0]])
    np.testing.assert_allclose(
        texture(coarse[None], rows), texture(fine[None], rows)[:, ::2], atol=1e-5
    )


def test_a_texture_has_mean_zero_and_variance_one():
    lattice = Texture(np.random.default_rng(3), (0, 0, 20, 20), 0.2).lattice
    assert lattice.mean() == pytest.approx(0, abs=1e-4)
    assert lattice.std() == pytest.approx(1, abs=1e-3)


def test_smoothstep_rises_from_zero_to_one():
    np.testing.assert_allclose(
        smoothstep(np.array([-1, 0, 0.5, 1, 2.0]), 0, 1), [0, 0, 0.5, 1, 1]
    )
