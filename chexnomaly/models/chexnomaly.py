"""CheX-Nomaly: a U-Net on the features of a frozen Siamese twin (Section IV-E, Fig. 9).

"Extracted features were reshaped and up-sampled to align with the U-Net": the paper
does not say where they join it. By default they are its only input; with "concat" they
stand beside the image, with "bottleneck" they join what the U-Net's encoder made of it.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chexnomaly.models.frozen import Frozen, freeze_encoder
from chexnomaly.models.unet import UNet

FUSIONS = ("only", "concat", "bottleneck")
"""Where the features join the U-Net: as its only input, beside the image, or below."""

FROZEN = ("base", "encoder")
"""What stays as it was trained: the whole twin, or its contracting half."""


class CheXNomaly(nn.Module):
    """A frozen base, and a U-Net that draws the mask from its features.

    Args:
        base: A trained twin: images to codes (B, n) or to maps (B, 1, H, W).
        unet: Of `in_channels(fusion)` input channels; a `JoiningUNet` for the fusion
            "bottleneck".
        fusion: One of `FUSIONS`.
        frozen: One of `FROZEN`.

    Raises:
        ValueError: The fusion, or what is to be frozen, is unknown.

    References:
        Paper, Section IV-E and Fig. 9.
    """

    def __init__(
        self,
        base: nn.Module,
        unet: nn.Module,
        fusion: str = "only",
        frozen: str = "base",
    ):
        super().__init__()
        if frozen not in FROZEN:
            raise ValueError(f"frozen {frozen!r}, expected one of {FROZEN}")
        self.base = Frozen(base) if frozen == "base" else freeze_encoder(base)
        self.unet = unet
        self.with_image = in_channels(fusion) == 2

    def features(self, image: Tensor) -> Tensor:
        """Compute what the U-Net sees of the base.

        Args:
            image: (B, 1, H, W), values in [0, 1].

        Returns:
            Normalized feature maps, (B, 1, H, W), values in [0, 1].
        """
        found = self.base(image)
        if found.ndim == 2:
            found = F.interpolate(code_to_map(found), image.shape[-2:], mode="bilinear")
        return normalize(found)

    def forward(self, image: Tensor) -> Tensor:
        """Score every pixel; (B, 1, H, W) in [0, 1] to logits of the same shape."""
        features = self.features(image)
        if self.with_image:
            features = torch.cat([image, features], dim=1)
        return self.unet(features)


def in_channels(fusion: str) -> int:
    """Count the U-Net's input channels; ValueError on an unknown fusion."""
    if fusion not in FUSIONS:
        raise ValueError(f"fusion {fusion!r}, expected one of {FUSIONS}")
    return 1 if fusion == "only" else 2


class JoiningUNet(UNet):
    """A U-Net of the image whose lowest level is joined by a twin's features.

    Args:
        in_channels: 2; the image and the features.
        shape: Further arguments of `UNet`.
    """

    def __init__(self, in_channels: int = 2, **shape):
        super().__init__(in_channels - 1, **shape)
        lowest = self.widths[-1]
        self.join = nn.Conv2d(lowest + 1, lowest, 1)

    def encode(self, both: Tensor) -> list[Tensor]:
        """Encode the image, then join the features, (B, 2, H, W), at the last level."""
        *levels, lowest = super().encode(both[:, :-1])
        features = F.adaptive_avg_pool2d(both[:, -1:], lowest.shape[-2:])
        return [*levels, self.join(torch.cat([lowest, features], dim=1))]


def code_to_map(code: Tensor) -> Tensor:
    """Reshape codes to the map that is nearest to a square and not taller than wide.

    Args:
        code: (B, n).

    Returns:
        (B, 1, h, n / h) with the largest divisor h of n up to its root: 128 numbers
        become 8 x 16.
    """
    n = code.shape[1]
    height = next(h for h in range(math.isqrt(n), 0, -1) if n % h == 0)
    return code.view(len(code), 1, height, n // height)


def normalize(features: Tensor, epsilon: float = 1e-6) -> Tensor:
    """Stretch each map to [0, 1], as each image is stretched when it is stored.

    Args:
        features: (B, 1, H, W), unbounded.
        epsilon: Lets a constant map become 0.

    Returns:
        The same shape, from 0 to 1.
    """
    low = features.amin(dim=(2, 3), keepdim=True)
    high = features.amax(dim=(2, 3), keepdim=True)
    return (features - low) / (high - low + epsilon)
