"""The two ensembles of specialized models (Section IV-C, Fig. 7).

The maximum is taken over probabilities. The Model Ensemble, of which the paper says no
more than that it learns from the 14 predicted masks, is the same U-Net with one input
channel per specialized model.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from chexnomaly.models.frozen import Frozen


class MaxEnsemble(nn.Module):
    """Pixelwise maximum of the models' probabilities; nothing is trained.

    Args:
        models: Trained networks, image to logits (B, 1, H, W); at least one.

    References:
        Paper, Section IV-C, "Max Ensemble".
    """

    def __init__(self, models: Iterable[nn.Module]):
        super().__init__()
        self.models = _frozen(models)

    def forward(self, image: Tensor) -> Tensor:
        """Score every pixel.

        Args:
            image: (B, 1, H, W), values in [0, 1].

        Returns:
            The largest logits, (B, 1, H, W); their sigmoid is the largest probability.
        """
        logits = torch.cat([model(image) for model in self.models], dim=1)
        return logits.amax(dim=1, keepdim=True)


class ModelEnsemble(nn.Module):
    """A U-Net that joins the masks of the specialized models.

    Args:
        models: Trained networks, image to logits (B, 1, H, W); frozen here.
        unet: With as many input channels as there are models.

    References:
        Paper, Section IV-C, "Model Ensemble".
    """

    def __init__(self, models: Sequence[nn.Module], unet: nn.Module):
        super().__init__()
        self.models = _frozen(models)
        self.unet = unet

    def stack(self, image: Tensor) -> Tensor:
        """Predict with every model: (B, 1, H, W) to probabilities (B, models, H, W)."""
        logits = torch.cat([model(image) for model in self.models], dim=1)
        return torch.sigmoid(logits)

    def forward(self, image: Tensor) -> Tensor:
        """Score every pixel; (B, 1, H, W) in [0, 1] to logits of the same shape."""
        return self.unet(self.stack(image))


class ChannelMax(nn.Module):
    """The largest of several maps: (B, C, H, W) to (B, 1, H, W)."""

    def forward(self, maps: Tensor) -> Tensor:
        """Take the maximum over the channels."""
        return maps.amax(dim=1, keepdim=True)


def _frozen(models: Iterable[nn.Module]) -> nn.ModuleList:
    frozen = nn.ModuleList(Frozen(model) for model in models)
    if not frozen:
        raise ValueError("expected at least one model, got none")
    return frozen
