"""Phantom beside real data, in statistics; nothing here shows a real film."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from chexnomaly.evaluation.intervals import Entry
from chexnomaly.figures import data, style
from chexnomaly.labels import DISPLAY_NAMES


def figure_shares(shares: Mapping[str, Mapping[str, Entry]]) -> Figure:
    """Draw how many abnormal films have each finding, in several tables.

    Args:
        shares: Table name to finding key to a results entry.

    Returns:
        The figure: dots with their intervals, most frequent first.
    """
    first = next(iter(shares.values()))
    order = sorted(first, key=lambda key: -(first[key]["value"] or 0))
    groups = {
        name: {DISPLAY_NAMES[key]: entries[key] for key in order if key in entries}
        for name, entries in shares.items()
    }
    fig = figure_entries(groups, "share of abnormal films")
    fig.axes[0].set_xlim(0, None)
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
    fig, ax = style.one_panel(5.2)
    axes = {"y": "finding", "x": "percent", "hue": "source", "order": order}
    boxes = {"whis": (5, 95), "showfliers": False, "linewidth": 0.8}
    palette = style.PALETTE[: long.source.nunique()]
    sns.boxplot(long, ax=ax, log_scale=True, palette=palette, **axes, **boxes)
    ax.set(xlabel="area of a box, % of the image (5 % to 95 %)", ylabel="")
    ax.legend(frameon=False, title="")
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
    captions = {finding: f"r = {r:.2f}" for finding, r in correlation.items()}
    return data.figure_maps(maps, order, captions, columns)


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
    fig, axs = style.new_figure(1, 2, height_in=2.9)
    for color, (name, shares) in zip(style.PALETTE, histograms.items(), strict=False):
        edges = np.linspace(0, 1, len(shares) + 1)
        axs[0, 0].stairs(100 * shares, edges, color=color, label=name)
    for color, (name, power) in zip(style.PALETTE, spectra.items(), strict=False):
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
    fig, ax = style.one_panel(height_in)
    for k, (name, entries) in enumerate(groups.items()):
        places = np.arange(len(rows)) + 0.16 * (k - (len(groups) - 1) / 2)
        table = pd.DataFrame(entries, ["value", "low", "high"], rows, dtype=float).T
        style.draw_intervals(ax, places, table, style.PALETTE[k], label=name)
    if zero:
        ax.axvline(0, color="black", linewidth=0.8)
    style.name_rows(ax, rows)
    ax.set_xlabel(xlabel)
    ax.grid(axis="y", color=style.LIGHT, linewidth=0.6)
    above = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": len(groups)}
    ax.legend(frameon=False, fontsize=8, **above)
    return fig
