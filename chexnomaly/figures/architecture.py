"""Figures 7 to 10: architectures, drawn from the model objects themselves.

Names, shapes and parameter counts are read from a forward pass on the meta device,
which computes nothing and needs no memory.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, pairwise
from pathlib import Path

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
    nodes, links = _read_diagram(7, joining=joining)
    for lane, finding in enumerate(findings):
        y = 1 - (lane + 0.5) / len(findings)
        name = f"{DISPLAY_NAMES[finding]}: {scans[finding]} films, half without"
        nodes[f"data {lane}"] = (0.15, y, name, style.LIGHT)
        nodes[f"net {lane}"] = (0.5, y, f"U-Net {each:,}", style.BLUE)
        ends = (f"net {lane}", "max"), (f"net {lane}", "model")
        links += [(f"data {lane}", f"net {lane}"), *ends]
    fig, ax = style.one_panel(5.0)
    _draw_diagram(ax, nodes, links, fontsize=7)
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
    films = images.sum()
    numbers = {"films": films, "share": images["abnormal"] / films, "gates": gates}
    fig, ax = style.one_panel()
    _draw_diagram(ax, *_read_diagram(8, parameters=parameters, **numbers))
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
    numbers = {"twin": twin, "frozen": frozen, "trained": trained, "size": size}
    fig, ax = style.one_panel(3.9)
    texts = _draw_diagram(ax, *_read_diagram(9, **numbers))
    below = {"connectionstyle": "arc3,rad=0.15", "linestyle": "--"}
    _draw_links(texts, [("film", "net")], **below)
    return fig


def _read_diagram(figure: int, **numbers: float) -> tuple[dict, list]:
    """Read the nodes and links of a figure, with numbers put into their texts."""
    table = pd.read_csv(Path(__file__).with_name("diagrams.csv"), keep_default_na=False)
    nodes, links = {}, []
    for row in table[table.figure == figure].itertuples():
        color = getattr(style, row.color, "")
        nodes[row.key] = row.x, row.y, row.text.format(**numbers), color
        links += [(row.key, end) for end in row.to.split()]
    return nodes, links


def _draw_diagram(
    ax: plt.Axes,
    nodes: Mapping[str, tuple[float, float, str, str]],
    links: Iterable[tuple[str, str]],
    fontsize: float = 8,
) -> dict[str, plt.Text]:
    """Write framed texts and the arrows between them on an axes without lines.

    Args:
        ax: Where to draw; its limits may be set afterwards.
        nodes: Key to x and y of the center, the text, and the color of the frame; a
            text without one is a note.
        links: Keys of the start and the end of each arrow.
        fontsize: Of all texts.

    Returns:
        Key to text, for more arrows.
    """
    ax.set_axis_off()
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.1, 1.02))
    centered = {"ha": "center", "va": "center", "fontsize": fontsize}
    frame = {"boxstyle": "round,pad=0.4", "facecolor": "white"}
    texts = {}
    for key, (x, y, text, color) in nodes.items():
        box = frame | {"edgecolor": color} if color else None
        texts[key] = ax.text(x, y, text, bbox=box, **centered)
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
