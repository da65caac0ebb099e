"""Figures 7 to 10: architectures, drawn from the model objects themselves.

Names, shapes and parameter counts are read from a forward pass on the meta device,
which computes nothing and needs no memory.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from chexnomaly.figures import style


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
        for name, stage in _stages(model):
            stage.register_forward_hook(partial(_record, rows, name))
        model(*(torch.empty(shape) for shape in input_shapes))
    return pd.DataFrame(rows)


def _stages(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Children of the model, lists taken apart."""
    for name, child in model.named_children():
        if isinstance(child, nn.ModuleList):
            yield from ((f"{name}.{place}", part) for place, part in enumerate(child))
        else:
            yield name, child


def _record(rows: list[dict], name: str, stage: nn.Module, _, output: Tensor) -> None:
    """Add a row; called after a stage's forward pass."""
    shape = tuple(output.shape[1:])
    parameters = sum(p.numel() for p in stage.parameters())
    kind = type(stage).__name__
    row = {"stage": name, "kind": kind, "shape": shape, "parameters": parameters}
    rows.append(row)


def figure_unet(table: pd.DataFrame, title: str) -> Figure:
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
    downs = [name for name in shown if name == "stem" or name.startswith("downs")]
    bottom = len(downs) - 1
    ups = [f"ups.{level}" for level in reversed(range(bottom))]
    way = {name: (k, -k, style.BLUE) for k, name in enumerate(downs)}
    for k, name in enumerate(ups, 1):
        way[name] = (bottom + k, k - bottom, style.GREEN)
    way["head"] = (2 * bottom + 1.5, 0, style.GREY)
    fig, ax = style.one_panel(4.2)
    nodes = {name: (x, y, shown[name], color) for name, (x, y, color) in way.items()}
    texts = style.draw_nodes(ax, nodes, fontsize=7)
    style.draw_links(texts, pairwise(way))
    gated = "gates.0" in shown
    skips = list(zip(downs, reversed(ups), strict=False))
    style.draw_links(texts, skips, color=style.ORANGE if gated else style.GREY)
    for level in range(bottom):
        label = f"gates.{level}" if gated else "skip"
        ax.text(bottom, 0.06 - level, label, ha="center", fontsize=7)
    ax.set(xlim=(-0.6, 2 * bottom + 2), ylim=(-bottom - 0.5, 0.6), title=title)
    return fig


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
    total = images.sum()
    share = f"{images['abnormal'] / total:.1%}"
    data = f"all training films\n{total:,}\n{share} abnormal"
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
    texts = style.draw_nodes(ax, nodes)
    style.draw_links(texts, (link.split("-") for link in links.split()))
    said = "the paper does not say which two"
    ax.text(0.36, 0.5, said, ha="center", fontsize=7, color=style.GREY)
    ax.set(xlim=(-0.03, 1.02), ylim=(0, 1))
    return fig
