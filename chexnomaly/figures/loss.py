"""Figures 5 and 6: the custom loss and the transform behind it (Section IV-A)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from skimage.measure import label, regionprops
from torch import Tensor

from chexnomaly.boxes import rectangularize
from chexnomaly.figures import style
from chexnomaly.figures.layers import boxes_layer, heat_layer
from chexnomaly.figures.viewer import Panel, Viewer
from chexnomaly.losses import printed_focal_loss, sigmoid_focal_loss


def synthetic_blobs(size: int = 64) -> Tensor:
    """Make the probability map that explains the transform: four kinds of blob.

    Args:
        size: Side, px; a multiple of 64.

    Returns:
        Probabilities, (1, 1, S, S): an L, two blobs, a diagonal, and speckle, each
        in its quarter.
    """
    step = size // 64
    rows, columns = torch.meshgrid(
        torch.arange(64.0), torch.arange(64.0), indexing="ij"
    )
    probs = torch.full((64, 64), 0.06)
    probs[6:26, 6:12] = probs[20:26, 6:26] = 0.8
    for y, x, radius in ((10, 42, 5.5), (21, 54, 6.5)):
        near = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
        probs[near] = 0.7
    band = ((rows - 36) - (columns - 4)).abs() < 2.5
    probs[band & (rows > 36) & (rows < 60) & (columns < 30)] = 0.65
    dots = torch.rand(64, 64, generator=torch.Generator().manual_seed(0)) > 0.965
    probs[dots & (rows > 36) & (rows < 60) & (columns > 36) & (columns < 60)] = 0.6
    return probs.repeat_interleave(step, 0).repeat_interleave(step, 1)[None, None]


def figure_6(
    probs: Tensor, truth: Tensor | None, threshold: float, min_area: int
) -> Figure:
    """Draw a prediction, its transform, and who receives gradient (Fig. 6).

    Args:
        probs: One probability map, (1, 1, S, S).
        truth: True boxes, (N, 4), xyxy px of the map; None for a synthetic map.
        threshold: The transform's.
        min_area: The transform's.

    Returns:
        The figure, three panels.
    """
    size = probs.shape[-1]
    blobs = regionprops(label(probs[0, 0].numpy() > threshold, connectivity=2))
    filled = np.array([b.bbox for b in blobs if b.area >= min_area])[:, [1, 0, 3, 2]]
    fig, axs = style.new_figure(1, 3, height_in=3.0)
    steps = transform_steps(probs, threshold, min_area)
    for ax, (title, (values, top)) in zip(axs[0], steps.items(), strict=True):
        unit = {"extent": (0, 1, 1, 0), "cmap": "magma"}
        style.draw_image(ax, values, title, vmin=0, vmax=top, **unit)
        if truth is not None:
            style.draw_boxes(ax, truth.numpy(), size, color="white", style="--")
    style.draw_boxes(axs[0, 2], filled, size, color=style.ORANGE)
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
    """Compute the maps of Fig. 6, by title: each (S, S), and its greatest value.

    Args:
        probs: One probability map, (1, 1, S, S).
        threshold: The transform's.
        min_area: The transform's.
    """
    gradient = gradient_support(probs, threshold, min_area)
    return {
        "prediction": (probs[0, 0], 1.0),
        "transformed": (rectangularize(probs, threshold, min_area)[0, 0], 1.0),
        "gradient of the filled boxes": (gradient, max(float(gradient.max()), 1e-6)),
    }


def gradient_support(probs: Tensor, threshold: float, min_area: int) -> Tensor:
    """Tell which pixels would receive gradient from the filled boxes.

    Args:
        probs: One probability map, (1, 1, S, S).
        threshold: The transform's.
        min_area: The transform's.

    Returns:
        d(sum of all changed or filled pixels) / d(probs), (S, S), >= 0.
    """
    leaf = probs.clone().requires_grad_()
    boxed = rectangularize(leaf, threshold, min_area)
    (boxed * (boxed > threshold)).sum().backward()
    return leaf.grad[0, 0]


def figure_5(errors: Mapping[str, Mapping[str, dict]]) -> Figure:
    """Compare the error with and without the transform (Fig. 5).

    Args:
        errors: Model name to {"original focal loss" or "custom focal loss": results
            entry} for soft and hard errors, keyed "name, soft" and "name, hard".

    Returns:
        The figure; bars with 95 % intervals.
    """
    table = pd.json_normalize([*errors.values()])  # "custom focal loss.low", ...
    fig, ax = style.one_panel()
    colors = {"original focal loss": style.GREY, "custom focal loss": style.BLUE}
    for offset, (name, color) in zip((-0.2, 0.2), colors.items(), strict=True):
        value, low, high = (table[f"{name}.{end}"] for end in ("value", "low", "high"))
        error = {"yerr": [value - low, high - value], "capsize": 3}
        places = np.arange(len(table)) + offset
        ax.bar(places, value, 0.38, color=color, label=name, **error)
    ax.set_xticks(range(len(errors)), list(errors))
    ax.set(ylabel="mean absolute error")
    ax.legend(frameon=False)
    return fig


def figure_printed_loss(alpha: float = 0.25, gamma: float = 2.0) -> Figure:
    """Draw the printed focal loss beside the standard one, and both slopes.

    Args:
        alpha: Balancing factor.
        gamma: Modulating factor.

    Returns:
        The figure: losses of a background pixel left, slopes right.
    """
    probs = torch.linspace(1e-3, 0.999, 400, requires_grad=True)
    empty = torch.zeros_like(probs)
    options = {"alpha": alpha, "gamma": gamma}
    losses = {
        "standard": sigmoid_focal_loss(
            torch.logit(probs), empty, reduction="none", **options
        ),
        "as printed": printed_focal_loss(probs, empty, **options),
    }
    fig, axs = style.new_figure(1, 2, height_in=3.0)
    x = probs.detach()
    colors = {"standard": style.BLUE, "as printed": style.RED}
    for name, color in colors.items():
        values = losses[name]
        (slope,) = torch.autograd.grad(values.sum(), probs, retain_graph=True)
        axs[0, 0].plot(x, values.detach(), color=color, label=name)
        axs[0, 1].plot(x, slope, color=color)
    axs[0, 0].set(ylabel="loss of a background pixel", ylim=(-3, 3))
    axs[0, 1].set(ylabel="its slope", ylim=(-10, 20))
    for ax in axs[0]:
        ax.axhline(0, color=style.GREY, linewidth=0.8)
        ax.set_xlabel("predicted probability")
    axs[0, 0].legend(frameon=False)
    return fig


def stationary_probability(alpha: float, posterior: np.ndarray) -> np.ndarray:
    """Find where the focal loss of a pixel is smallest, by its true posterior.

    Args:
        alpha: Balancing factor; gamma is 2.
        posterior: Chance that the pixel is foreground, (N,).

    Returns:
        The probability with the least expected loss, (N,).
    """
    probs = torch.linspace(1e-4, 1 - 1e-4, 4001, dtype=torch.float64)
    logits = torch.logit(probs)
    hit, miss = (
        sigmoid_focal_loss(logits, torch.full_like(probs, y), alpha, reduction="none")
        for y in (1.0, 0.0)
    )
    q = torch.as_tensor(posterior)[:, None]
    return probs[(q * hit + (1 - q) * miss).argmin(1)].numpy()


def figure_stationary(alphas: tuple[float, ...] = (0.25, 0.5, 0.75)) -> Figure:
    """Draw what a perfectly trained pixel predicts, for several alphas.

    Args:
        alphas: Balancing factors.

    Returns:
        The figure; where a curve crosses 0.5 is the posterior that it takes to be
        marked at the paper's threshold.
    """
    posterior = np.linspace(0.01, 0.99, 99)
    fig, ax = style.one_panel()
    for alpha, color in zip(alphas, (style.BLUE, style.GREY, style.RED), strict=True):
        best = stationary_probability(alpha, posterior)
        ax.plot(posterior, best, color=color, label=f"alpha = {alpha}")
    ax.axhline(0.5, color="black", linewidth=0.8, linestyle=":")
    ax.set(xlabel="chance that the pixel is abnormal", ylabel="predicted probability")
    ax.legend(frameon=False)
    return fig


def figure_readings(maps: Mapping[str, Tensor]) -> Figure:
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
