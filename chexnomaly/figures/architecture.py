"""Figures 7 to 10: architectures, drawn from the model objects themselves.

Names, shapes and parameter counts are read from a forward pass on the meta device,
which computes nothing and needs no memory.
"""

from collections.abc import Callable
from itertools import pairwise

import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from torch import nn

from chexnomaly.figures.style import BLUE, GREEN, GREY, LIGHT, ORANGE, new_figure

STEP, BOX = 0.62, 1.0
"""How far a level lies to the right of the one above, and how wide a stage is."""


def layer_table(
    build: Callable[[], nn.Module], input_shapes: list[tuple[int, ...]]
) -> pd.DataFrame:
    """Read stages, output shapes and parameter counts off a model.

    Args:
        build: Makes the model.
        input_shapes: Shape of each input tensor, batch included.

    Returns:
        One row per stage in the order of execution: "stage" (its name in the
        model), "kind" (class), "shape" (output without batch), "parameters".
    """
    with torch.device("meta"):
        model = build().eval()
        rows: list[dict] = []
        stages = dict(_stages(model))
        for name, stage in stages.items():
            stage.register_forward_hook(_recorder(name, rows))
        model(*(torch.empty(shape) for shape in input_shapes))
    return pd.DataFrame(rows)


def _stages(model: nn.Module, prefix: str = "") -> list[tuple[str, nn.Module]]:
    """Children of the model, lists taken apart."""
    found = []
    for name, child in model.named_children():
        if isinstance(child, nn.ModuleList):
            found += [(f"{prefix}{name}.{i}", part) for i, part in enumerate(child)]
        else:
            found.append((prefix + name, child))
    return found


def _recorder(name: str, rows: list[dict]) -> Callable:
    def record(stage: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        rows.append(
            {
                "stage": name,
                "kind": type(stage).__name__,
                "shape": tuple(output.shape[1:]),
                "parameters": sum(p.numel() for p in stage.parameters()),
            }
        )

    return record


def figure_unet(table: pd.DataFrame, title: str) -> Figure:
    """Draw a U-Net as its letter: one box per stage, skips across (Fig. 10).

    Args:
        table: From `layer_table`, of a `UNet` or `AttentionUNet`.
        title: Text above.

    Returns:
        The figure.
    """
    fig, axs = new_figure(height_in=4.2)
    ax = axs[0, 0]
    stages = table.set_index("stage")
    downs = [s for s in stages.index if s == "stem" or s.startswith("downs")]
    ups = [s for s in stages.index if s.startswith("ups")]
    gated = any(s.startswith("gates") for s in stages.index)
    bottom = len(downs) - 1
    places = {}
    for level, name in enumerate(downs):
        places[name] = (STEP * level, -level)
        _box(ax, *places[name], name, stages.loc[name], BLUE)
    for name in ups:
        level = int(name.split(".")[1])
        x = STEP * (2 * bottom - level) + BOX * 0.3
        places[name] = (x, -level)
        _box(ax, *places[name], name, stages.loc[name], GREEN)
        start = STEP * level + BOX
        _arrow(ax, (start, -level), (x, -level), color=ORANGE if gated else GREY)
        label = f"gates.{level}" if gated else "skip"
        ax.text((start + x) / 2, -level + 0.06, label, ha="center", fontsize=7)
    right = STEP * 2 * bottom + BOX * 1.45
    _box(ax, right, 0, "head", stages.loc["head"], GREY)
    way = [places[name] for name in (*downs, *sorted(ups, reverse=True))]
    for (x, y), (to_x, to_y) in pairwise(way):
        half = 0.36 if to_y > y else -0.36
        _arrow(ax, (x + BOX * 0.8, y + half), (to_x + BOX * 0.2, to_y - half))
    _arrow(ax, (way[-1][0] + BOX, 0), (right, 0))
    ax.set(xlim=(-0.1, right + BOX + 0.1), ylim=(-bottom - 0.5, 0.6), title=title)
    ax.set_axis_off()
    return fig


def _arrow(ax: Axes, start: tuple, stop: tuple, **style) -> None:
    arrow = {"arrowstyle": "->", "color": GREY} | style
    ax.annotate("", stop, start, arrowprops=arrow)


def _box(ax: Axes, x: float, y: float, name: str, stage: pd.Series, color: str) -> None:
    ax.add_patch(
        FancyBboxPatch(
            (x, y - 0.32),
            BOX,
            0.64,
            boxstyle="round,pad=0.02",
            facecolor=LIGHT if color == GREY else "white",
            edgecolor=color,
            linewidth=1.5,
        )
    )
    channels, height, width = stage["shape"]
    text = f"{name}\n{channels} x {height} x {width}\n{stage['parameters']:,}"
    ax.text(x + BOX / 2, y, text, ha="center", va="center", fontsize=7)


def figure_8(images: pd.Series, parameters: int, gates: int) -> Figure:
    """Draw the supermodel's data flow and its two training methods (Fig. 8).

    Args:
        images: Training images by kind: index "abnormal", "normal".
        parameters: Parameters of the plain U-Net.
        gates: Parameters that the attention gates add.

    Returns:
        The figure; the two methods carry our reading, since the paper describes
        neither.
    """
    fig, axs = new_figure(height_in=3.0)
    ax = axs[0, 0]
    total = images.sum()
    share = f"{images['abnormal'] / total:.1%}"
    nodes = {
        "data": (0.08, 0.5, f"all training scans\n{total:,}\n{share} abnormal", GREY),
        "one": (0.36, 0.8, "method 1 (our reading)\nnatural ratio, focal loss", BLUE),
        "two": (0.36, 0.2, "method 2 (our reading)\nabnormal oversampled", GREEN),
        "plain": (0.68, 0.35, f"U-Net\n{parameters:,} parameters", BLUE),
        "gated": (0.68, 0.8, f"with a gate on each skip\n+ {gates:,}", ORANGE),
        "mask": (0.94, 0.55, "one mask:\nabnormal\nor not", GREY),
    }
    links = "data-one data-two one-gated one-plain two-plain plain-mask gated-mask"
    patches = {}
    for name, (x, y, text, color) in nodes.items():
        box = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": color}
        node = ax.text(x, y, text, ha="center", va="center", fontsize=8, bbox=box)
        patches[name] = node.get_bbox_patch()
    for link in links.split():
        start, stop = link.split("-")
        ends = {"patchA": patches[start], "patchB": patches[stop]}
        _arrow(ax, nodes[start][:2], nodes[stop][:2], **ends)
    said = "the paper does not say which two"
    ax.text(0.36, 0.5, said, ha="center", fontsize=7, color=GREY)
    ax.set(xlim=(-0.03, 1.02), ylim=(0, 1))
    ax.set_axis_off()
    return fig
