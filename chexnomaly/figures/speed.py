"""Figures of the page on speed and scale."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from chexnomaly.figures import style


def figure_ratios(
    ratios: Mapping[str, Mapping[str, float]], required: Mapping[str, float]
) -> plt.Figure:
    """Draw how many times as fast as each peer we are.

    Args:
        ratios: Label to "min", "median" and "max" over rounds.
        required: Label to the least that was set as a goal, where there is one.

    Returns:
        The figure: dots with their range, on a logarithmic scale; 1 is a draw.
    """
    fig, ax = style.one_panel(0.8 + 0.36 * len(ratios))
    ends = {"min": "low", "median": "value", "max": "high"}
    places = range(len(ratios))
    table = pd.DataFrame(ratios).T.rename(columns=ends)
    style.draw_intervals(ax, places, table, style.BLUE)
    goals = pd.Series(required, dtype=float).reindex(ratios)
    ax.plot(goals, places, "|", color=style.ORANGE, markersize=14, mew=2)
    ax.axvline(1, color=style.GREY, linewidth=1)
    ax.set_xscale("log")
    ticks = [t for t in (0.5, 1, 2, 5, 10, 20) if ax.get_xlim()[0] <= t]
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks], minor=False)
    ax.set_xticks([], minor=True)
    style.name_rows(ax, ratios)
    ax.grid(axis="x", color=style.LIGHT, linewidth=0.6)
    ax.set_xlabel("times as fast as the peer (1: a draw; orange: the goal)")
    return fig


def figure_growth(runs: Sequence[Mapping[str, float]]) -> plt.Figure:
    """Draw processor time and peak memory of preparing N images.

    Args:
        runs: "n", "cpu_seconds" and "peak_mib" each.

    Returns:
        The figure, two panels, both from 0.
    """
    table = pd.DataFrame(runs)
    slope = table.n @ table.cpu_seconds / (table.n @ table.n)
    fig, (axs,) = style.new_figure(columns=2, height_in=2.8)
    axs[0].plot(table.n, table.cpu_seconds, "o", color=style.BLUE)
    most = np.array([0, table.n.max()])
    axs[0].plot(most, slope * most, color=style.GREY, linewidth=1)
    axs[0].set(title="time", ylabel="processor seconds")
    axs[1].plot(table.n, table.peak_mib, "o-", color=style.GREEN)
    axs[1].set(title="memory", ylabel="peak, MiB")
    for ax, top in zip(axs, table[["cpu_seconds", "peak_mib"]].max(), strict=True):
        ax.set(xlabel="films", xlim=(0, None), ylim=(0, 1.15 * top))
        ax.grid(color=style.LIGHT, linewidth=0.6)
    return fig
