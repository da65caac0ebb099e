"""The attention supermodel's network (Sections IV-D and IV-F).

The introduction says "Attention U-net", Section IV-D "transformer-based", Section IV-F
"at each skip connection". Read here as additive gates on every skip.
"""

from torch import Tensor, nn

from chexnomaly.models.blocks import AttentionGate
from chexnomaly.models.unet import UNet


class AttentionUNet(UNet):
    """A U-Net whose skips pass through additive attention gates.

    Args:
        in_channels: Channels of the image.
        out_channels: Channels of the logits.
        base_channels: Width of the first level.
        depth: Number of levels; there are `depth - 1` gates.
        block: Further arguments of `UNet`.

    References:
        Paper, Section IV-F. Oktay et al., Attention U-Net, 2018.
    """

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 1,
        base_channels: int = 64,
        depth: int = 5,
        **block,
    ):
        super().__init__(in_channels, out_channels, base_channels, depth, **block)
        widths = [base_channels * 2**level for level in range(depth)]
        self.gates = nn.ModuleList(
            AttentionGate(widths[k], widths[k + 1]) for k in range(depth - 1)
        )

    def gate(self, skip: Tensor, below: Tensor, level: int) -> Tensor:
        """Scale the skip of a level by its gate; same shape."""
        return self.gates[level](skip, below)
