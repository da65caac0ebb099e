"""Figures 3 and 4: how many boxes, and where (Section III)."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from chexnomaly.datasets.annotations.findings import scale_boxes
from chexnomaly.datasets.annotations.validation import BOX
from chexnomaly.figures import style
from chexnomaly.labels import DISPLAY_NAMES, NO_FINDING


def annotation_counts(findings: pd.DataFrame) -> pd.DataFrame:
    """Count boxes and images per finding.

    Args:
        findings: Findings table.

    Returns:
        Index finding, columns "boxes" (all readers) and "images", most boxes first.
    """
    drawn = findings[findings.finding != NO_FINDING]
    groups = drawn.groupby("finding")
    counts = pd.DataFrame({"boxes": groups.size(), "images": groups.image_id.nunique()})
    return counts.sort_values(["boxes", "images"], ascending=False)


def boxes_per_image(findings: pd.DataFrame) -> pd.Series:
    """Count the boxes of each abnormal image, all readers together."""
    return findings[findings.finding != NO_FINDING].groupby("image_id").size()


def figure_3(findings: pd.DataFrame, title: str) -> Figure:
    """Draw the boxes and images per finding (Fig. 3).

    Args:
        findings: Findings table.
        title: Names the data and its evidence level.

    Returns:
        The figure.
    """
    counts = annotation_counts(findings).rename(index=DISPLAY_NAMES)
    long = counts.rename_axis("finding").reset_index().melt("finding", var_name="what")
    fig, ax = style.one_panel(4.6)
    axes = {"y": "finding", "x": "value", "hue": "what"}
    sns.barplot(long, **axes, palette=[style.BLUE, style.LIGHT], width=0.8, ax=ax)
    for bars in ax.containers:
        ax.bar_label(bars, fmt="{:,.0f}", fontsize=7, padding=2)
    most = boxes_per_image(findings).max() if len(counts) else 0
    ax.set(xlabel="count", ylabel="", title=title)
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


def figure_4(findings: pd.DataFrame, order: tuple[str, ...]) -> Figure:
    """Draw where each finding's boxes lie, each map to its own maximum (Fig. 4).

    Args:
        findings: Findings table with image sizes.
        order: Findings to draw, two rows.

    Returns:
        The figure; brighter green is more boxes.
    """
    boxes = annotation_counts(findings).boxes
    below = {finding: f"{boxes.get(finding, 0):,} boxes" for finding in order}
    return figure_maps({"": location_maps(findings)}, order, below, len(order) // 2)


def figure_maps(
    maps: Mapping[str, Mapping[str, np.ndarray]],
    order: Sequence[str],
    captions: Mapping[str, str],
    columns: int,
) -> Figure:
    """Draw location maps of several tables above each other.

    Args:
        maps: Table name to finding key to counts, (S, S).
        order: Findings to draw.
        captions: Finding key to a second line of its title.
        columns: Findings per block of rows.

    Returns:
        The figure, each map to its own maximum.
    """
    blocks = -(-len(order) // columns)
    rows = blocks * len(maps)
    fig, axs = style.new_figure(rows, columns, 1.45 * rows)
    for ax in axs.flat[len(order) * len(maps) :]:
        ax.set_axis_off()
    for number, finding in enumerate(order):
        block, column = divmod(number, columns)
        stack = axs[block * len(maps) :, column]
        for ax, (name, table) in zip(stack, maps.items(), strict=False):
            counts = table.get(finding, np.zeros((2, 2)))
            whole = {"cmap": style.GREENS, "vmin": 0, "vmax": max(counts.max(), 1)}
            style.draw_image(ax, counts, **whole)
            ax.set_ylabel(name if column == 0 else "", fontsize=8)
        title = f"{DISPLAY_NAMES[finding]}\n{captions.get(finding, '')}"
        stack[0].set_title(title, fontsize=7)
    return fig
