"""The U-Net that every system of the paper is built from (Section IV-F, Fig. 10).

Ours, where the paper is silent: widths double from `base_channels`, five levels (64
to 1024), two 3x3 convolutions per level, no batch normalization, transposed 3x3
convolutions of stride 2, logits from a 1x1 convolution. Smaller profiles change the
arguments and say so.
"""

from itertools import pairwise

from torch import Tensor, nn

from chexnomaly.models.blocks import ConvBlock, Down, Up


class Encoder(nn.Module):
    """The contracting half: a block of convolutions per level.

    Args:
        in_channels: Channels of the image; 1 for a radiograph.
        base_channels: Width of the first level; each level doubles it.
        depth: Number of levels; the image is halved `depth - 1` times.
        block: Further arguments of `ConvBlock`: convolutions, batch_norm.
    """

    def __init__(
        self, in_channels: int = 1, base_channels: int = 64, depth: int = 5, **block
    ):
        super().__init__()
        self.widths = [base_channels * 2**level for level in range(depth)]
        self.stem = ConvBlock(in_channels, base_channels, **block)
        pairs = pairwise(self.widths)
        self.downs = nn.ModuleList(Down(a, b, **block) for a, b in pairs)

    def encode(self, image: Tensor) -> list[Tensor]:
        """Run the encoder; level k is (B, base * 2^k, H / 2^k, W / 2^k), rounded up."""
        levels = [self.stem(image)]
        for down in self.downs:
            levels.append(down(levels[-1]))
        return levels


class UNet(Encoder):
    """Encoder, decoder, and a skip at every level.

    Args:
        in_channels: As in `Encoder`, like `base_channels`, `depth` and `block`.
        out_channels: Channels of the logits.

    References:
        Paper, Section IV-F. Ronneberger, Fischer and Brox, U-Net, 2015.
    """

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        base_channels: int = 64,
        depth: int = 5,
        **block,
    ):
        super().__init__(in_channels, base_channels, depth, **block)
        pairs = pairwise(self.widths)
        self.ups = nn.ModuleList(Up(b, a, **block) for a, b in pairs)
        self.head = nn.Conv2d(base_channels, out_channels, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Score every pixel.

        Args:
            image: (B, in_channels, H, W), values in [0, 1]; any H and W.

        Returns:
            Logits, (B, out_channels, H, W).
        """
        *skips, x = self.encode(image)
        for level in reversed(range(len(skips))):
            x = self.ups[level](x, self.gate(skips[level], x, level))
        return self.head(x)

    def gate(self, skip: Tensor, below: Tensor, level: int) -> Tensor:
        """Pass the skip of a level on unchanged; `AttentionUNet` gates it."""
        return skip
