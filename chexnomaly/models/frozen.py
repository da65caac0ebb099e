"""A trained network that takes part in another without ever changing (Section IV-E)."""

import torch
from torch import Tensor, nn


class Frozen(nn.Module):
    """Keep a network as it is: no gradient, always in evaluation mode.

    Evaluation mode matters as much as the missing gradient: batch normalization would
    otherwise go on averaging over the new data.

    Args:
        module: The trained network; its parameters lose `requires_grad`.
    """

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module.requires_grad_(False)
        self.train(False)

    def train(self, mode: bool = True) -> "Frozen":
        """Stay in evaluation mode, whatever is asked for."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, *inputs: Tensor) -> Tensor:
        """Run the network; nothing is recorded for a gradient."""
        return self.module(*inputs)


def freeze_encoder(base: nn.Module) -> nn.Module:
    """Freeze a twin's contracting half alone; the rest goes on learning.

    Another reading of "freeze the left-side layers": the left side of the U.

    Args:
        base: With a `stem` and `downs`, as every base has; changed in place.

    Returns:
        The base.
    """
    base.stem = Frozen(base.stem)
    base.downs = nn.ModuleList(Frozen(down) for down in base.downs)
    return base
