"""The pictures of conventions hold what they are given."""

import numpy as np
import pandas as pd
import pytest

from chexnomaly.figures import atlas


def test_a_measured_row_has_five_marks_and_a_printed_one_a_tick():
    rows = pd.DataFrame(
        {
            "group": ["printed", "measured"],
            "system": ["theirs", "mine"],
            "printed": [0.7, np.nan],
            **{c: [np.nan, 0.1 * k] for k, c in enumerate("ABCDE", 1)},
        }
    )
    fig = atlas.figure_atlas({"one": rows, "two": rows})
    assert [ax.get_title() for ax in fig.axes] == ["one", "two"]
    points = np.array([line.get_xdata() for line in fig.axes[0].lines])
    assert np.isnan(points).sum(axis=1).tolist() == [1] * 6
    values = points[~np.isnan(points)]
    assert values == pytest.approx([0.7, 0.1, 0.2, 0.3, 0.4, 0.5])
    names = [text.get_text() for text in fig.legends[0].get_texts()]
    assert sorted(names) == ["A", "B", "C", "D", "E", "printed"]


def test_only_what_is_possible_is_marked():
    table = pd.DataFrame(
        {
            "reading": ["r1", "r1", "r2", "r2"],
            "system": ["a", "b", "a", "b"],
            "abnormal_share": 0.25,
            "possible": [True, False, False, False],
        }
    )
    fig = atlas.figure_feasible(table, {"here": 0.3})
    counts = [[len(line.get_xdata()) for line in ax.lines[1:]] for ax in fig.axes]
    assert counts == [[1, 0], [0, 0]]
    assert fig.axes[0].lines[1].get_xdata().tolist() == [25]


def test_curves_of_phantoms_are_dashed():
    curve = pd.DataFrame({"A": [0, 1], "C": [0, 0], "f1_any_pixel": [1, 0]}, [0.0, 0.9])
    curves = {"x, annotations": curve, "y, phantom": curve}
    fig = atlas.figure_shares(curves, {"mark": 0.5})
    styles = [line.get_linestyle() for line in fig.axes[0].lines[::2]]
    assert styles[:2] == ["-", "--"]


def test_lines_that_coincide_take_turns(monkeypatch):
    """Two of three are alike: each draws where the other leaves a gap."""
    axes = type(atlas.style.one_panel()[1])
    drawn, plot = {}, axes.plot

    def noted(ax, *given, **how):
        if isinstance(how.get("linestyle"), tuple):
            drawn[how["color"]] = how["linestyle"]
        return plot(ax, *given, **how)

    monkeypatch.setattr(axes, "plot", noted)
    curve = pd.DataFrame({"A": [0, 1], "C": [0, 0], "f1_any_pixel": [1, 0]}, [0.0, 0.9])
    curves = {"one": curve, "near": curve + 0.005, "far": curve + 0.2}
    atlas.figure_shares(curves, {})
    assert [*drawn.values()] == [(0, (5, 5)), (5, (5, 5)), (0, (5, 0))]
