"""The Siamese network: two twins that share their weights (Section IV-E, Fig. 9).

Ours, where the paper is silent or contradicts itself:
- The distance is the root of the mean, not of the sum, of squared differences, so that
  one margin suits 128 numbers and a map of any size.
- The CNN base is the U-Net's encoder, its channels' average and maximum over the image,
  and a dense layer of 128 units (Section V-C; Section IV-F says 8), without an
  activation.
- The U-Net base has half the width and one level fewer than the segmentation U-Net
  ("a modified U-Net architecture to accommodate the memory constraints", IV-F).
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from chexnomaly.models.unet import Encoder, UNet


class CNNBase(Encoder):
    """A U-Net's encoder that ends in a code, without position.

    Args:
        units: Numbers in the code; 128 in Section V-C.
        shape: Further arguments of `Encoder`.
    """

    def __init__(self, units: int = 128, **shape):
        super().__init__(**shape)
        self.dense = nn.Linear(2 * self.widths[-1], units)

    def forward(self, image: Tensor) -> Tensor:
        """Encode images.

        Args:
            image: (B, 1, H, W), values in [0, 1].

        Returns:
            Codes, (B, units), unbounded.
        """
        lowest = self.encode(image)[-1]
        pooled = [lowest.mean(dim=(2, 3)), lowest.amax(dim=(2, 3))]
        return self.dense(torch.cat(pooled, dim=1))


class UNetBase(UNet):
    """A smaller U-Net whose output is a feature map of the image's size.

    Args:
        base_channels: Width of the segmentation U-Net; here it is halved.
        depth: Levels of the segmentation U-Net; here there is one fewer.
        block: Further arguments of `UNet`.
    """

    def __init__(self, base_channels: int = 64, depth: int = 5, **block):
        narrow, shallow = max(1, base_channels // 2), max(1, depth - 1)
        super().__init__(base_channels=narrow, depth=shallow, **block)


class SiameseNetwork(nn.Module):
    """Tell whether two films are similar: whether both are abnormal.

    Args:
        base: The twin, applied to both images with the same weights.
        features: Numbers that the base gives for one image.
        distance: Between the outputs, `rms_distance` or `euclidean_distance`.

    References:
        Paper, Section IV-E and Fig. 9. Hadsell, Chopra and LeCun, 2006.
    """

    def __init__(
        self,
        base: nn.Module,
        features: int,
        distance: Callable[[Tensor, Tensor], Tensor] | None = None,
    ):
        super().__init__()
        self.distance = distance or rms_distance
        self.base = base
        self.head = nn.Linear(2 * features, 1)

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Compare pairs of images.

        Args:
            first: (B, 1, H, W), values in [0, 1].
            second: The same shape.

        Returns:
            Logits of "similar" from the head on both outputs, (B,), and the distance
            between the outputs, (B,), above 0.

        Raises:
            ValueError: The base gives another number of features than announced.
        """
        features = self.base(torch.cat([first, second])).flatten(1)  # (2 B, n)
        if 2 * features.shape[1] != self.head.in_features:
            raise ValueError(
                f"expected {self.head.in_features // 2} features of an image, "
                f"got {features.shape[1]}"
            )
        return self.compare(*features.chunk(2))

    def compare(self, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        """Compare features of images, (B, n) each; returns what `forward` does."""
        logits = self.head(torch.cat([one, other], dim=1)).squeeze(1)
        return logits, self.distance(one, other)


class FilmClassifier(nn.Module):
    """Tell whether one film is abnormal: a twin's base under a head for one film.

    Args:
        base: As in `SiameseNetwork`, like `features`.
        features: Numbers that the base gives for one image.
    """

    def __init__(self, base: nn.Module, features: int):
        super().__init__()
        self.base = base
        self.head = nn.Linear(features, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Score films; (B, 1, H, W) in [0, 1] to logits of "abnormal", (B,)."""
        return self.head(self.base(image).flatten(1)).squeeze(1)


def rms_distance(first: Tensor, second: Tensor, epsilon: float = 1e-8) -> Tensor:
    r"""Distance between feature vectors, independent of their length.

    .. math:: D = \sqrt{\tfrac1n \sum_i (x_{1i} - x_{2i})^2 + \epsilon}

    Args:
        first: Features, (B, n).
        second: The same shape.
        epsilon: Keeps the gradient finite where both are equal.

    Returns:
        (B,), at least the root of epsilon.
    """
    return ((first - second).square().mean(dim=1) + epsilon).sqrt()


def euclidean_distance(first: Tensor, second: Tensor, epsilon: float = 1e-8) -> Tensor:
    """Distance as the paper prints it, which grows with the number of features.

    Args:
        first: Features, (B, n).
        second: The same shape.
        epsilon: Keeps the gradient finite where both are equal.

    Returns:
        (B,), the root of n times `rms_distance`.
    """
    return ((first - second).square().sum(dim=1) + epsilon).sqrt()
