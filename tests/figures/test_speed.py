"""The figure of the page on speed shows each ratio where it belongs."""

import numpy as np

from chexnomaly.figures import speed


def test_a_ratio_is_a_dot_on_a_range_beside_the_line_of_a_draw():
    ratios = {
        "a": {"min": 0.9, "median": 1.5, "max": 2.0},
        "b": {"min": 3.0, "median": 4.0, "max": 5.0},
    }
    ax = speed.figure_ratios(ratios, {"b": 2.0}).axes[0]
    ranges, dots = ax.collections
    assert [s[:, 0].tolist() for s in ranges.get_segments()] == [[0.9, 2.0], [3.0, 5.0]]
    assert dots.get_offsets().tolist() == [[1.5, 0.0], [4.0, 1.0]]
    goals, draw = (line.get_xdata() for line in ax.lines)
    np.testing.assert_equal(np.asarray(goals), [np.nan, 2.0])
    assert draw[0] == 1
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]
