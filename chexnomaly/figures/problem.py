"""Figures 1 and 2: what the introduction quotes, and what cannot be rebuilt."""

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from chexnomaly.datasets.annotations.findings import scale_boxes
from chexnomaly.datasets.annotations.validation import BOX
from chexnomaly.figures.style import BLUE, GREY, LIGHT, ORANGE, new_figure
from chexnomaly.labels import NO_FINDING

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
            (deaths, "thoracic, as printed", BLUE),
            (100 - deaths, "other (remainder)", LIGHT),
        ],
        "diagnostic\nerrors": [
            (perceptual, "perceptual, as printed", ORANGE),
            (misclassified, "misclassified,\nas printed", GREY),
            (100 - perceptual - misclassified, "rest (remainder)", LIGHT),
        ],
    }
    fig, axs = new_figure(height_in=2.4)
    ax = axs[0, 0]
    for row, parts in enumerate(bars.values()):
        start = 0.0
        for value, name, color in parts:
            ax.barh(row, value, left=start, color=color, edgecolor="white")
            dark = color in (BLUE, GREY)
            label = f"{value:.3g} %\n{name}" if value > 10 else f"{value:.3g} %"
            ax.text(
                start + value / 2,
                row,
                label,
                ha="center",
                va="center",
                fontsize=8,
                color="white" if dark else "black",
            )
            start += value
    ax.set_yticks(range(len(bars)), list(bars))
    ax.invert_yaxis()
    ax.set(xlim=(0, 100), xlabel="percent; quoted from the paper, not verified")
    return fig


def disagreement_map(findings: pd.DataFrame, size: int = 128) -> np.ndarray:
    """Map where a single reader of several drew a box.

    Args:
        findings: Findings table with image sizes and several readers per image.
        size: Side of the common square, px.

    Returns:
        Share of abnormal images in which exactly one reader marked the pixel, in
        [0, 1], (size, size). Images of unknown size are left out.
    """
    drawn = findings[(findings.finding != NO_FINDING) & findings.width_px.notna()]
    drawn = drawn.sort_values(["image_id", "reader"])
    corners = scale_boxes(drawn, size)[list(BOX)].to_numpy(np.float64)
    grid = np.ceil(corners - 0.5).astype(int)
    total = np.zeros((size, size), dtype=np.int64)
    ids = drawn.image_id.to_numpy()
    starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]]) if len(ids) else []
    readers = pd.factorize(drawn.reader)[0]
    for start, stop in zip(starts, [*starts[1:], len(ids)], strict=True):
        votes = np.zeros((size, size), dtype=np.uint8)
        for reader in np.unique(readers[start:stop]):
            mine = grid[start:stop][readers[start:stop] == reader]
            mask = np.zeros((size, size), dtype=np.uint8)
            for left, top, right, bottom in mine:
                mask[top:bottom, left:right] = 1
            votes += mask
        total += votes == 1
    return total / max(1, len(starts))


def figure_2(disagreement: np.ndarray | None, caption: str, about: str) -> Figure:
    """Say that Fig. 2 cannot be rebuilt, and show reader disagreement beside it.

    Args:
        disagreement: From `disagreement_map`; None where no table is at hand.
        caption: The printed caption, quoted.
        about: Names the data of the map and its evidence level.

    Returns:
        The figure: a framed statement left, our own map right.
    """
    fig, axs = new_figure(1, 2, height_in=3.6)
    statement = (
        "Fig. 2 of the paper cannot be reproduced.\n\nIts source is not named; the "
        f"caption reads:\n{caption}\n\nRight: another quantity, ours:\nwhere exactly "
        "one of three readers\ndrew a box."
    )
    axs[0, 0].text(0.5, 0.5, statement, ha="center", va="center", fontsize=9)
    axs[0, 0].set(xticks=[], yticks=[])
    for side in axs[0, 0].spines.values():
        side.set(visible=True, linestyle="--", color=GREY)
    if disagreement is None:
        axs[0, 1].set(xticks=[], yticks=[], title=about)
        return fig
    image = axs[0, 1].imshow(disagreement, cmap=REDS, vmin=0)
    axs[0, 1].set(xticks=[], yticks=[], title=about)
    fig.colorbar(image, ax=axs[0, 1], label="share of abnormal images", shrink=0.8)
    return fig
