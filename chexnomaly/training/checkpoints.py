"""What a run leaves on disk: its state while it trains, its weights when it ends."""

import warnings
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from chexnomaly.errors import CheckpointError
from chexnomaly.tensor_files import read_tensors, write_tensors
from chexnomaly.training.schedule import History

WEIGHTS_FILE = "model.safetensors"
STATE_FILE = "checkpoint.safetensors"


def save_state(
    run_dir: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    history: History,
    header: dict,
) -> None:
    """Keep the best model, then what resumes it; a kill between costs nothing."""
    weights = model.state_dict()
    meta = {"history": asdict(history), **header}
    if history.best_epoch == history.epoch:
        write_tensors(run_dir / WEIGHTS_FILE, weights, meta)
    state = {f"model.{name}": tensor for name, tensor in weights.items()}
    for index, values in optimizer.state_dict()["state"].items():
        state |= {f"adam.{index}.{name}": tensor for name, tensor in values.items()}
    write_tensors(run_dir / STATE_FILE, state, meta)


def resume(
    run_dir: Path, model: nn.Module, optimizer: torch.optim.Optimizer, header: dict
) -> History:
    """Load the last epoch of this very run, or begin with an empty history."""
    path = run_dir / STATE_FILE
    if not path.exists():
        return History()
    try:
        tensors, meta = read_tensors(path)
        read_tensors(run_dir / WEIGHTS_FILE)
    except CheckpointError as error:
        warnings.warn(f"training starts anew: {error}", stacklevel=3)
        return History()
    if {name: meta.get(name) for name in header} != header:
        return History()
    _load_weights(model, _part(tensors, "model."), path)
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _part(tensors, "adam.").items():
        index, quantity = name.split(".")
        state.setdefault(int(index), {})[quantity] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    return History(**meta["history"])


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    start = len(prefix)
    return {n[start:]: t for n, t in tensors.items() if n.startswith(prefix)}


def read_header(run_dir: Path) -> dict:
    """Read what a finished or interrupted run says of itself.

    Args:
        run_dir: Folder of the run.

    Returns:
        The header of its best weights: "history" and "schedule", and what the training
        was told to keep there.

    Raises:
        CheckpointError: Missing or corrupted.
    """
    return read_tensors(run_dir / WEIGHTS_FILE)[1]


def load_model(run_dir: Path, model: nn.Module, part: str = "") -> None:
    """Load the best weights of a run.

    Args:
        run_dir: Folder of the run.
        model: A model of the run's architecture; changed in place.
        part: Where the model is only a part of the run's, that part's name and a
            point, such as "base.".

    Raises:
        CheckpointError: Missing, corrupted, or of another architecture.
    """
    path = run_dir / WEIGHTS_FILE
    _load_weights(model, _part(read_tensors(path)[0], part), path)


def _load_weights(model: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            "weights of another architecture",
            file=path,
            expected="this model's names and shapes",
        ) from error
