"""Where training runs: processor, GPU or several processes."""

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from chexnomaly.training.schedule import Batch, Schedule

if TYPE_CHECKING:
    from lightning_fabric import Fabric

DETERMINISTIC = "CHEXNOMALY_DETERMINISTIC"
"""Environment variable; "1" makes a GPU use only what gives the same bits each time."""


def follow_switch() -> None:
    """Let this process use deterministic algorithms alone, where that is asked for."""
    if os.environ.get(DETERMINISTIC) == "1":
        # Read when the first matrix is multiplied; without it cuBLAS may differ.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)


def launch_fabric(schedule: Schedule) -> "Fabric":
    """Set up one device, or the processes that torchrun started."""
    from lightning_fabric import Fabric  # two seconds that only training needs

    world = int(os.environ.get("WORLD_SIZE", "1"))
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    fabric = Fabric(
        accelerator="auto",
        devices=here,
        num_nodes=world // here,
        strategy="ddp" if world > 1 else "auto",
        precision=schedule.precision,
    )
    fabric.launch()
    return fabric


def sum_over_processes(total: Tensor) -> Tensor:
    """Sum over the processes, where there are several."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.all_reduce(total)
    return total


def moved_ahead(loader: Iterable[Batch], device: torch.device) -> Iterator[Batch]:
    """Move batches to a device, each while the one before it is computed on.

    Args:
        loader: Batches on the CPU, pinned where the device is a GPU.
        device: Where they go.

    Yields:
        The batches on the device, images with their channels last. One more than the
        one in use is in memory.
    """
    streams = torch.get_device_module(device)
    side, ready = streams.Stream(), None
    for batch in loader:
        # The memory of the batch before the one in use is free again after this.
        side.wait_stream(streams.current_stream())
        with streams.stream(side):
            moved = [_to_device(tensor, device) for tensor in batch]
        if ready is not None:
            yield ready
        streams.current_stream().wait_stream(side)
        ready = moved
    if ready is not None:
        yield ready


def _to_device(tensor: Tensor, device: torch.device) -> Tensor:
    layout = torch.channels_last if tensor.ndim == 4 else torch.preserve_format
    return tensor.to(device, non_blocking=True, memory_format=layout)
