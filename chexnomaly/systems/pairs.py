"""What a Siamese network says of pairs."""

import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader

from chexnomaly.datasets.pairs import PairsSet


@torch.no_grad()
def score_pairs(
    model: nn.Module, pairs: PairsSet, batch_size: int = 16
) -> pd.DataFrame:
    """Run a Siamese network over pairs.

    Args:
        model: A Siamese network.
        pairs: The pairs.
        batch_size: Pairs per batch.

    Returns:
        One row per pair, in order: "first" and "second" (image ids), "similar" (0 or
        1), "prob" (of similar, in [0, 1]) and "distance".
    """
    model.eval()
    device = next(model.parameters()).device
    table = pd.DataFrame(pairs.ids, columns=["first", "second"])
    parts = []
    for first, second, similar in DataLoader(pairs, batch_size=batch_size):
        logits, distance = model(first.to(device), second.to(device))
        scores = (torch.sigmoid(logits).float().cpu(), distance.float().cpu())
        parts.append(torch.stack([similar, *scores], dim=1))
    table[["similar", "prob", "distance"]] = torch.cat(parts).double().numpy()
    return table.astype({"similar": int})
