"""One look for all figures: sizes, colors, and how a film is drawn.

Colors are Okabe and Ito's, which color-blind readers can tell apart.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

BLUE = "#0072B2"
SKY = "#56B4E9"
ORANGE = "#E69F00"
GREEN = "#009E73"
RED = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#767676"
LIGHT = "#D9D9D9"
LIGHT_BOX = "#0B0D10"

TRUTH, PREDICTION = ORANGE, BLUE
CONVENTION_COLORS = {"A": BLUE, "B": ORANGE, "C": GREEN, "D": PURPLE, "E": RED}
"""The readings of "mean IoU", in the same color on every page."""

WIDTH_IN = 8.0

RC = {
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "svg.fonttype": "path",
    "svg.hashsalt": "chexnomaly",
}


def new_figure(
    rows: int = 1, columns: int = 1, height_in: float = 3.2, **options
) -> tuple[Figure, np.ndarray]:
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
        fig, axs = plt.subplots(
            rows, columns, figsize=(WIDTH_IN, height_in), squeeze=False, **options
        )
    plt.close(fig)  # shown once, by the cell that returns it
    return fig, axs


def draw_film(ax: Axes, film: np.ndarray | None, title: str = "") -> None:
    """Draw one radiograph, air dark, without axes.

    Args:
        ax: Where to draw; the film fills the unit square, so that maps of other
            sizes can be laid over it.
        film: (H, W) in [0, 1]; None draws an empty panel that says the film is
            withheld.
        title: Text above.
    """
    shown = np.full((2, 2), 0.35) if film is None else film
    ax.imshow(shown, cmap="gray", vmin=0, vmax=1, extent=(0, 1, 1, 0), aspect="auto")
    if film is None:
        ax.text(0.5, 0.5, "film withheld", color="white", ha="center", va="center")
    ax.set_title(title, fontsize=7, loc="center")
    ax.set(xlim=(0, 1), ylim=(1, 0), xticks=[], yticks=[])
    ax.set_box_aspect(1)


def draw_boxes(
    ax: Axes, boxes: np.ndarray, size: float, color: str = TRUTH, style: str = "-"
) -> None:
    """Outline boxes over a film.

    Args:
        ax: An axes that `draw_film` prepared.
        boxes: (N, 4), xyxy, in pixels of a square of side `size`.
        size: That side, px.
        color: Line color.
        style: Line style.
    """
    for left, top, right, bottom in np.asarray(boxes) / size:
        ax.add_patch(
            Rectangle(
                (left, top),
                right - left,
                bottom - top,
                fill=False,
                edgecolor=color,
                linestyle=style,
                linewidth=1.2,
            )
        )


def draw_map(
    ax: Axes, probs: np.ndarray, threshold: float, color: str = PREDICTION
) -> None:
    """Lay a predicted mask over a film: filled, with its outline.

    Args:
        ax: An axes that `draw_film` prepared.
        probs: (S, S) in [0, 1].
        threshold: Where to binarize.
        color: Fill and line color.
    """
    if not (probs > threshold).any():
        return
    centers = (np.arange(probs.shape[0]) + 0.5) / probs.shape[0]
    levels = [threshold, max(1.0, threshold) + 1e-6]
    ax.contourf(centers, centers, probs, levels, colors=[color], alpha=0.3)
    if (probs <= threshold).any():
        ax.contour(centers, centers, probs, [threshold], colors=[color], linewidths=1.2)
