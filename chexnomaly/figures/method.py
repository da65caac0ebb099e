"""The method from zero: curves that explain the focal and the contrastive loss."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch

from chexnomaly.figures import style
from chexnomaly.losses import contrastive_loss, sigmoid_focal_loss


def figure_focal(gammas: Sequence[float], alpha: float) -> plt.Figure:
    """Draw what one pixel costs, and what it pulls, by its probability.

    Args:
        gammas: Focusing exponents, one curve each; 0 is the weighted cross-entropy.
        alpha: Weight of an abnormal pixel.

    Returns:
        The figure: loss of an abnormal pixel, and its slope against the logit.
    """
    probs = np.linspace(0.005, 0.995, 199)
    fig, (axs,) = style.new_figure(1, 2, height_in=3.0)
    colors = (style.GREY, style.ORANGE, style.BLUE, style.RED)
    for gamma, color in zip(gammas, colors, strict=False):
        logits = torch.logit(torch.tensor(probs)).requires_grad_()
        one = torch.ones_like(logits)
        loss = sigmoid_focal_loss(logits, one, alpha, gamma, reduction="none")
        (slope,) = torch.autograd.grad(loss.sum(), logits)
        label = f"$\\gamma = {gamma:g}$"
        axs[0].plot(probs, loss.detach(), color=color, label=label)
        axs[1].plot(probs, -slope, color=color)
    axs[0].set(ylabel="loss of an abnormal pixel", ylim=(0, 0.8))
    axs[1].set(ylabel="upward pull on its logit")
    plt.setp(axs, xlabel="predicted probability $p$")
    axs[0].legend(frameon=False)
    return fig


def figure_contrastive(margin: float) -> plt.Figure:
    """Draw the contrastive loss of a similar and of a dissimilar pair.

    Args:
        margin: Distance beyond which dissimilar pairs cost nothing.

    Returns:
        The figure.
    """
    distance = torch.linspace(0, 2 * margin, 101)
    fig, ax = style.one_panel(2.8)
    colors = {"similar, $y = 1$": style.BLUE, "dissimilar, $y = 0$": style.ORANGE}
    for (name, color), y in zip(colors.items(), (1.0, 0.0), strict=True):
        similar = torch.tensor([y])
        costs = [contrastive_loss(d[None], similar, margin) for d in distance]
        ax.plot(distance, costs, color=color, label=name)
    ax.axvline(margin, color=style.GREY, linestyle=":")
    ax.set(xlabel="distance $D$", ylabel="loss of the pair")
    ax.legend(frameon=False)
    return fig
