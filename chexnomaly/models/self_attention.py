"""Self-attention at the bottom of the U-Net, another reading of Section IV-D.

"Transformer-based attention blocks" may mean a transformer's block. At every skip it
would have to relate 262,144 pixels of a 512-px image with each other; at the bottleneck
it relates a thousand.
"""

from torch import Tensor, nn

from chexnomaly.models.unet import UNet

HEADS = 4
"""Attention heads; Section IV-D gives no number."""


class SelfAttention(nn.Module):
    """A transformer's attention block over the positions of a map, with its residual.

    It has no encoding of positions. The convolutions before it pad the map's borders
    with zeros, which gives positions away.

    Args:
        channels: Channels of the map, a multiple of `HEADS`.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.attention = nn.MultiheadAttention(channels, HEADS, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """Let every position look at every other; (B, C, H, W) to the same shape."""
        tokens = self.norm(x.flatten(2).transpose(1, 2))  # (B, H W, C)
        seen, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        return x + seen.transpose(1, 2).reshape(x.shape)


class BottleneckAttentionUNet(UNet):
    """A U-Net with self-attention at its lowest level.

    Args:
        shape: The arguments of `UNet`; `base_channels` is a multiple of `HEADS`.

    References:
        Paper, Section IV-D. Vaswani et al., Attention Is All You Need, 2017.
    """

    def __init__(self, *args, **shape):
        super().__init__(*args, **shape)
        self.attention = SelfAttention(self.widths[-1])

    def encode(self, image: Tensor) -> list[Tensor]:
        """Run the encoder, then attend at its last level; shapes of `UNet.encode`."""
        *levels, lowest = super().encode(image)
        return [*levels, self.attention(lowest)]
