"""The picture of the verdicts shows the counts it is given."""

import pandas as pd

from chexnomaly.evidence import DIFFERS, NOT_TESTABLE, REPRODUCED, VERDICTS
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
