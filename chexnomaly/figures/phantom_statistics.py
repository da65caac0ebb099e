"""Phantom beside real data, in statistics; nothing here shows a real film."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from chexnomaly.figures.style import BLUE, GREEN, GREY, LIGHT, ORANGE, RED, new_figure
from chexnomaly.labels import DISPLAY_NAMES

GREENS = LinearSegmentedColormap.from_list("black to green", ["#000000", "#7CFC5A"])
PALETTE = (BLUE, ORANGE, GREEN, RED, GREY)

Entry = Mapping[str, float | int | None]


def figure_shares(shares: Mapping[str, Mapping[str, Entry]]) -> Figure:
    """Draw how many abnormal scans have each finding, in several tables.

    Args:
        shares: Table name to finding key to a results entry.

    Returns:
        The figure: dots with their intervals, most frequent first.
    """
    first = next(iter(shares.values()))
    order = sorted(first, key=lambda key: first[key]["value"] or 0)
    fig, axs = new_figure(height_in=4.2)
    ax = axs[0, 0]
    for k, (name, entries) in enumerate(shares.items()):
        place = np.arange(len(order)) + 0.2 * (k - (len(shares) - 1) / 2)
        _dots(ax, place, [entries.get(key) for key in order], name, PALETTE[k])
    ax.set_yticks(range(len(order)), [DISPLAY_NAMES[key] for key in order])
    ax.set(xlabel="share of abnormal scans", xlim=(0, None))
    ax.grid(axis="y", color=LIGHT, linewidth=0.6)
    ax.legend(frameon=False, loc="lower right")
    return fig


def figure_areas(areas: pd.DataFrame) -> Figure:
    """Draw the distribution of box areas per finding.

    Args:
        areas: One row per box: "finding" (key), "source" (name), "area" (share of
            the image, above 0).

    Returns:
        The figure, on a logarithmic scale.
    """
    long = areas.assign(
        finding=areas.finding.map(DISPLAY_NAMES), percent=100 * areas.area
    )
    order = long.groupby("finding").percent.median().sort_values().index
    fig, axs = new_figure(height_in=5.2)
    sns.boxplot(
        long,
        y="finding",
        x="percent",
        hue="source",
        order=order,
        palette=PALETTE[: long.source.nunique()],
        whis=(5, 95),
        showfliers=False,
        linewidth=0.8,
        log_scale=True,
        ax=axs[0, 0],
    )
    axs[0, 0].set(xlabel="area of a box, % of the image (5 % to 95 %)", ylabel="")
    axs[0, 0].legend(frameon=False, title="")
    return fig


def figure_maps(
    maps: Mapping[str, Mapping[str, np.ndarray]],
    order: Sequence[str],
    correlation: Mapping[str, float],
    columns: int = 7,
) -> Figure:
    """Draw location maps of several tables above each other.

    Args:
        maps: Table name to finding key to counts, (S, S).
        order: Findings to draw.
        correlation: Finding key to the correlation that its title gives.
        columns: Findings per block of rows.

    Returns:
        The figure, each map to its own maximum.
    """
    blocks = -(-len(order) // columns)
    fig, axs = new_figure(blocks * len(maps), columns, 1.28 * blocks * len(maps))
    for ax in axs.flat:
        ax.set(xticks=[], yticks=[])
        ax.set_axis_off()
    for number, finding in enumerate(order):
        block, column = divmod(number, columns)
        for k, (name, table) in enumerate(maps.items()):
            ax = axs[block * len(maps) + k, column]
            counts = table.get(finding, np.zeros((2, 2)))
            ax.set_axis_on()
            ax.imshow(counts / max(counts.max(), 1), cmap=GREENS, vmin=0, vmax=1)
            if column == 0:
                ax.set_ylabel(name, fontsize=8)
            if k == 0:
                r = correlation.get(finding)
                match = "" if r is None else f"r = {r:.2f}"
                title = f"{DISPLAY_NAMES[finding]}\n{match}"
                ax.set_title(title, fontsize=7)
    return fig


def figure_pixels(
    histograms: Mapping[str, np.ndarray], spectra: Mapping[str, np.ndarray]
) -> Figure:
    """Draw mean histograms of brightness and mean power spectra.

    Args:
        histograms: Population to shares per bin over [0, 1].
        spectra: Population to mean log power, index 0 being one cycle.

    Returns:
        The figure.
    """
    fig, axs = new_figure(1, 2, height_in=2.9)
    for color, (name, shares) in zip(PALETTE, histograms.items(), strict=False):
        edges = np.linspace(0, 1, len(shares) + 1)
        axs[0, 0].stairs(100 * shares, edges, color=color, label=name)
    for color, (name, power) in zip(PALETTE, spectra.items(), strict=False):
        cycles = np.arange(1, len(power) + 1)
        axs[0, 1].plot(cycles, np.exp(power), color=color, label=name)
    axs[0, 0].set(xlabel="brightness", ylabel="pixels, %")
    axs[0, 1].set(xlabel="cycles per image", ylabel="power", xscale="log", yscale="log")
    axs[0, 0].legend(frameon=False)
    return fig


def figure_entries(
    groups: Mapping[str, Mapping[str, Entry]],
    xlabel: str,
    zero: bool = False,
    height_in: float = 4.2,
) -> Figure:
    """Draw results entries as dots with intervals, one row each.

    Args:
        groups: Name in the legend to row name to entry.
        xlabel: What the values are.
        zero: Mark 0 with a line.
        height_in: Height, inches.

    Returns:
        The figure; rows from the top in the order of the first group.
    """
    rows = list(dict.fromkeys(row for entries in groups.values() for row in entries))
    fig, axs = new_figure(height_in=height_in)
    ax = axs[0, 0]
    for k, (name, entries) in enumerate(groups.items()):
        place = np.arange(len(rows)) + 0.16 * (k - (len(groups) - 1) / 2)
        _dots(ax, place, [entries.get(row) for row in rows], name, PALETTE[k])
    if zero:
        ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(range(len(rows)), rows)
    ax.invert_yaxis()
    ax.set(xlabel=xlabel)
    ax.grid(axis="y", color=LIGHT, linewidth=0.6)
    above = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": len(groups)}
    ax.legend(frameon=False, fontsize=8, **above)
    return fig


def _dots(ax, place, entries: Sequence[Entry | None], name: str, color: str) -> None:
    """Draw entries at heights; one that is missing or undefined leaves a gap."""
    drawn = [
        (y, e)
        for y, e in zip(place, entries, strict=True)
        if e is not None and e["value"] is not None
    ]
    for y, e in drawn:
        if e["low"] is not None:
            ax.plot([e["low"], e["high"]], [y, y], color=color, linewidth=1.6)
    ax.plot(
        [e["value"] for _, e in drawn],
        [y for y, _ in drawn],
        "o",
        color=color,
        markersize=4,
        label=name,
    )
