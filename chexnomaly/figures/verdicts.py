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
from chexnomaly.figures.style import (
    BLUE,
    GREEN,
    LIGHT,
    ORANGE,
    PURPLE,
    RED,
    new_figure,
)

COLORS = {
    REPRODUCED: GREEN,
    SAME_DIRECTION: "#56B4E9",
    DIFFERS: RED,
    HELD: BLUE,
    DID_NOT_HOLD: ORANGE,
    INCONSISTENT: PURPLE,
    NOT_TESTABLE: LIGHT,
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
    fig, axs = new_figure(height_in=1.2 + 0.32 * len(counts))
    ax, left = axs[0, 0], pd.Series(0, index=counts.index)
    for verdict, numbers in counts.items():
        color = COLORS[verdict]
        ax.barh(counts.index, numbers, left=left, color=color, label=verdict)
        for row, number in numbers[numbers > 0].items():
            dark = color in (BLUE, GREEN, RED)
            ax.text(
                left[row] + number / 2,
                row,
                str(number),
                ha="center",
                va="center",
                fontsize=7,
                color="white" if dark else "black",
            )
        left = left + numbers
    ax.invert_yaxis()
    ax.set(xlabel="claims")
    ax.legend(
        frameon=False,
        fontsize=8,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.2),
        ncols=3,
    )
    return fig
