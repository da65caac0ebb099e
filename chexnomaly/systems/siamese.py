"""Recipes of the Siamese networks (Section IV-E, Table IV)."""

from functools import partial
from pathlib import Path

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.losses import contrastive_loss
from chexnomaly.models.siamese import (
    CNNBase,
    SiameseNetwork,
    UNetBase,
    euclidean_distance,
    rms_distance,
)
from chexnomaly.systems.recipe import Options, Trained, fit, key, loaded
from chexnomaly.training.augmentation import augment

KINDS = ("cnn", "unet")
"""The two bases of Tables IV and V."""

UNITS = 128
"""Numbers in the CNN base's code (Section V-C)."""


def siamese_network(
    kind: str,
    options: Options,
    size: int,
    units: int = UNITS,
    euclidean: bool = False,
) -> nn.Module:
    """Build a Siamese network.

    Args:
        kind: "cnn" for a code of 128 numbers, "unet" for a map.
        options: Sizes of the segmentation U-Net that the base follows.
        size: Side of the images, px; sizes the head of the U-Net kind.
        units: Numbers in the code of the CNN kind.
        euclidean: Distance as printed, or divided by the root of its numbers.

    Returns:
        The network.

    Raises:
        ValueError: The kind is unknown.
    """
    distance = euclidean_distance if euclidean else rms_distance
    if kind == "cnn":
        return SiameseNetwork(CNNBase(units, **options.network), units, distance)
    if kind == "unet":
        return SiameseNetwork(UNetBase(**options.network), size**2, distance)
    raise ValueError(f"kind {kind!r}, expected one of {KINDS}")


def siamese_loss(
    prediction: tuple[Tensor, Tensor],
    similar: Tensor,
    margin: float = 1.0,
    contrastive: float = 1.0,
    cross_entropy: float = 1.0,
    on_head: bool = False,
) -> Tensor:
    """Contrastive loss on the distance plus cross-entropy on the head.

    Args:
        prediction: Logits and distances, (B,) each.
        similar: 1 for a similar pair, 0 for a dissimilar one, (B,).
        margin: As in `losses.contrastive_loss`.
        contrastive: Weight of the first term; 0 leaves it out.
        cross_entropy: Weight of the second.
        on_head: Take the sigmoid of the head, the chance of "dissimilar", for the
            distance in the first term.

    Returns:
        Mean over the pairs, >= 0, a scalar.

    References:
        Paper, Section IV-E, gives the first term as the loss and a sigmoid as the
        output; Table IV scores the sigmoid.
    """
    logits, distance = prediction
    if on_head:
        distance = torch.sigmoid(-logits)
    apart = contrastive_loss(distance, similar, margin)
    head = F.binary_cross_entropy_with_logits(logits, similar)
    return contrastive * apart + cross_entropy * head


def augment_pairs(batch: list[Tensor], generator: torch.Generator) -> list[Tensor]:
    """Move and brighten each image of each pair on its own.

    Args:
        batch: Two images in [0, 1], (B, 1, H, W) each, and whether they are similar.
        generator: The only source of randomness, on the CPU.

    Returns:
        The same shapes; the last tensor unchanged.
    """
    *images, similar = batch
    moved = [augment([image, image], generator)[0] for image in images]
    return [*moved, similar]


def train_siamese(
    kind: str,
    data: PreparedSet,
    run_dir: Path,
    options: Options,
    *,
    scheme: str = "balanced",
    pairs_per_scan: float = 2.0,
    margin: float = 1.0,
    contrastive: float = 1.0,
    cross_entropy: float = 1.0,
    units: int = UNITS,
    euclidean: bool = False,
    on_head: bool = False,
) -> Trained:
    """Train a Siamese network on pairs of training scans (Section IV-E).

    Args:
        kind: "cnn" or "unet".
        data: Training and validation parts; the test part is never opened.
        run_dir: Folder of the run; a finished or interrupted run is taken up.
        options: Sizes and schedule; an epoch passes over all pairs once.
        scheme: Which pairs; see `pairs.SCHEMES`.
        pairs_per_scan: Pairs for each scan of a part.
        margin: See `siamese_loss`, like the two weights.
        contrastive: Weight of the contrastive loss; 0 is the arm "bce_only".
        cross_entropy: Weight of the head's loss; 0 is the arm "contrastive_only".
        units: Numbers in the code of the CNN kind.
        euclidean: See `siamese_network`.
        on_head: See `siamese_loss`.

    Returns:
        The trained system; its model's `base` is the twin to build on.

    Raises:
        ValueError: Unknown kind or scheme, or too few scans of one kind.
    """
    weights = {"contrastive": contrastive, "cross_entropy": cross_entropy}
    arms = {
        "contrastive_only": cross_entropy == 0 and not on_head,
        "bce_only": contrastive == 0,
        f"{scheme}_pairs": scheme != "balanced",
        f"{units}_units": units != UNITS,
        "euclidean": euclidean,
        "on_head": on_head,
    }
    scans = [data.part(part) for part in ("train", "val")]
    train_pairs, val_pairs = (
        PairsSet(part, max(1, round(pairs_per_scan * len(part))), scheme)
        for part in scans
    )
    return fit(
        key(f"siamese_{kind}", **arms),
        partial(siamese_network, kind, options, data.store.size, units, euclidean),
        partial(siamese_loss, margin=margin, on_head=on_head, **weights),
        (train_pairs, val_pairs),
        data,
        run_dir,
        options,
        augment=augment_pairs,
        depends_on=[repr((pairs_per_scan, margin, weights))],
    )


def load_siamese(
    kind: str,
    run_dir: Path,
    options: Options,
    size: int,
    units: int = UNITS,
    euclidean: bool = False,
) -> nn.Module:
    """Load a trained Siamese network.

    Raises:
        CheckpointError: The checkpoint is missing, corrupted or of other options.
    """
    return loaded(siamese_network(kind, options, size, units, euclidean), run_dir)


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
