"""One look for all figures: sizes, colors, and the parts that several figures share.

Colors are Okabe and Ito's, which color-blind readers can tell apart.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap

from chexnomaly.labels import spoken

BLUE = "#0072B2"
SKY = "#56B4E9"
ORANGE = "#E69F00"
GREEN = "#009E73"
RED = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#767676"
LIGHT = "#D9D9D9"

PALETTE = (BLUE, ORANGE, GREEN, RED, PURPLE, GREY)
"""Colors of lines and dots that stand side by side, in this order."""

GREENS = LinearSegmentedColormap.from_list("black to green", ["#000000", "#7CFC5A"])
"""For maps of where boxes lie."""

REDS = LinearSegmentedColormap.from_list("black to red", ["#000000", "#FF6B5A"])
"""For the map of where readers disagree."""

CONVENTION_COLORS = {"A": BLUE, "B": ORANGE, "C": GREEN, "D": PURPLE, "E": RED}
"""The readings of "mean IoU", in the same color on every page."""

RC = {
    "figure.constrained_layout.use": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "svg.fonttype": "path",
    "svg.hashsalt": "chexnomaly",
}


def new_figure(
    rows: int = 1, columns: int = 1, height_in: float = 3.2, **options
) -> tuple[plt.Figure, np.ndarray]:
    """Make a figure of the book's width.

    Args:
        rows: Rows of axes.
        columns: Columns of axes.
        height_in: Height, inches.
        options: Further arguments of `plt.subplots`.

    Returns:
        The figure and its axes, (rows, columns).
    """
    with plt.rc_context(RC):
        options = {"figsize": (8.0, height_in), "squeeze": False} | options
        fig, axs = plt.subplots(rows, columns, **options)
    plt.close(fig)  # shown once, by the cell that returns it
    return fig, axs


def one_panel(height_in: float = 3.0, **options) -> tuple[plt.Figure, plt.Axes]:
    """Make a figure of the book's width, or of `figsize`, with a single axes."""
    fig, axs = new_figure(height_in=height_in, **options)
    return fig, axs[0, 0]


def figure_missing(reason: str) -> plt.Figure:
    """Draw a frame that says why a picture is not there.

    Args:
        reason: One line.

    Returns:
        The figure.
    """
    fig, ax = one_panel(1.0)
    ax.text(0.5, 0.5, reason, ha="center", va="center", color=GREY)
    ax.set(xticks=[], yticks=[])
    return fig


def name_rows(ax: plt.Axes, names: Iterable[str]) -> None:
    """Write names, keys in words, above the rows at 0, 1, 2, ..., top down.

    They stand within the axes, and the figure gets as narrow as a telephone: give it
    the class "narrow".
    """
    names = [*map(spoken, names)]
    ax.set_yticks(np.arange(len(names)) - 0.2, names, ha="left", va="bottom")
    ax.tick_params(axis="y", length=0, pad=-3, labelsize=9)
    ax.set_ylim(len(names) - 0.5, -0.8)
    ax.figure.set_figwidth(4.6)


def draw_intervals(
    ax: plt.Axes,
    places: Sequence[float],
    entries: pd.DataFrame,
    color: str,
    label: str | None = None,
) -> None:
    """Draw values as dots with their intervals as lines.

    Args:
        ax: Where to draw.
        places: Height of each row.
        entries: Columns "value", "low" and "high"; what is undefined leaves a gap.
        color: Of dots and lines.
        label: For the legend.
    """
    drawn = entries[["value", "low", "high"]].astype(float)
    ax.hlines(places, drawn.low, drawn.high, color=color, linewidth=1.5)
    ax.scatter(drawn.value, places, 22, color, zorder=2, label=label)


def draw_image(ax: plt.Axes, values: np.ndarray, title: str = "", **options) -> None:
    """Draw an image without ticks, with a small title above.

    Args:
        ax: Where to draw.
        values: (H, W).
        title: Text above.
        options: Further arguments of `Axes.imshow`.
    """
    ax.imshow(values, **options)
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, fontsize=8)


def draw_film(ax: plt.Axes, film: np.ndarray | None) -> None:
    """Draw one radiograph, air dark, without axes.

    Args:
        ax: Where to draw; the film fills the unit square, so that maps of other
            sizes can be laid over it.
        film: (H, W) in [0, 1]; None draws an empty panel that says the film is
            withheld.
    """
    shown = np.full((2, 2), 0.35) if film is None else film
    unit = {"extent": (0, 1, 1, 0), "aspect": "auto"}
    draw_image(ax, shown, cmap="gray", vmin=0, vmax=1, **unit)
    if film is None:
        ax.text(0.5, 0.5, "film withheld", color="white", ha="center", va="center")
    ax.set_box_aspect(1)


def draw_boxes(ax: plt.Axes, boxes: np.ndarray, size: float) -> None:
    """Outline boxes over a film.

    Args:
        ax: An axes that `draw_film` prepared.
        boxes: (N, 4), xyxy, in pixels of a square of side `size`.
        size: That side, px.
    """
    corners = np.asarray(boxes).reshape(-1, 4).T / size
    around = {"color": ORANGE, "linewidth": 1.2, "solid_joinstyle": "miter"}
    ax.plot(corners[[0, 2, 2, 0, 0]], corners[[1, 1, 3, 3, 1]], **around)


def draw_map(ax: plt.Axes, probs: np.ndarray, threshold: float) -> None:
    """Lay a predicted mask over a film: filled, with its outline.

    Args:
        ax: An axes that `draw_film` prepared.
        probs: (S, S) in [0, 1].
        threshold: Where to binarize.
    """
    unit = {"origin": "upper", "extent": (0, 1, 1, 0)}
    filled = ax.contourf(probs, [threshold, 1.01], colors=[(SKY, 0.3)], **unit)
    filled.set(edgecolor=SKY, linewidth=1.2)


def save_picture(
    folder: Path, name: str, fig: plt.Figure, *, caption: str, alt: str, evidence: str
) -> Path:
    """Save a figure for a page without code, as WebP with its words beside it.

    Args:
        folder: Where it goes; created where missing.
        name: File name without ending.
        fig: The figure.
        caption: Shown under it.
        alt: Read aloud in its place.
        evidence: Evidence level of what it shows.

    Returns:
        The path of the picture.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.webp"
    fig.savefig(path, dpi=80, metadata=None, pil_kwargs={"quality": 55, "method": 6})
    words = {"caption": caption, "alt": alt, "evidence": evidence}
    text = json.dumps(words, indent=1, sort_keys=True) + "\n"
    path.with_suffix(".json").write_text(text, encoding="utf-8")
    return path
