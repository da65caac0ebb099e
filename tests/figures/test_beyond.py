"""Pictures of comparisons and of verdicts show the values they are given."""

import numpy as np
import pandas as pd

from chexnomaly.evaluation.intervals import entry
from chexnomaly.evidence import DIFFERS, NOT_TESTABLE, REPRODUCED, VERDICTS
from chexnomaly.figures import beyond
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
    fig = beyond.figure_entries({"arm": rows}, "difference", zero=True)
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
