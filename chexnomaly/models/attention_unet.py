"""The attention supermodel's network (Sections IV-D and IV-F).

The introduction says "Attention U-net", Section IV-D "transformer-based", Section IV-F
"at each skip connection". Read here as additive gates on every skip.
"""

from itertools import pairwise

from torch import Tensor, nn

from chexnomaly.models.blocks import AttentionGate
from chexnomaly.models.unet import UNet


class AttentionUNet(UNet):
    """A U-Net whose skips pass through additive attention gates.

    Args:
        shape: The arguments of `UNet`; of `depth` levels all but the last have a gate.

    References:
        Paper, Section IV-F. Oktay et al., Attention U-Net, 2018.
    """

    def __init__(self, *args, **shape):
        super().__init__(*args, **shape)
        pairs = pairwise(self.widths)
        self.gates = nn.ModuleList(AttentionGate(a, b) for a, b in pairs)

    def gate(self, skip: Tensor, below: Tensor, level: int) -> Tensor:
        """Scale the skip of a level by its gate; same shape."""
        return self.gates[level](skip, below)
