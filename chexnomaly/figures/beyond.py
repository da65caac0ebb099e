"""Figures that the paper does not have: comparisons, verdicts, readings left open."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import to_rgb

from chexnomaly import evidence
from chexnomaly.evaluation.intervals import Entry
from chexnomaly.figures import style
from chexnomaly.labels import spoken

SHADES = {"Blues_r": evidence.AGREE, "Oranges_r": evidence.DISAGREE}
SHADES |= {"Greys_r": evidence.OPEN}
VERDICT_COLORS: dict[str, str] = {}
for name, group in SHADES.items():
    VERDICT_COLORS |= zip(
        group, sns.color_palette(name, len(group)).as_hex(), strict=True
    )


def figure_entries(
    groups: Mapping[str, Mapping[str, Entry]],
    xlabel: str,
    height_in: float = 5.8,
) -> plt.Figure:
    """Draw results entries as dots with intervals, one row each.

    Args:
        groups: Name in the legend to row name to entry.
        xlabel: What the values are.
        height_in: Height, inches.

    Returns:
        The figure; rows from the top in the order of the first group.
    """
    fig, ax = style.one_panel(height_in)
    _draw_groups(ax, groups)
    ax.set_xlabel(xlabel)
    ax.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(0, 1))
    return fig


def _draw_groups(ax: plt.Axes, groups: Mapping[str, Mapping[str, Entry]]) -> None:
    """Draw the entries of `figure_entries`, a color for each group."""
    rows = list(dict.fromkeys(row for entries in groups.values() for row in entries))
    for k, (name, entries) in enumerate(groups.items()):
        places = np.arange(len(rows)) + 0.16 * (k - (len(groups) - 1) / 2)
        table = pd.DataFrame(entries, ["value", "low", "high"], rows, dtype=float).T
        style.draw_intervals(ax, places, table, style.PALETTE[k], label=spoken(name))
    style.name_rows(ax, rows)
    ax.grid(axis="y", color=style.LIGHT, linewidth=0.6)


def figure_panels(
    panels: Mapping[str, Mapping[str, Mapping[str, Entry]]], xlabel: str
) -> plt.Figure:
    """Draw entries as `figure_entries` does, a panel above the other.

    Args:
        panels: Title to name in the legend to row name to entry.
        xlabel: What the values are.

    Returns:
        The figure; all panels share the horizontal axis, which shows where 0 is.
    """
    n_rows = sum(len({*sum(map(list, one.values()), [])}) for one in panels.values())
    height = 0.8 + 0.5 * len(panels) + 0.34 * n_rows
    fig, axs = style.new_figure(len(panels), 1, height_in=height, sharex=True)
    for ax, (title, groups) in zip(axs[:, 0], panels.items(), strict=True):
        _draw_groups(ax, groups)
        ax.axvline(0, color="black", linewidth=0.8)
        plt.setp(ax.collections, clip_on=False)  # a dot at 0 stays whole
        ax.set_title(title)
    if min(ax.dataLim.x0 for ax in axs.flat) > -1e-9:  # but for rounding
        ax.set_xlim(left=0)
    ax.set_xlabel(xlabel)
    above = {"loc": "outside upper right", "frameon": False, "fontsize": 8}
    fig.legend(*ax.get_legend_handles_labels(), ncols=len(groups), **above)
    return fig


def figure_amounts(
    curves: Mapping[str, Mapping[str, Entry]], names: Sequence[str], ylabel: str
) -> plt.Figure:
    """Draw what each arm reaches by the number of films that it learned from.

    Args:
        curves: Name in the legend to number of films to entry.
        names: The numbers, in their order.
        ylabel: What the values are.

    Returns:
        The figure: a line for each arm, dots with intervals.
    """
    fig, ax = style.one_panel(3.4)
    for k, (name, entries) in enumerate(curves.items()):
        table = pd.DataFrame(entries).T.reindex(names)[["value", "low", "high"]]
        table = table.astype(float).dropna()
        x = [names.index(n) + 0.06 * (k - 1.5) for n in table.index]
        around = abs(table[["low", "high"]].T.to_numpy() - table.value.to_numpy())
        ax.errorbar(
            x, table.value, around, fmt="o-", color=style.PALETTE[k], label=name
        )
    ax.set_xticks(range(len(names)), names)
    ax.set(xlabel="real films to learn from", ylabel=ylabel)
    ax.legend(frameon=False, fontsize=8, loc="lower right")
    return fig


def figure_gains(table: pd.DataFrame) -> plt.Figure:
    """Draw what each network gains by its twin's training, by what the twin learned.

    Args:
        table: From `studies.central.gains_by_twin`.

    Returns:
        The figure: a dot for each network, chance and no gain as lines.
    """
    fig, ax = style.one_panel(3.4)
    looks = {"hue": "films", "style": "twin", "palette": style.PALETTE[:2]}
    sns.scatterplot(table, x="auc", y="gain", ax=ax, **looks)
    ax.axhline(0, color="black", linewidth=0.8)
    ax.axvline(0.5, color=style.GREY, linewidth=0.8)
    ax.set(xlabel="AUC of the twin on test pairs", ylabel="gain in IoU by its training")
    ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return fig


def figure_twins(
    areas: Mapping[str, Mapping[str, Entry]], curves: pd.DataFrame
) -> plt.Figure:
    """Draw how well pairs are told apart, and what more pairs are worth.

    Args:
        areas: Name in the legend to row name to the area under the curve on test pairs.
        curves: A row for each epoch of a training: "pairs_seen", "auc" on validation
            pairs, "base" (a name in the legend), "start" and "trial".

    Returns:
        The figure: areas with intervals, one half as a line; the curves by epoch.
    """
    fig, ((upper,), (lower,)) = style.new_figure(2, 1, height_in=5.6)
    _draw_groups(upper, areas)
    upper.axvline(0.5, color="black", linewidth=0.8)
    upper.set_xlabel("AUC, test pairs")
    colors = dict(zip(areas, style.PALETTE, strict=False))
    columns = {"hue": "base", "style": "start", "units": "trial", "estimator": None}
    sns.lineplot(curves, x="pairs_seen", y="auc", ax=lower, palette=colors, **columns)
    lower.axhline(0.5, color="black", linewidth=0.8)
    lower.set(xlabel="pairs seen", ylabel="AUC, validation pairs")
    lower.locator_params(axis="x", nbins=5)
    drawn, names = lower.get_legend_handles_labels()
    starts = names.index("start") + 1  # the colors are named above
    above = {"loc": "lower left", "bbox_to_anchor": (0, 1), "frameon": False}
    upper.legend(ncols=len(areas), fontsize=7, **above)
    lower.legend(drawn[starts:], names[starts:], ncols=2, fontsize=7, **above)
    return fig


def figure_readings(
    tables: Mapping[str, pd.DataFrame], defaults: Mapping[str, float]
) -> plt.Figure:
    """Draw what each system scores under every combination of readings.

    Args:
        tables: System to its readings, columns "convention" and "iou".
        defaults: System to its score under the register's reading.

    Returns:
        The figure: one row of points per system, a diamond for the register.
    """
    fig, ax = style.one_panel(0.9 + 0.55 * len(tables))
    long = pd.concat(tables, names=["system"]).reset_index("system")
    axes = {"x": "iou", "y": "system", "hue": "convention"}
    dots = {"palette": style.CONVENTION_COLORS, "jitter": False, "size": 3}
    sns.stripplot(long, dodge=True, ax=ax, legend="full", **axes, **dots)
    ax.get_legend().remove()
    register = [defaults[system] for system in tables]
    ax.plot(register, range(len(tables)), "kD", label="our reading")
    ax.set_yticks(range(len(tables)), map(spoken, tables))
    ax.set(xlabel='"mean IOU"', ylabel="")
    for y in range(1, len(tables)):
        ax.axhline(y - 0.5, color=style.LIGHT, linewidth=0.8)
    above = {"loc": "outside upper left", "ncols": 6, "title": "by convention"}
    fig.legend(*ax.get_legend_handles_labels(), frameon=False, fontsize=8, **above)
    return fig


def count_verdicts(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Count verdicts by one column.

    Args:
        table: From `verification.all_verdicts`.
        by: A column of it.

    Returns:
        Index the column's values in the table's order; one column per verdict that
        occurs, in the order of `evidence.VERDICTS`; whole numbers.
    """
    counts = pd.crosstab(table[by], table["verdict"])
    order = [verdict for verdict in evidence.VERDICTS if verdict in counts]
    counts = counts.reindex(index=table[by].unique(), columns=order)
    return counts.rename_axis(index=by, columns=None)


def figure_verdicts(counts: pd.DataFrame) -> plt.Figure:
    """Draw one bar per row, one colored piece per verdict.

    Args:
        counts: From `count_verdicts`.

    Returns:
        The figure.
    """
    fig, ax = style.one_panel(1.2 + 0.32 * len(counts))
    colors = [VERDICT_COLORS[verdict] for verdict in counts]
    counts.plot.barh(stacked=True, ax=ax, width=0.8, color=colors)
    for bars, color in zip(ax.containers, colors, strict=True):
        written = "white" if sum(to_rgb(color)) < 1.6 else "black"
        centered = {"label_type": "center", "fontsize": 7, "color": written}
        ax.bar_label(bars, fmt=lambda n: f"{n:.0f}" if n else "", **centered)
    ax.invert_yaxis()
    ax.set(xlabel="claims", ylabel="")
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2), "ncols": 3}
    ax.legend(frameon=False, fontsize=8, **below)
    return fig
