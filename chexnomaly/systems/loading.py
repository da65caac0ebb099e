"""Trained systems, read from their runs."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from chexnomaly.models.ensembles import MaxEnsemble, ModelEnsemble
from chexnomaly.systems.networks import build_network
from chexnomaly.systems.options import Options
from chexnomaly.systems.recipes import find_recipe
from chexnomaly.training.checkpoints import load_network


def load_system(key: str, runs: Path) -> nn.Module:
    """Load a trained system; its options and sizes are read from its run.

    Args:
        key: One of `RECIPES`.
        runs: Folder of all runs.

    Returns:
        The network, ready for prediction.

    Raises:
        ValueError: The key is unknown.
        CheckpointError: A checkpoint is missing, corrupted or of another program.
    """
    recipe = find_recipe(key)
    specialists = [load_system(one, runs) for one in recipe.specialists]
    if not recipe.trains:
        return MaxEnsemble(specialists).eval()
    network = load_network(
        runs / key,
        lambda header: build_network(
            recipe, Options.from_parameters(**header["options"]), header["size"]
        ),
    )
    return (ModelEnsemble(specialists, network) if specialists else network).eval()


def join_specialists(keys: Sequence[str], runs: Path) -> ModelEnsemble:
    """Load specialized models to predict together, on the GPU where there is one.

    Args:
        keys: Their keys, in the order of the channels.
        runs: Folder of all runs.

    Returns:
        Them without anything that joins their masks.

    Raises:
        CheckpointError: A run is missing or corrupted.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    models = [load_system(key, runs) for key in keys]
    joined = ModelEnsemble(models, nn.Identity())
    return joined.to(device, memory_format=torch.channels_last)


def predict_masks(ensemble: ModelEnsemble, image: Tensor) -> Tensor:
    """Predict each specialized model's mask, (B, 1, S, S) to (B, models, S, S)."""
    device = next(ensemble.parameters()).device
    return ensemble.stack(image.to(device, memory_format=torch.channels_last))
