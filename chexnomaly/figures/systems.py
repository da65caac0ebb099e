"""Figures about particular systems: ensembles that grow, distances, maps."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from chexnomaly.figures import style


def figure_growth(curve: pd.DataFrame) -> Figure:
    """Draw what a max ensemble scores as detectors are added.

    Args:
        curve: Index number of detectors, columns "iou_c", "predicted_share",
            "true_share".

    Returns:
        The figure.
    """
    fig, axs = style.new_figure(1, 2, height_in=2.8)
    axs[0, 0].plot(curve.index, curve.iou_c, "o-", color=style.BLUE)
    axs[0, 0].set(xlabel="detectors", ylabel="IoU C, test films")
    axs[0, 1].plot(curve.index, 100 * curve.predicted_share, "o-", color=style.ORANGE)
    true = 100 * curve.true_share.iloc[0]
    label = f"in the masks: {true:.1f} %"
    axs[0, 1].axhline(true, color=style.GREY, linestyle="--", label=label)
    axs[0, 1].set(xlabel="detectors", ylabel="marked pixels, %")
    axs[0, 1].legend(frameon=False)
    for ax in axs[0]:
        ax.set_ylim(0, 1.1 * ax.get_ylim()[1])
    return fig


def figure_distances(pairs: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the twins' distances for similar and dissimilar pairs.

    Args:
        pairs: System to its scored pairs, columns "similar" and "distance".

    Returns:
        The figure, one panel per system.
    """
    fig, axs = style.new_figure(1, len(pairs), height_in=2.8)
    for ax, (name, table) in zip(axs[0], pairs.items(), strict=True):
        kinds = table.similar.map({1: "similar", 0: "dissimilar"})
        colors = {"similar": style.GREEN, "dissimilar": style.RED}
        steps = {"element": "step", "stat": "density", "common_norm": False}
        options = {"hue_order": [*colors], "palette": colors, **steps}
        sns.histplot(x=table.distance, hue=kinds, ax=ax, **options)
        ax.get_legend().set_title("")
        ax.set(xlabel="distance D", ylabel="density", title=name)
    return fig


def figure_maps(
    films: Sequence[np.ndarray | None], maps: Mapping[str, Sequence[np.ndarray]]
) -> Figure:
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


def figure_12(matrices: Mapping[str, Mapping[str, int]]) -> Figure:
    """Draw confusion matrices under the strict and the lenient rule (Fig. 12).

    Args:
        matrices: Title to counts by category: TP, FN, FP, TN, or TP, 50/50, FN for
            films of unseen disease.

    Returns:
        The figure, two panels per row.
    """
    rows = -(-len(matrices) // 2)
    fig, axs = style.new_figure(rows, 2, height_in=2.6 * rows)
    for ax, (title, counts) in zip(axs.flat, matrices.items(), strict=False):
        kinds = [["TP", "FN"], ["FP", "TN"]]
        if "50/50" in counts:
            kinds = [["TP", "50/50", "FN"]]
        grid = pd.DataFrame([[counts.get(kind, 0) for kind in row] for row in kinds])
        text = pd.DataFrame(kinds) + "\n" + grid.astype(str)
        looks = {"cmap": "Blues", "vmin": 0, "vmax": 1, "cbar": False, "square": True}
        shares = grid / max(1, sum(counts.values()))
        sns.heatmap(shares, annot=text, fmt="", ax=ax, **looks)
        ax.set(xticks=[], yticks=[])
        ax.set_title(title, fontsize=9)
    return fig
