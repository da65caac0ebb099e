"""How the verdicts are distributed over the ledger."""

import pandas as pd
from matplotlib.figure import Figure

from chexnomaly.evidence import (
    DID_NOT_HOLD,
    DIFFERS,
    HELD,
    INCONSISTENT,
    NOT_TESTABLE,
    REPRODUCED,
    SAME_DIRECTION,
    VERDICTS,
)
from chexnomaly.figures import style

COLORS = {
    REPRODUCED: style.GREEN,
    SAME_DIRECTION: "#56B4E9",
    DIFFERS: style.RED,
    HELD: style.BLUE,
    DID_NOT_HOLD: style.ORANGE,
    INCONSISTENT: style.PURPLE,
    NOT_TESTABLE: style.LIGHT,
}


def count_verdicts(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Count verdicts by one column.

    Args:
        table: From `verification.all_verdicts`.
        by: A column of it.

    Returns:
        Index the column's values in the table's order; one column per verdict that
        occurs, in the order of `evidence.VERDICTS`; whole numbers.
    """
    counts = pd.crosstab(table[by], table["verdict"])
    order = [verdict for verdict in VERDICTS if verdict in counts]
    return counts.reindex(index=table[by].unique(), columns=order).rename_axis(
        index=by, columns=None
    )


def figure_verdicts(counts: pd.DataFrame) -> Figure:
    """Draw one bar per row, one colored piece per verdict.

    Args:
        counts: From `count_verdicts`.

    Returns:
        The figure.
    """
    fig, ax = style.one_panel(1.2 + 0.32 * len(counts))
    colors = [COLORS[verdict] for verdict in counts]
    counts.plot.barh(stacked=True, ax=ax, width=0.8, color=colors)
    for bars, color in zip(ax.containers, colors, strict=True):
        written = "white" if color in (style.BLUE, style.GREEN, style.RED) else "black"
        centered = {"label_type": "center", "fontsize": 7, "color": written}
        ax.bar_label(bars, fmt=lambda n: f"{n:.0f}" if n else "", **centered)
    ax.invert_yaxis()
    ax.set(xlabel="claims", ylabel="")
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2), "ncols": 3}
    ax.legend(frameon=False, fontsize=8, **below)
    return fig
