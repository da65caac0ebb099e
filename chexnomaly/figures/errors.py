"""Figure 13 and its relatives: how wrong, how often, and at which threshold."""

from collections.abc import Mapping, Sequence

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from chexnomaly.figures import style

OUTLIER_PERCENT = 4.0
"""Fig. 13: films with more than 4 % wrong pixels "are considered outliers"."""


def figure_13(
    errors: Mapping[str, np.ndarray], all_empty: Mapping[str, float]
) -> Figure:
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
        line[0].set_xlabel("wrong pixels, %; bar at the right: more")
    return fig


def figure_learning(curves: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
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
        best = int(np.argmin(curve["val_loss"]))
        kept = {"color": style.RED, "label": "kept"}
        ax.plot(epochs[best], curve["val_loss"][best], "o", **kept)
        ax.set(xlabel="epoch", yscale="log")
        ax.set_title(name, fontsize=10 if len(curves) < 3 else 7)
    axs[0, 0].set_ylabel("loss")
    axs[0, 0].legend(frameon=False, fontsize=8)
    return fig


def figure_thresholds(
    sweeps: Mapping[str, Mapping[float, float]], operating: float
) -> Figure:
    """Draw metrics against the threshold, with 0.5 and the operating one.

    Args:
        sweeps: Metric name to {threshold: value}.
        operating: The threshold chosen on validation.

    Returns:
        The figure.
    """
    fig, ax = style.one_panel()
    for (name, sweep), color in zip(sweeps.items(), style.PALETTE, strict=False):
        ax.plot(list(sweep), list(sweep.values()), color=color, label=name)
    ax.axvline(0.5, color="black", linestyle=":", linewidth=1)
    ax.axvline(operating, color="black", linewidth=1)
    for at, name in ((0.5, "assumed"), (operating, "operating")):
        above = {"transform": ax.get_xaxis_transform(), "ha": "center", "fontsize": 8}
        ax.text(at, 1.02, f"{name} {at:g}", **above)
    ax.set(xlabel="threshold", ylabel="score", xlim=(0, 1))
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return fig
