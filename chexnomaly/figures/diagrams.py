"""Figures 7 and 9: how the systems are put together, drawn from the model objects."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chexnomaly.figures.style import BLUE, GREEN, GREY, ORANGE, RED, new_figure
from chexnomaly.labels import DISPLAY_NAMES


def _node(ax: Axes, x: float, y: float, text: str, color: str, size: float = 8) -> None:
    box = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": color}
    ax.text(x, y, text, ha="center", va="center", fontsize=size, bbox=box)


def _arrow(ax: Axes, start: tuple, stop: tuple, style: str = "-") -> None:
    arrow = {"arrowstyle": "->", "color": GREY, "linestyle": style, "shrinkB": 4}
    ax.annotate("", stop, start, arrowprops=arrow)


def figure_7(
    findings: Sequence[str], each: int, joining: int, scans: dict[str, int]
) -> Figure:
    """Draw the specialized models and their two ensembles (Fig. 7).

    Args:
        findings: The findings, one lane each.
        each: Parameters of one specialized model.
        joining: Parameters of the U-Net of the model ensemble.
        scans: Training scans of each finding's balanced data.

    Returns:
        The figure.
    """
    fig, axs = new_figure(height_in=5.0)
    ax = axs[0, 0]
    for lane, finding in enumerate(findings):
        y = 1 - (lane + 0.5) / len(findings)
        name = f"{DISPLAY_NAMES[finding]}: {scans[finding]} scans, half without"
        ax.text(0.0, y, name, va="center", fontsize=7)
        _node(ax, 0.5, y, f"U-Net {each:,}", BLUE, size=6.5)
        _arrow(ax, (0.33, y), (0.44, y))
        _arrow(ax, (0.56, y), (0.68, 0.72))
        _arrow(ax, (0.56, y), (0.68, 0.28))
    _node(ax, 0.77, 0.72, "Max Ensemble\npixelwise maximum\nno parameters", ORANGE)
    _node(ax, 0.77, 0.28, f"Model Ensemble\n14-channel U-Net\n{joining:,}", GREEN)
    _node(ax, 0.97, 0.5, "mask", GREY)
    _arrow(ax, (0.86, 0.7), (0.94, 0.54))
    _arrow(ax, (0.86, 0.3), (0.94, 0.46))
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    ax.set_axis_off()
    return fig


def figure_9(twin: int, frozen: int, trained: int, size: int) -> Figure:
    """Draw CheX-Nomaly: the twins, the transfer, the U-Net behind (Fig. 9).

    Args:
        twin: Parameters of one twin; both share them.
        frozen: Parameters that stay as they are in the transfer.
        trained: Parameters that the segmentation training changes.
        size: Side of the images, px.

    Returns:
        The figure; dashed arrows are the second arm, the image beside the map.
    """
    fig, axs = new_figure(height_in=3.9)
    ax = axs[0, 0]
    for y, name in ((0.86, "scan 1"), (0.56, "scan 2")):
        _node(ax, 0.06, y, name, GREY)
        _node(ax, 0.27, y, f"twin\n{twin:,} shared", BLUE)
        _arrow(ax, (0.1, y), (0.18, y))
    _node(ax, 0.52, 0.86, "distance D\ncontrastive loss", RED)
    _node(ax, 0.52, 0.56, "concatenate, dense,\nsigmoid: BCE", RED)
    for start in (0.86, 0.56):
        for stop in (0.86, 0.56):
            _arrow(ax, (0.36, start), (0.43, stop))
    pairs = (
        "(P, P): class 1, similar\n(P, N), (N, P): class 0\n(N, N): not defined\n"
        "P any finding, N none"
    )
    ax.text(0.68, 0.71, pairs, va="center", fontsize=8)
    _node(ax, 0.06, 0.16, "scan", GREY)
    _node(ax, 0.27, 0.16, f"left twin, frozen\n{frozen:,}", GREY)
    _node(ax, 0.52, 0.16, f"map, normalized\n{size} x {size}", ORANGE)
    _node(ax, 0.75, 0.16, f"U-Net\n{trained:,} trained", GREEN)
    _node(ax, 0.95, 0.16, "mask", GREY)
    for start, stop in ((0.1, 0.17), (0.37, 0.43), (0.61, 0.67), (0.83, 0.92)):
        _arrow(ax, (start, 0.16), (stop, 0.16))
    _arrow(ax, (0.27, 0.5), (0.27, 0.24))
    _arrow(ax, (0.06, 0.1), (0.75, 0.05), "--")
    ax.text(0.4, -0.01, "second arm: the scan itself beside the map", fontsize=7)
    ax.text(0.285, 0.36, "transfer, frozen", fontsize=7)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.05, 1))
    ax.set_axis_off()
    return fig
