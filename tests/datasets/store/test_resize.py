import numpy as np
import pytest

from chexnomaly.datasets.store.resize import resize_square


def image(height, width):
    return np.random.default_rng(0).random((height, width), dtype=np.float32)


@pytest.mark.parametrize(("rows", "columns"), [(1, 2), (4, 4), (3, 5)])
def test_by_whole_factors_each_pixel_is_the_mean_of_its_block(rows, columns):
    source = image(16 * rows, 16 * columns)
    blocks = source.reshape(16, rows, 16, columns).astype(np.float64)
    result = resize_square(source, 16)
    np.testing.assert_allclose(result, blocks.mean(axis=(1, 3)), atol=1e-6)
    assert result.dtype == np.float32


def weights(n, size):
    """Overlap of target pixel i with source pixel j (shrinking), or the two nearest
    centers (growing)."""
    matrix = np.zeros((size, n))
    for i in range(size):
        low, high = i * n / size, (i + 1) * n / size
        center = np.clip((low + high) / 2 - 0.5, 0, n - 1)
        for j in range(n):
            overlap = min(high, j + 1) - max(low, j)
            near = 1 - abs(center - j)
            matrix[i, j] = max(0, (overlap * size / n) if n >= size else near)
    return matrix


@pytest.mark.parametrize(
    ("height", "width"), [(50, 77), (33, 32), (20, 24), (20, 90), (90, 20), (32, 7)]
)
def test_any_size_follows_areas_down_and_lines_up(height, width):
    source = image(height, width)
    expected = weights(height, 32) @ source.astype(np.float64) @ weights(width, 32).T
    np.testing.assert_allclose(resize_square(source, 32), expected, atol=1e-5)


def test_the_same_size_changes_nothing():
    np.testing.assert_array_equal(resize_square(image(8, 8), 8), image(8, 8))
