"""Parts of the U-Net: two convolutions, one step down, one step up, one gate.

The paper (Section IV-F) gives 3x3 filters, max-pooling, transposed convolutions and
concatenation; depth, widths and normalization are not stated.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvBlock(nn.Sequential):
    """3x3 convolutions, each followed by a ReLU; the size stays.

    Args:
        in_channels: Channels that enter.
        out_channels: Channels that leave.
        convolutions: How many 3x3 convolutions; 2 in the paper's profile.
        batch_norm: Normalize before each ReLU; the convolution then has no bias.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        convolutions: int = 2,
        batch_norm: bool = False,
    ):
        layers: list[nn.Module] = []
        for a, b in pairwise([in_channels] + [out_channels] * convolutions):
            layers.append(nn.Conv2d(a, b, 3, padding=1, bias=not batch_norm))
            if batch_norm:
                layers.append(nn.BatchNorm2d(out_channels))
            layers.append(nn.ReLU(inplace=True))
        super().__init__(*layers)


class Down(nn.Sequential):
    """Halve the size (rounding up), then convolve to more channels."""

    def __init__(self, in_channels: int, out_channels: int, **block):
        super().__init__(
            nn.MaxPool2d(2, ceil_mode=True),
            ConvBlock(in_channels, out_channels, **block),
        )


class Up(nn.Module):
    """Double the size by a 3x3 transposed convolution, join the skip, convolve.

    Args:
        in_channels: Channels from below.
        out_channels: Channels of the skip and of the result.
        block: Further arguments of `ConvBlock`.
    """

    def __init__(self, in_channels: int, out_channels: int, **block):
        super().__init__()
        self.up = nn.ConvTranspose2d(in_channels, out_channels, 3, stride=2, padding=1)
        self.block = ConvBlock(2 * out_channels, out_channels, **block)

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        """Join what comes from below with the skip.

        Args:
            below: (B, in_channels, ceil(H / 2), ceil(W / 2)).
            skip: (B, out_channels, H, W).

        Returns:
            (B, out_channels, H, W).
        """
        raised = self.up(below, output_size=skip.shape[-2:])
        return self.block(torch.cat([skip, raised], dim=1))


class AttentionGate(nn.Module):
    """Additive attention gate on a skip, in the letters of Oktay et al. (2018).

    alpha = sigmoid(psi(relu(W_x x + W_g g))), and the skip x is scaled by alpha.

    Args:
        skip_channels: Channels of the skip x.
        gating_channels: Channels of the gating signal g, one level below.
    """

    def __init__(self, skip_channels: int, gating_channels: int):
        super().__init__()
        inner = max(1, skip_channels // 2)  # channels of the sum
        self.W_x = nn.Conv2d(skip_channels, inner, 1, bias=False)
        self.W_g = nn.Conv2d(gating_channels, inner, 1)
        self.psi = nn.Conv2d(inner, 1, 1)

    def attention(self, skip: Tensor, gating: Tensor) -> Tensor:
        """Compute the gate's map alone.

        Args:
            skip: (B, skip_channels, H, W).
            gating: (B, gating_channels, h, w), the coarser level.

        Returns:
            Coefficients in (0, 1), (B, 1, H, W).
        """
        coarse = F.interpolate(self.W_g(gating), size=skip.shape[-2:], mode="bilinear")
        return torch.sigmoid(self.psi(F.relu(self.W_x(skip) + coarse)))

    def forward(self, skip: Tensor, gating: Tensor) -> Tensor:
        """Scale the skip by its gate; shape of the skip."""
        return skip * self.attention(skip, gating)
