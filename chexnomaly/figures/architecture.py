"""Figures 7 to 10: architectures, drawn from the model objects themselves.

Names, shapes and parameter counts are read from a forward pass on the meta device,
which computes nothing and needs no memory.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, pairwise

import matplotlib.pyplot as plt
import pandas as pd
import torch
from torch import Tensor, nn

from chexnomaly.figures import style
from chexnomaly.labels import DISPLAY_NAMES


def layer_table(
    build: Callable[[], nn.Module], input_shape: tuple[int, ...]
) -> pd.DataFrame:
    """Read stages, output shapes and parameter counts off a model.

    Args:
        build: Makes the model.
        input_shape: Of its input, batch included.

    Returns:
        One row per stage in the order of execution: "stage" (its name in the
        model; lists of stages are taken apart), "kind" (class), "shape" (output
        without batch), "parameters".
    """
    rows: list[tuple] = []

    def record(stage: nn.Module, _, output: Tensor) -> None:
        shape, kind = tuple(output.shape[1:]), type(stage).__name__
        parameters = sum(p.numel() for p in stage.parameters())
        rows.append((names[stage], kind, shape, parameters))

    with torch.device("meta"):
        model = build().eval()
        names = {stage: name for name, stage in model.named_modules()}
        lists = [part for part in model.children() if isinstance(part, nn.ModuleList)]
        for stage in chain(*(parent.children() for parent in (model, *lists))):
            stage.register_forward_hook(record)  # a list by itself is never called
        model(torch.empty(input_shape))
    return pd.DataFrame(rows, columns=["stage", "kind", "shape", "parameters"])


def figure_unet(table: pd.DataFrame, title: str) -> plt.Figure:
    """Draw a U-Net as its letter: one box per stage, skips across (Fig. 10).

    Args:
        table: From `layer_table`, of a `UNet` or `AttentionUNet`.
        title: Text above.

    Returns:
        The figure.
    """
    shown = {
        row.stage: f"{row.stage}\n{' x '.join(map(str, row.shape))}\n{row.parameters:,}"
        for row in table.itertuples()
    }
    way = [name for name in shown if not name.startswith("gates")]
    bottom = len(way) // 2 - 1
    colors = (style.BLUE, style.GREEN)  # down, up
    nodes = {
        name: (k, abs(k - bottom) - bottom, shown[name], colors[k > bottom])
        for k, name in enumerate(way)
    }
    nodes["head"] = (2 * bottom + 1.5, 0, shown["head"], style.GREY)
    fig, ax = style.one_panel(4.2)
    texts = _draw_diagram(ax, nodes, pairwise(way), fontsize=7)
    gated = "gates.0" in shown
    skips = [(way[level], way[2 * bottom - level]) for level in range(bottom)]
    _draw_links(texts, skips, color=style.ORANGE if gated else style.GREY)
    for level in range(bottom):
        label = f"gates.{level}" if gated else "skip"
        ax.text(bottom, 0.06 - level, label, ha="center", fontsize=7)
    ax.set(xlim=(-0.6, 2 * bottom + 2), ylim=(-bottom - 0.5, 0.6), title=title)
    return fig


def figure_7(
    findings: Sequence[str], each: int, joining: int, scans: Mapping[str, int]
) -> plt.Figure:
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
    _draw_diagram(ax, nodes, links, fontsize=7)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    return fig


def figure_8(images: pd.Series, parameters: int, gates: int) -> plt.Figure:
    """Draw the supermodel's data flow and its two training methods (Fig. 8).

    Args:
        images: Training images by kind: index "abnormal", "normal".
        parameters: Parameters of the plain U-Net.
        gates: Parameters that the attention gates add.

    Returns:
        The figure; the two methods carry our reading, since the paper describes
        neither.
    """
    share = f"{images['abnormal'] / images.sum():.1%}"
    data = f"all training films\n{images.sum():,}\n{share} abnormal"
    focal = "method 1 (our reading)\nnatural ratio, focal loss"
    oversampled = "method 2 (our reading)\nabnormal oversampled"
    nodes = {
        "data": (0.08, 0.5, data, style.GREY),
        "one": (0.36, 0.8, focal, style.BLUE),
        "two": (0.36, 0.2, oversampled, style.GREEN),
        "plain": (0.68, 0.35, f"U-Net\n{parameters:,} parameters", style.BLUE),
        "gated": (0.68, 0.8, f"with a gate on each skip\n+ {gates:,}", style.ORANGE),
        "mask": (0.94, 0.55, "one mask:\nabnormal\nor not", style.GREY),
    }
    links = "data-one data-two one-gated one-plain two-plain plain-mask gated-mask"
    fig, ax = style.one_panel()
    _draw_diagram(ax, nodes, (link.split("-") for link in links.split()))
    said = "the paper does not say which two"
    ax.text(0.36, 0.5, said, ha="center", fontsize=7, color=style.GREY)
    ax.set(xlim=(-0.03, 1.02), ylim=(0, 1))
    return fig


def figure_9(twin: int, frozen: int, trained: int, size: int) -> plt.Figure:
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
    texts = _draw_diagram(ax, nodes, links)
    below = {"connectionstyle": "arc3,rad=0.15", "linestyle": "--"}
    _draw_links(texts, [("film", "net")], **below)
    ax.text(0.68, 0.71, pairs, va="center", fontsize=8)
    ax.text(0.3, -0.05, "second arm: the film itself beside the map", fontsize=7)
    ax.text(0.285, 0.36, "transfer, frozen", fontsize=7)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.1, 1))
    return fig


def _draw_diagram(
    ax: plt.Axes,
    nodes: Mapping[str, tuple[float, float, str, str]],
    links: Iterable[tuple[str, str]],
    fontsize: float = 8,
) -> dict[str, plt.Text]:
    """Write framed texts and the arrows between them on an axes without lines.

    Args:
        ax: Where to draw; its limits are left to the caller.
        nodes: Key to x and y of the center, the text, and the color of the frame.
        links: Keys of the start and the end of each arrow.
        fontsize: Of all texts.

    Returns:
        Key to text, for more arrows.
    """
    ax.set_axis_off()
    centered = {"ha": "center", "va": "center", "fontsize": fontsize}
    frame = {"boxstyle": "round,pad=0.4", "facecolor": "white"}
    texts = {
        key: ax.text(x, y, text, bbox=frame | {"edgecolor": color}, **centered)
        for key, (x, y, text, color) in nodes.items()
    }
    _draw_links(texts, links)
    return texts


def _draw_links(
    texts: Mapping[str, plt.Text], links: Iterable[tuple[str, str]], **looks
) -> None:
    """Draw arrows from frame to frame, below the texts."""
    for start, end in links:
        one, other = texts[start], texts[end]
        arrow = {"patchA": one.get_bbox_patch(), "patchB": other.get_bbox_patch()}
        arrow |= {"arrowstyle": "->", "color": style.GREY} | looks
        ends = other.get_position(), one.get_position()
        one.axes.annotate("", *ends, arrowprops=arrow, zorder=2)
