"""Pictures of comparisons and of verdicts show the values they are given."""

import numpy as np
import pandas as pd
import pytest

from chexnomaly.evaluation.intervals import entry
from chexnomaly.evidence import DIFFERS, NOT_TESTABLE, REPRODUCED, VERDICTS
from chexnomaly.figures import beyond, style
from chexnomaly.figures.beyond import VERDICT_COLORS, count_verdicts, figure_verdicts

TABLE = pd.DataFrame(
    {
        "kind": ["result", "count", "result", "count"],
        "verdict": [NOT_TESTABLE, DIFFERS, REPRODUCED, DIFFERS],
    }
)


def test_counts_keep_the_order_of_rows_and_of_verdicts():
    counts = count_verdicts(TABLE, "kind")
    assert list(counts.index) == ["result", "count"]
    assert list(counts.columns) == [REPRODUCED, DIFFERS, NOT_TESTABLE]
    assert counts.to_numpy().tolist() == [[1, 0, 1], [0, 2, 0]]


def test_bars_are_as_long_as_the_counts():
    ax = figure_verdicts(count_verdicts(TABLE, "kind")).axes[0]
    assert sum(patch.get_width() for patch in ax.patches) == len(TABLE)
    assert [t.get_text() for t in ax.texts if t.get_text()] == ["1", "2", "1"]


def test_every_verdict_has_a_color_of_its_own():
    assert set(VERDICT_COLORS) == set(VERDICTS)
    assert len(set(VERDICT_COLORS.values())) == len(VERDICTS)


def test_rows_stand_in_the_order_of_the_first_group():
    shares = {"b": entry(0.5, None, None, 9), "a": entry(0.2, 0.1, 0.3, 9)}
    fig = beyond.figure_entries({"phantom": shares, "real": {}}, "share")
    labels = [text.get_text() for text in fig.axes[0].get_yticklabels()]
    assert labels == ["b", "a"]
    dots, none = fig.axes[0].collections[1::2]
    assert list(dots.get_offsets()[:, 0]) == [0.5, 0.2]
    assert none.get_offsets().mask.all()
    low, high = fig.axes[0].collections[0].get_segments()[-1][:, 0]
    assert (low, high) == (0.1, 0.3)


def test_an_undefined_entry_leaves_a_gap():
    rows = {"one": entry(0.1, 0.0, 0.2, 5), "two": entry(np.nan, None, None, 0)}
    fig = beyond.figure_entries({"arm": rows}, "difference")
    assert [t.get_text() for t in fig.axes[0].get_yticklabels()] == ["one", "two"]
    lines, dots = fig.axes[0].collections
    assert dots.get_offsets()[:, 0].tolist() == [0.1, None]
    assert lines.get_segments()[0][:, 0].tolist() == [0.0, 0.2]


def test_the_twins_figure_draws_each_area_and_each_trial():
    def entry(value):
        return {"value": value, "low": value - 0.05, "high": value + 0.05, "n": 800}

    areas = {"CNN": {"pairs": entry(0.6), "one film": entry(0.8)}}
    areas["U-Net"] = {"pairs": entry(0.55)}
    rows = [("CNN", "fresh", 0), ("CNN", "warm", 1), ("U-Net", "fresh", 2)]
    curves = pd.DataFrame(rows, columns=["base", "start", "trial"])
    epochs = pd.DataFrame({"pairs_seen": [100, 200], "auc": [0.5, 0.6]})
    fig = beyond.figure_twins(areas, curves.merge(epochs, how="cross"))
    left, right = fig.axes
    first, second = (dots.get_offsets().data for dots in left.collections[1::2])
    assert first.tolist() == [[0.6, -0.08], [0.8, 0.92]]
    np.testing.assert_allclose(second, [[0.55, 0.08], [np.nan, 1.08]])
    curves = [line for line in right.lines if list(line.get_xdata()) == [100, 200]]
    assert len(curves) == 3
    assert all(list(line.get_ydata()) == [0.5, 0.6] for line in curves)


def dots(ax):
    """Give the places of all dots of an axes, sorted."""
    places = np.concatenate(
        [
            one.get_offsets()
            for one in ax.collections
            if len(one.get_offsets()) and one.get_label()[0] != "_"
        ]
    )
    return sorted(map(tuple, places.round(3).tolist()))


def test_panels_share_an_axis_and_each_has_its_own_rows():
    one = {"value": 0.1, "low": 0.0, "high": 0.2}
    panels = {
        "films": {"at 0.5": {"a": one, "b": one}, "chosen": {"a": one}},
        "phantoms": {"at 0.5": {"b": one | {"value": -0.3, "low": -0.4}}},
    }
    fig = beyond.figure_panels(panels, "difference")
    first, second = fig.axes
    assert [len(ax.get_yticks()) for ax in fig.axes] == [2, 1]
    assert first.get_xlim() == second.get_xlim()
    assert second.get_xlabel() == "difference"
    assert (-0.3, 0.0) in dots(second) or (-0.3, 0.08) in dots(second)


@pytest.mark.parametrize("least", [-0.1, 0.0, 0.2])
def test_panels_show_where_zero_is(least):
    one = {"value": least, "low": least, "high": 0.3}
    groups = {"x": {"a": one, "b": one | {"value": 0.3, "low": 0.3}}}
    fig = beyond.figure_panels({"films": groups, "phantoms": {"x": {"c": one}}}, "IoU")
    assert [[*ax.lines[0].get_xdata()] for ax in fig.axes] == [[0, 0]] * 2
    lefts = [ax.get_xlim()[0] for ax in fig.axes]
    assert all(left < least for left in lefts) if least < 0 else lefts == [0, 0]


def test_amounts_stand_in_their_order_and_gaps_stay_open():
    curves = {"alone": {"all": {"value": 0.3, "low": 0.2, "high": 0.5}}}
    curves["after"] = {"0": {"value": 0.1, "low": 0.05, "high": 0.2}} | curves["alone"]
    fig = beyond.figure_amounts(curves, ["0", "25", "all"], "IoU")
    lines = [bars.lines[0] for bars in fig.axes[0].containers]
    assert [line.get_ydata().tolist() for line in lines] == [[0.3], [0.1, 0.3]]
    assert [np.round(line.get_xdata().astype(float)).tolist() for line in lines] == [
        [2],
        [0, 2],
    ]


def test_each_network_is_a_dot_where_its_twin_stands():
    rows = [(0.6, 0.01, "real films", "a"), (0.7, -0.02, "phantoms", "b")]
    table = pd.DataFrame(rows, columns=["auc", "gain", "films", "twin"])
    (ax,) = beyond.figure_gains(table).axes
    assert ax.collections[0].get_offsets().tolist() == [[0.6, 0.01], [0.7, -0.02]]


def test_a_missing_picture_says_why():
    fig = style.figure_missing("not measured")
    assert [text.get_text() for text in fig.axes[0].texts] == ["not measured"]
