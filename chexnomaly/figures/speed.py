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


def figure_floors(shares: Mapping[str, float]) -> plt.Figure:
    """Draw which share of a task's time its floor would take.

    Args:
        shares: Label to the floor's time over the task's time.

    Returns:
        The figure, bars from 0 to 1.
    """
    fig, ax = style.one_panel(0.8 + 0.36 * len(shares))
    bars = ax.barh(list(shares), list(shares.values()), color=style.BLUE, height=0.6)
    ax.bar_label(bars, [f"{share:.0%}" for share in shares.values()], padding=4)
    ax.invert_yaxis()
    ax.set(xlim=(0, 1.1), xlabel="share of the time that the floor would take")
    return fig


def figure_roofline(
    points: Mapping[str, tuple[float, float]], rate: float, bandwidth: float
) -> plt.Figure:
    """Draw how fast tasks run beside what the machine could do at most.

    Args:
        points: Label to operations per byte that must be moved, and to 10^9 operations
            per second that were reached.
        rate: 10^9 operations per second that the machine reaches at most.
        bandwidth: 10^9 bytes per second of a copy.

    Returns:
        The figure, both axes logarithmic.
    """
    fig, ax = style.one_panel()
    farthest = 4 * max([rate / bandwidth, *(x for x, _ in points.values())])
    x = np.geomspace(0.1, farthest, 200)
    ax.loglog(x, np.minimum(rate, bandwidth * x), color=style.GREY)
    for color, (label, point) in zip(style.PALETTE, points.items(), strict=False):
        ax.plot(*point, "o", color=color, label=label)
    ax.set(xlabel="operations per byte", ylabel="10$^9$ operations per second")
    ax.grid(color=style.LIGHT, linewidth=0.6)
    ax.legend(frameon=False, loc="lower right")
    return fig
