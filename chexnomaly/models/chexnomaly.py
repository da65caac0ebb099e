"""CheX-Nomaly: a U-Net on the features of a frozen Siamese twin (Section IV-E, Fig. 9).

"Extracted features were reshaped and up-sampled to align with the U-Net": the paper
does not say where they join it. By default they are its only input; with "concat" they
stand beside the image.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chexnomaly.models.frozen import Frozen

FUSIONS = ("only", "concat")
"""Where the features join the U-Net: as its only input, or beside the image."""


class CheXNomaly(nn.Module):
    """A frozen base, and a U-Net that draws the mask from its features.

    Args:
        base: A trained twin: images to codes (B, n) or to maps (B, 1, H, W).
        unet: Of `in_channels(fusion)` input channels.
        fusion: One of `FUSIONS`.

    Raises:
        ValueError: The fusion is unknown.

    References:
        Paper, Section IV-E and Fig. 9.
    """

    def __init__(self, base: nn.Module, unet: nn.Module, fusion: str = "only"):
        super().__init__()
        self.base = Frozen(base)
        self.unet = unet
        self.concat = in_channels(fusion) == 2

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
        if self.concat:
            features = torch.cat([image, features], dim=1)
        return self.unet(features)


def in_channels(fusion: str) -> int:
    """Count the U-Net's input channels; ValueError on an unknown fusion."""
    if fusion not in FUSIONS:
        raise ValueError(f"fusion {fusion!r}, expected one of {FUSIONS}")
    return 1 + FUSIONS.index(fusion)


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
