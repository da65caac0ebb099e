"""Figure 6: the transform behind the custom loss (Section IV-A)."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor

from chexnomaly.boxes import rectangularize
from chexnomaly.figures import style
from chexnomaly.figures.viewer import Panel, Viewer, boxes_layer, heat_layer
from chexnomaly.ops.connected_components import find_components


def synthetic_blobs() -> Tensor:
    """Make the probability map that explains the transform: four kinds of blob.

    Returns:
        Probabilities, (1, 1, 64, 64): an L, two blobs, a diagonal, and speckle, each
        in its quarter.
    """
    rows, columns = torch.arange(64.0)[:, None], torch.arange(64.0)
    probs = torch.full((64, 64), 0.06)
    probs[6:26, 6:12] = probs[20:26, 6:26] = 0.8
    for y, x, radius in ((10, 42, 5.5), (21, 54, 6.5)):
        probs[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] = 0.7
    band = ((rows - 36) - (columns - 4)).abs() < 2.5
    probs[band & (rows > 36) & (rows < 60) & (columns < 30)] = 0.65
    dots = torch.rand(64, 64, generator=torch.Generator().manual_seed(0)) > 0.965
    probs[dots & (rows > 36) & (rows < 60) & (columns > 36) & (columns < 60)] = 0.6
    return probs[None, None]


def figure_6(probs: Tensor, threshold: float, min_area: int) -> plt.Figure:
    """Draw a prediction, its transform, and who receives gradient (Fig. 6).

    Args:
        probs: One probability map, (1, 1, S, S).
        threshold: The transform's.
        min_area: The transform's.

    Returns:
        The figure, three panels; the filled boxes are outlined in the last.
    """
    blobs = find_components(probs[0] > threshold)
    filled = blobs.boxes[blobs.areas >= min_area][:, [2, 1, 4, 3]]
    fig, axs = style.new_figure(1, 3, height_in=3.0)
    steps = transform_steps(probs, threshold, min_area)
    unit = {"extent": (0, 1, 1, 0), "cmap": "magma", "vmin": 0}
    for ax, (title, (values, top)) in zip(axs[0], steps.items(), strict=True):
        style.draw_image(ax, values, title, vmax=top, **unit)
    style.draw_boxes(axs[0, 2], filled, probs.shape[-1])
    return fig


def figure_6_film(
    film: np.ndarray | None,
    origin: str,
    probs: Tensor,
    truth: Tensor,
    threshold: float,
    min_area: int,
) -> Viewer:
    """Show a prediction, its transform and its gradient over their film (Fig. 6).

    Args:
        film: (H, W) in [0, 1]; None where it may not be shown.
        origin: What the pixels are; only a "phantom" is shown.
        probs: Its probability map, (1, 1, S, S).
        truth: Readers' boxes, (N, 4), xyxy px of the map.
        threshold: The transform's.
        min_area: The transform's.

    Returns:
        Three films, each with the boxes and one map.
    """
    size = probs.shape[-1]
    readers = boxes_layer("readers", truth.numpy(), (size, size), "boxes of readers")
    panels = [
        Panel(film, origin, (readers, heat_layer(values.numpy(), top, name)), name)
        for name, (values, top) in transform_steps(probs, threshold, min_area).items()
    ]
    return Viewer({"": panels}, 3)


def transform_steps(
    probs: Tensor, threshold: float, min_area: int
) -> dict[str, tuple[Tensor, float]]:
    """Compute the maps of Fig. 6.

    Args:
        probs: One probability map, (1, 1, S, S).
        threshold: The transform's.
        min_area: The transform's.

    Returns:
        Title to map, (S, S), and the value that is drawn brightest. The last map
        tells which pixels would receive gradient from the filled boxes: d(sum of all
        changed or filled pixels) / d(probs), >= 0.
    """
    leaf = probs.clone().requires_grad_()
    boxed = rectangularize(leaf, threshold, min_area)
    (boxed * (boxed > threshold)).sum().backward()
    gradient = leaf.grad[0, 0]
    return {
        "prediction": (probs[0, 0], 1.0),
        "transformed": (boxed.detach()[0, 0], 1.0),
        "gradient of the filled boxes": (gradient, max(float(gradient.max()), 1e-6)),
    }


def figure_transforms(maps: Mapping[str, Tensor]) -> plt.Figure:
    """Draw several readings of the transform side by side.

    Args:
        maps: Name to probability map, (1, 1, S, S).

    Returns:
        The figure.
    """
    fig, axs = style.new_figure(1, len(maps), height_in=2.5)
    for ax, (name, probs) in zip(axs[0], maps.items(), strict=True):
        style.draw_image(ax, probs[0, 0], name, vmin=0, vmax=1, cmap="magma")
    return fig
