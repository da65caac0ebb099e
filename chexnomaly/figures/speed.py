"""The figure of the page on speed and scale."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
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
    fig, ax = style.one_panel(0.8 + 0.4 * len(ratios))
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
