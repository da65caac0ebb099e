"""Pictures of what conventions do: the atlas, the share of normal films, and bounds."""

from collections.abc import Mapping
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from chexnomaly.figures import style
from chexnomaly.labels import spoken

MARKERS = {
    "A": {"marker": "o", "ms": 8.5, "mfc": "none", "mew": 1.5},
    "B": {"marker": "s", "ms": 5},
    "C": {"marker": "D", "ms": 4.5},
    "D": {"marker": "v", "ms": 9, "mfc": "none", "mew": 1.2},
    "E": {"marker": "x", "ms": 5.5, "mew": 1.6},
}
"""Open and closed marks, so that all can be seen where conventions coincide."""


def figure_atlas(panels: Mapping[str, pd.DataFrame]) -> plt.Figure:
    """Draw each system's mean IoU under every convention, printed values above.

    Args:
        panels: Title to rows: "group" (source and evidence level), "system", and
            either "printed" or columns "A" to "E"; NaN is not drawn.

    Returns:
        The figure: one panel per set; groups from the top in their order.
    """
    rows = max(len(table) + table.group.nunique() for table in panels.values())
    fig, axs = style.new_figure(1, len(panels), height_in=0.9 + 0.25 * rows)
    for ax, (title, table) in zip(axs[0], panels.items(), strict=True):
        _atlas_panel(ax, table)
        ax.set_title(title, fontsize=9)
        ax.set_ylim(rows - 0.5, -0.6)
    named = axs[0, 0].get_legend_handles_labels()
    fig.legend(*named, loc="outside lower center", ncols=6, frameon=False)
    return fig


def _atlas_panel(ax: plt.Axes, table: pd.DataFrame) -> None:
    """Draw one row per system; a line of its own names each group."""
    numbers = np.arange(1, len(table) + 1)
    places = table.groupby("group", sort=False).ngroup() + numbers
    for group, members in places.groupby(table.group, sort=False):
        above = members.iloc[0] - 1
        ax.text(0, above, group, fontsize=7.5, style="italic", va="center", c="#444")
    values = table[[*style.CONVENTION_COLORS]].astype(float)
    ends = values.min(axis=1), values.max(axis=1)
    ax.hlines(places, *ends, color=style.LIGHT, linewidth=3, zorder=1)
    ax.plot(table.printed, places, "|", color="black", ms=11, mew=2, label="printed")
    for name, color in style.CONVENTION_COLORS.items():
        ax.plot(values[name], places, color=color, ls="", label=name, **MARKERS[name])
    ax.set_yticks(places, table.system.map(spoken), fontsize=7.5)
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(-0.02, 1.02), xlabel="mean IoU")
    ax.grid(axis="x", color=style.LIGHT, linewidth=0.6)


def figure_shares(
    curves: Mapping[str, pd.DataFrame], marks: Mapping[str, float]
) -> plt.Figure:
    """Draw how scores move when only the share of normal films changes.

    Args:
        curves: System and evidence level to `studies.atlas.with_normal_share`.
        marks: What is marked on the axis: words to share.

    Returns:
        The figure: IoU under A (lines) and C (dotted), and the any-pixel F1, where
        lines that coincide take turns, one dash each.
    """
    fig, (axs,) = style.new_figure(1, 2, height_in=4.1, sharex=True)
    for color, (name, table) in zip(style.PALETTE, curves.items(), strict=False):
        dash = "--" if "phantom" in name else "-"
        x = 100 * table.index
        axs[0].plot(x, table.A, dash, color=color, label=spoken(name))
        axs[0].plot(x, table.C, ":", color=color, linewidth=1.2)
        f1 = table.f1_any_pixel
        near = partial(np.allclose, f1, rtol=0, atol=0.01, equal_nan=True)
        alike = [k for k, other in curves.items() if near(other.f1_any_pixel)]
        turn = 5 * alike.index(name), (5, 5 * (len(alike) - 1))
        axs[1].plot(x, f1, color=color, linestyle=turn)
    for words, share in marks.items():
        for ax in axs:
            ax.axvline(100 * share, color=style.LIGHT, linewidth=1, zorder=0)
        upright = {"rotation": 90, "fontsize": 7, "va": "top", "ha": "right"}
        axs[1].text(100 * share - 1, 0.99, words, color="#444", **upright)
    plt.setp(axs, xlabel="normal films, %", xlim=(0, 100), ylim=(-0.02, 1.02))
    axs[0].set(ylabel="mean IoU: A (lines), C (dotted)")
    axs[1].set(ylabel="F1, any pixel")
    fig.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return fig


def figure_feasible(table: pd.DataFrame, marks: Mapping[str, float]) -> plt.Figure:
    """Draw at which shares of abnormal films printed scores can be true together.

    Args:
        table: One row per tried combination: "reading", "system",
            "abnormal_share", "possible" (bool).
        marks: What is marked on the axis: words to share.

    Returns:
        The figure: one panel per reading; a dot where the system's scores can be.
    """
    readings = list(dict.fromkeys(table.reading))
    systems = list(dict.fromkeys(table.system))
    rows = -(-len(readings) // 2)
    fig, axs = style.new_figure(rows, 2, 1 + 1.35 * rows, sharex=True, sharey=True)
    for ax, reading in zip(axs.flat, readings, strict=False):
        for share, dash in zip(marks.values(), ("--", ":"), strict=False):
            ax.axvline(100 * share, color=style.GREY, linewidth=1, linestyle=dash)
        here = table[(table.reading == reading) & table.possible]
        for y, (name, color) in enumerate(zip(systems, style.PALETTE, strict=False)):
            x = 100 * here.abnormal_share[here.system == name]
            ax.plot(x, [y] * len(x), "s", color=color, markersize=3.2)
        ax.set_title(reading)
        ax.set_yticks(range(len(systems)), map(spoken, systems), fontsize=8)
    plt.setp(axs[-1], xlabel="abnormal films, %", ylim=(len(systems) - 0.5, -0.5))
    lines = axs.flat[0].lines[: len(marks)]
    fig.legend(lines, marks, loc="outside lower center", ncols=2, frameon=False)
    return fig
