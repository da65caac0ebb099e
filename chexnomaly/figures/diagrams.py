"""Figures 7 and 9: how the systems are put together, drawn from the model objects."""

from collections.abc import Sequence
from itertools import pairwise

from matplotlib.figure import Figure

from chexnomaly.figures import style
from chexnomaly.labels import DISPLAY_NAMES


def figure_7(
    findings: Sequence[str], each: int, joining: int, scans: dict[str, int]
) -> Figure:
    """Draw the specialized models and their two ensembles (Fig. 7).

    Args:
        findings: The findings, one lane each.
        each: Parameters of one specialized model.
        joining: Parameters of the U-Net of the model ensemble.
        scans: Training films of each finding's balanced data.

    Returns:
        The figure.
    """
    largest = "Max Ensemble\npixelwise maximum\nno parameters"
    joined = f"Model Ensemble\n14-channel U-Net\n{joining:,}"
    nodes = {
        "max": (0.77, 0.72, largest, style.ORANGE),
        "model": (0.77, 0.28, joined, style.GREEN),
        "mask": (0.97, 0.5, "mask", style.GREY),
    }
    links = [("max", "mask"), ("model", "mask")]
    for lane, finding in enumerate(findings):
        y = 1 - (lane + 0.5) / len(findings)
        name = f"{DISPLAY_NAMES[finding]}: {scans[finding]} films, half without"
        nodes[f"data {lane}"] = (0.15, y, name, style.LIGHT)
        nodes[f"net {lane}"] = (0.5, y, f"U-Net {each:,}", style.BLUE)
        ends = (f"net {lane}", "max"), (f"net {lane}", "model")
        links += [(f"data {lane}", f"net {lane}"), *ends]
    fig, ax = style.one_panel(5.0)
    style.draw_links(style.draw_nodes(ax, nodes, fontsize=7), links)
    style.draw_nodes(ax, nodes, fontsize=7)  # again, above the arrows
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
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
    pairs = (
        "(P, P): class 1, similar\n(P, N), (N, P): class 0\n(N, N): not defined\n"
        "P any finding, N none"
    )
    nodes = {
        "film 1": (0.06, 0.86, "film 1", style.GREY),
        "film 2": (0.06, 0.56, "film 2", style.GREY),
        "twin 1": (0.27, 0.86, f"twin\n{twin:,} shared", style.BLUE),
        "twin 2": (0.27, 0.56, f"twin\n{twin:,} shared", style.BLUE),
        "distance": (0.52, 0.86, "distance D\ncontrastive loss", style.RED),
        "class": (0.52, 0.56, "concatenate, dense,\nsigmoid: BCE", style.RED),
        "film": (0.06, 0.16, "film", style.GREY),
        "left": (0.27, 0.16, f"left twin, frozen\n{frozen:,}", style.GREY),
        "map": (0.52, 0.16, f"map, normalized\n{size} x {size}", style.ORANGE),
        "net": (0.75, 0.16, f"U-Net\n{trained:,} trained", style.GREEN),
        "mask": (0.95, 0.16, "mask", style.GREY),
    }
    links = [(f"film {k}", f"twin {k}") for k in (1, 2)]
    links += [(f"twin {k}", head) for k in (1, 2) for head in ("distance", "class")]
    links += [("twin 2", "left"), *pairwise(("film", "left", "map", "net", "mask"))]
    fig, ax = style.one_panel(3.9)
    texts = style.draw_nodes(ax, nodes)
    style.draw_links(texts, links)
    below = {"connectionstyle": "arc3,rad=0.15", "linestyle": "--"}
    style.draw_links(texts, [("film", "net")], **below)
    ax.text(0.68, 0.71, pairs, va="center", fontsize=8)
    ax.text(0.3, -0.05, "second arm: the film itself beside the map", fontsize=7)
    ax.text(0.285, 0.36, "transfer, frozen", fontsize=7)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.1, 1))
    return fig
