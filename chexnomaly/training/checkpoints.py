"""What a run leaves on disk: its state while it trains, its weights when it ends."""

import warnings
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from chexnomaly.errors import CheckpointError
from chexnomaly.tensor_files import read_tensors, write_tensors
from chexnomaly.training.schedule import History


def save_state(
    run_dir: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    history: History,
    key: dict,
) -> None:
    """Keep the best model, then what resumes it; a kill between costs nothing."""
    weights = model.state_dict()
    meta = {"history": asdict(history), **key}
    if history.best_epoch == history.epoch:
        write_tensors(run_dir / "model.safetensors", weights, meta)
    state = {f"model.{name}": tensor for name, tensor in weights.items()}
    for index, values in optimizer.state_dict()["state"].items():
        state |= {f"adam.{index}.{name}": tensor for name, tensor in values.items()}
    write_tensors(run_dir / "checkpoint.safetensors", state, meta)


def resume(
    run_dir: Path, model: nn.Module, optimizer: torch.optim.Optimizer, key: dict
) -> History:
    """Load the last epoch of this very run, or begin with an empty history."""
    path = run_dir / "checkpoint.safetensors"
    if not path.exists():
        return History()
    try:
        tensors, meta = read_tensors(path)
        read_tensors(run_dir / "model.safetensors")
    except CheckpointError as error:
        warnings.warn(f"training starts anew: {error}", stacklevel=3)
        return History()
    if {name: meta.get(name) for name in key} != key:
        return History()
    weights = {
        n.removeprefix("model."): t for n, t in tensors.items() if n[:5] == "model"
    }
    _load_weights(model, weights, path)
    _load_adam(optimizer, {n: t for n, t in tensors.items() if n.startswith("adam.")})
    return History(**meta["history"])


def _load_adam(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        _, index, quantity = name.split(".")
        state.setdefault(int(index), {})[quantity] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def load_model(run_dir: Path, model: nn.Module) -> dict:
    """Load the best weights of a run.

    Args:
        run_dir: Folder of the run.
        model: A model of the run's architecture; changed in place.

    Returns:
        The checkpoint's header: history, schedule, fingerprint.

    Raises:
        CheckpointError: Missing, corrupted, or of another architecture.
    """
    path = run_dir / "model.safetensors"
    tensors, meta = read_tensors(path)
    _load_weights(model, tensors, path)
    return meta


def _load_weights(model: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            "weights of another architecture",
            file=path,
            expected="this model's names and shapes",
        ) from error
