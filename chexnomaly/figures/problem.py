"""Figures 1 and 2: what the introduction quotes, and what cannot be rebuilt."""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from chexnomaly.figures import style

REDS = LinearSegmentedColormap.from_list("white to red", ["#FFFFFF", "#67000D"])


def figure_1(deaths: float, perceptual: float, misclassified: float) -> Figure:
    """Draw the three percentages the introduction prints (Fig. 1).

    The per-cause death rates of the original are not in the text and not invented.

    Args:
        deaths: Share of deaths called thoracic, percent, as printed.
        perceptual: Share of errors called perceptual, percent, as printed.
        misclassified: Share of errors called misclassification, percent, as printed.

    Returns:
        The figure.
    """
    bars = {
        "deaths in the\nUnited States": [
            (deaths, "thoracic, as printed", style.BLUE),
            (100 - deaths, "other (remainder)", style.LIGHT),
        ],
        "diagnostic\nerrors": [
            (perceptual, "perceptual, as printed", style.ORANGE),
            (misclassified, "misclassified,\nas printed", style.GREY),
            (100 - perceptual - misclassified, "rest (remainder)", style.LIGHT),
        ],
    }
    fig, ax = style.one_panel(2.4)
    for row, parts in enumerate(bars.values()):
        start = 0.0
        for value, name, color in parts:
            bar = ax.barh(row, value, left=start, color=color, edgecolor="white")
            text = f"{value:.3g} %\n{name}" if value > 10 else f"{value:.3g} %"
            dark = color in (style.BLUE, style.GREY)
            written = {"fontsize": 8, "color": "white" if dark else "black"}
            ax.bar_label(bar, [text], label_type="center", **written)
            start += value
    ax.set_yticks(range(len(bars)), list(bars))
    ax.invert_yaxis()
    ax.set(xlim=(0, 100), xlabel="percent; quoted from the paper, not verified")
    return fig


def figure_2(disagreement: np.ndarray | None, caption: str, about: str) -> Figure:
    """Say that Fig. 2 cannot be rebuilt, and show reader disagreement beside it.

    Args:
        disagreement: From `rectangles.disagreement_map`; None without a table.
        caption: The printed caption, quoted.
        about: Names the data of the map and its evidence level.

    Returns:
        The figure: a framed statement left, our own map right.
    """
    fig, axs = style.new_figure(1, 2, height_in=3.6)
    statement = (
        "Fig. 2 of the paper cannot be reproduced.\n\nIts source is not named; the "
        f"caption reads:\n{caption}\n\nRight: another quantity, ours:\nwhere exactly "
        "one of three readers\ndrew a box."
    )
    axs[0, 0].text(0.5, 0.5, statement, ha="center", va="center", fontsize=9)
    axs[0, 0].set(xticks=[], yticks=[])
    for side in axs[0, 0].spines.values():
        side.set(visible=True, linestyle="--", color=style.GREY)
    axs[0, 1].set(xticks=[], yticks=[], title=about)
    if disagreement is not None:
        image = axs[0, 1].imshow(disagreement, cmap=REDS, vmin=0)
        label = "share of abnormal images"
        fig.colorbar(image, ax=axs[0, 1], label=label, shrink=0.8)
    return fig
