"""Figures about trained systems: how they learned, what they see, where they err."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from chexnomaly.figures import style
from chexnomaly.labels import spoken
from chexnomaly.metrics.categories import OUTLIER_LIMIT

OUTLIER_PERCENT = 100 * OUTLIER_LIMIT


def figure_learning(curves: Mapping[str, Mapping[str, Sequence[float]]]) -> plt.Figure:
    """Draw training and validation loss by epoch, with the epoch that was kept.

    Args:
        curves: System to {"train_loss": ..., "val_loss": ...}.

    Returns:
        The figure, one panel per system.
    """
    fig, axs = style.new_figure(1, len(curves), height_in=2.8)
    for ax, (name, curve) in zip(axs[0], curves.items(), strict=True):
        epochs = np.arange(1, len(curve["val_loss"]) + 1)
        ax.plot(epochs, curve["train_loss"], color=style.GREY, label="training")
        ax.plot(epochs, curve["val_loss"], color=style.BLUE, label="validation")
        best = epochs[np.argmin(curve["val_loss"])]
        ax.plot(best, min(curve["val_loss"]), "o", color=style.RED, label="kept")
        ax.set(xlabel="epoch", ylabel="loss", yscale="log")
        ax.locator_params(axis="x", integer=True)
        ax.set_title(spoken(name), fontsize=10 if len(curves) < 3 else 7)
    axs[0, 0].legend(frameon=False, fontsize=8)
    return fig


def figure_thresholds(
    sweeps: Mapping[str, Mapping[float, float]], operating: float
) -> plt.Figure:
    """Draw metrics against the threshold, with 0.5 and the operating one.

    Args:
        sweeps: Metric name to {threshold: value}.
        operating: The threshold chosen on validation.

    Returns:
        The figure.
    """
    fig, ax = style.one_panel()
    pd.DataFrame(sweeps).plot(ax=ax, color=[*style.PALETTE])
    for at, name, dash in ((0.5, "assumed", ":"), (operating, "operating", "-")):
        ax.axvline(at, color="black", linestyle=dash, linewidth=1)
        above = {"transform": ax.get_xaxis_transform(), "ha": "center", "fontsize": 8}
        ax.text(at, 1.02 if dash == ":" else 1.08, f"{name} {at:g}", **above)
    ax.set(xlabel="threshold", ylabel="score", xlim=(0, 1))
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return fig


def figure_features(
    films: Sequence[np.ndarray | None], maps: Mapping[str, Sequence[np.ndarray]]
) -> plt.Figure:
    """Draw what a frozen twin hands on for a few films.

    Args:
        films: (H, W) in [0, 1] each; None where a film may not be shown.
        maps: Row name to one (S, S) map per film.

    Returns:
        The figure: films in the first row, maps below, each on its own scale.
    """
    rows = 1 + len(maps)
    fig, axs = style.new_figure(rows, len(films), height_in=1.9 * rows)
    for ax, film in zip(axs[0], films, strict=True):
        style.draw_film(ax, film)
    for line, (name, row) in zip(axs[1:], maps.items(), strict=True):
        for ax, values in zip(line, row, strict=True):
            style.draw_image(ax, values, cmap="viridis")
        line[0].set_ylabel(name, fontsize=8)
    return fig


def figure_12(matrices: Mapping[str, Mapping[str, int]]) -> plt.Figure:
    """Draw confusion matrices under the strict and the lenient rule (Fig. 12).

    Args:
        matrices: Title to counts by category: TP, FN, FP, TN, or TP, 50/50, FN for
            films of unseen disease.

    Returns:
        The figure, two panels per row, narrow enough for a telephone.
    """
    rows = -(-len(matrices) // 2)
    fig, axs = style.new_figure(rows, 2)
    fig.set_size_inches(4.6, 2.2 * rows)
    for ax, (title, counts) in zip(axs.flat, matrices.items(), strict=False):
        known, unseen = [["TP", "FN"], ["FP", "TN"]], [["TP", "50/50", "FN"]]
        kinds = unseen if "50/50" in counts else known
        grid = pd.DataFrame([[counts.get(kind, 0) for kind in row] for row in kinds])
        text = pd.DataFrame(kinds) + "\n" + grid.astype(str)
        looks = {"cmap": "Blues", "vmin": 0, "vmax": 1, "cbar": False, "square": True}
        shares = grid / max(1, sum(counts.values()))
        sns.heatmap(shares, annot=text, fmt="", ax=ax, **looks)
        ax.set(xticks=[], yticks=[])
        ax.set_title(title.replace(", at", ",\nat"), fontsize=9)
    return fig


def figure_13(
    errors: Mapping[str, np.ndarray], all_empty: Mapping[str, float]
) -> plt.Figure:
    """Draw the share of wrong pixels per film (Fig. 13).

    Args:
        errors: Percent of wrong pixels per film, by data set.
        all_empty: Mean percent of wrong pixels of an empty prediction, by data set.

    Returns:
        The figure: 0.1 % bins to the outlier line with one overflow bar left, the
        full range right.
    """
    fig, axs = style.new_figure(len(errors), 2, height_in=2.6 * len(errors))
    for line, (name, values) in zip(axs, errors.items(), strict=True):
        inside = values[values <= OUTLIER_PERCENT]
        beyond = len(values) - len(inside)
        bins = {"binwidth": 0.1, "binrange": (0, OUTLIER_PERCENT)}
        sns.histplot(inside, color=style.BLUE, linewidth=0, alpha=1, ax=line[0], **bins)
        line[0].bar(4.35, beyond, 0.4, color=style.RED)
        line[0].set_title(f"{name}: {beyond} of {len(values)} outliers")
        whole = {"bins": 40, "color": style.LIGHT, "edgecolor": style.GREY, "alpha": 1}
        sns.histplot(values, ax=line[1], **whole)
        line[1].set_title(f"dashed: empty mask, mean {all_empty[name]:.2f} %")
        for ax in line:
            ax.set(xlabel="wrong pixels, %", ylabel="films")
            ax.axvline(all_empty[name], color=style.ORANGE, linestyle="--")
        line[0].set(xlabel="wrong pixels, %; bar at the right: more", xlim=(0, None))
    return fig
