"""Figures 7 to 10: architectures, drawn from the model objects themselves.

Names, shapes and parameter counts are read from a forward pass on the meta device,
which computes nothing and needs no memory.
"""

from collections.abc import Callable

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
    for level, name in enumerate(downs):
        _box(ax, STEP * level, -level, name, stages.loc[name], BLUE)
    for name in ups:
        level = int(name.split(".")[1])
        x = STEP * (2 * bottom - level) + BOX * 0.3
        _box(ax, x, -level, name, stages.loc[name], GREEN)
        start = STEP * level + BOX
        style = {"arrowstyle": "->", "color": ORANGE if gated else GREY}
        ax.annotate("", (x, -level), (start, -level), arrowprops=style)
        label = f"gates.{level}" if gated else "skip"
        ax.text((start + x) / 2, -level + 0.06, label, ha="center", fontsize=7)
    right = STEP * 2 * bottom + BOX * 1.45
    _box(ax, right, 0, "head", stages.loc["head"], GREY)
    ax.set(xlim=(-0.1, right + BOX + 0.1), ylim=(-bottom - 0.5, 0.6), title=title)
    ax.set_axis_off()
    return fig


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
    texts = [
        (0.0, 0.5, f"all training scans\n{total:,}\n{share} abnormal", GREY),
        (0.27, 0.78, "method 1 (our reading)\nnatural ratio, focal loss", BLUE),
        (0.27, 0.22, "method 2 (our reading)\nabnormal scans oversampled", GREEN),
        (0.58, 0.78, f"U-Net\n{parameters:,} parameters", BLUE),
        (0.58, 0.22, f"with a gate on each skip\n+ {gates:,} parameters", ORANGE),
        (0.86, 0.5, "one mask:\nabnormal\nor not", GREY),
    ]
    for x, y, text, color in texts:
        box = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": color}
        ax.text(x, y, text, va="center", fontsize=8, bbox=box)
    for start, stop in (
        ((0.17, 0.55), (0.26, 0.74)),
        ((0.17, 0.45), (0.26, 0.26)),
        ((0.49, 0.74), (0.57, 0.78)),
        ((0.49, 0.26), (0.57, 0.22)),
        ((0.77, 0.74), (0.86, 0.58)),
        ((0.79, 0.26), (0.86, 0.42)),
    ):
        ax.annotate("", stop, start, arrowprops={"arrowstyle": "->", "color": GREY})
    ax.text(0.27, 0.5, "the paper does not say which two", fontsize=7, color=GREY)
    ax.set(xlim=(-0.03, 1.02), ylim=(0, 1))
    ax.set_axis_off()
    return fig
