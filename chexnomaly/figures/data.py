"""Figures 1 to 4, and the phantom beside real data, in statistics alone."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from chexnomaly.datasets.annotations.findings import scale_boxes
from chexnomaly.datasets.annotations.validation import BOX
from chexnomaly.figures import style
from chexnomaly.labels import DISPLAY_NAMES, NO_FINDING


def figure_1(deaths: float, perceptual: float, misclassified: float) -> plt.Figure:
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
    for where, parts in bars.items():
        start = 0.0
        for value, name, color in parts:
            bar = ax.barh(where, value, left=start, color=color, edgecolor="white")
            text = f"{value:.3g} %\n{name}" if value > 10 else f"{value:.3g} %"
            written = "white" if color in (style.BLUE, style.GREY) else "black"
            ax.bar_label(bar, [text], label_type="center", fontsize=8, color=written)
            start += value
    ax.invert_yaxis()
    ax.set(xlim=(0, 100), xlabel="percent; quoted from the paper, not verified")
    return fig


def figure_2(disagreement: np.ndarray | None, about: str) -> plt.Figure:
    """Show where readers disagree: Fig. 2 cannot be rebuilt, for its source is unknown.

    Args:
        disagreement: From `rectangles.disagreement_map`; None without a table.
        about: Names the data of the map and its evidence level.

    Returns:
        The figure.
    """
    fig, ax = style.one_panel(3.6)
    ax.set(xticks=[], yticks=[], title=about)
    if disagreement is not None:
        image = ax.imshow(disagreement, cmap=style.REDS, vmin=0)
        fig.colorbar(image, ax=ax, label="share of abnormal images", shrink=0.8)
    return fig


def annotation_counts(findings: pd.DataFrame) -> pd.DataFrame:
    """Count boxes and images per finding.

    Args:
        findings: Findings table.

    Returns:
        Index finding, columns "boxes" (all readers) and "images", most boxes first.
    """
    drawn = findings[findings.finding != NO_FINDING]
    counts = drawn.groupby("finding").image_id.agg(boxes="size", images="nunique")
    return counts.sort_values(["boxes", "images"], ascending=False)


def figure_3(findings: pd.DataFrame, title: str) -> plt.Figure:
    """Draw the boxes and images per finding (Fig. 3).

    Args:
        findings: Findings table.
        title: Names the data and its evidence level.

    Returns:
        The figure.
    """
    counts = annotation_counts(findings).rename(index=DISPLAY_NAMES)
    fig, ax = style.one_panel(4.6)
    counts.plot.barh(ax=ax, width=0.8, color=[style.BLUE, style.LIGHT])
    ax.invert_yaxis()
    for bars in ax.containers:
        ax.bar_label(bars, fmt="{:,.0f}", fontsize=7, padding=2)
    most = findings[findings.finding != NO_FINDING].image_id.value_counts().max()
    ax.set(xlabel="number of boxes, and of images", ylabel="", title=title)
    ax.legend(title=f"at most {most} boxes on one image", frameon=False)
    return fig


def location_maps(findings: pd.DataFrame, size: int = 128) -> dict[str, np.ndarray]:
    """Sum, per finding, the boxes of all readers on one common square.

    Args:
        findings: Findings table with image sizes; boxes of images of unknown size
            are left out.
        size: Side of the square, px.

    Returns:
        Finding to counts, (size, size).
    """
    drawn = findings[(findings.finding != NO_FINDING) & findings.width_px.notna()]
    corners = scale_boxes(drawn, size)[list(BOX)].to_numpy(np.float64)
    grid = np.ceil(corners - 0.5).astype(int)
    maps: dict[str, np.ndarray] = {}
    for finding, (left, top, right, bottom) in zip(drawn.finding, grid, strict=True):
        counts = maps.setdefault(finding, np.zeros((size, size)))
        counts[top:bottom, left:right] += 1
    return maps


def figure_4(findings: pd.DataFrame, order: tuple[str, ...]) -> plt.Figure:
    """Draw where each finding's boxes lie, each map to its own maximum (Fig. 4).

    Args:
        findings: Findings table with image sizes.
        order: Findings to draw, two rows.

    Returns:
        The figure; brighter green is more boxes.
    """
    boxes = annotation_counts(findings).boxes
    below = {finding: f"{boxes.get(finding, 0):,} boxes" for finding in order}
    maps = {"": location_maps(findings)}
    return figure_locations(maps, order, below, columns=len(order) // 2)


def figure_locations(
    maps: Mapping[str, Mapping[str, np.ndarray]],
    order: Sequence[str],
    captions: Mapping[str, str],
    columns: int,
) -> plt.Figure:
    """Draw location maps of several tables above each other.

    Args:
        maps: Table name to finding key to counts, (S, S).
        order: Findings to draw, as many as fill all rows.
        captions: Finding key to a second line of its title.
        columns: Findings per block of rows.

    Returns:
        The figure, each map to its own maximum.
    """
    rows = len(order) // columns * len(maps)
    fig, axs = style.new_figure(rows, columns, 1.45 * rows)
    for number, finding in enumerate(order):
        block, column = divmod(number, columns)
        stack = axs[block * len(maps) :, column]
        for ax, (name, table) in zip(stack, maps.items(), strict=False):
            counts = table.get(finding, np.zeros((2, 2)))
            most = max(counts.max(), 1)
            style.draw_image(ax, counts, cmap=style.GREENS, vmin=0, vmax=most)
            ax.set_ylabel(name if column == 0 else "", fontsize=8)
        title = f"{DISPLAY_NAMES[finding]}\n{captions.get(finding, '')}"
        stack[0].set_title(title, fontsize=7)
    return fig


def figure_means(means: Mapping[str, Sequence[np.ndarray]]) -> plt.Figure:
    """Draw the mean film, the mean phantom, and what tells the two apart.

    Args:
        means: View to mean film, mean phantom, both in [0, 1], and weights, positive
            where bright speaks for a phantom.

    Returns:
        The figure, a row for each view.
    """
    fig, axs = style.new_figure(len(means), 3, 2.2 * len(means))
    heads = ("mean film", "mean phantom", "brighter in phantoms: red")
    for row, (view, (*pictures, weights)) in zip(axs, means.items(), strict=True):
        for ax, picture in zip(row, pictures, strict=False):
            style.draw_image(ax, picture, cmap="gray", vmin=0, vmax=1)
        most = np.abs(weights).max()
        style.draw_image(row[2], weights, cmap="RdBu_r", vmin=-most, vmax=most)
        row[0].set_ylabel(view)
    for ax, head in zip(axs[0], heads, strict=True):
        ax.set_title(head, fontsize=8)
    return fig
