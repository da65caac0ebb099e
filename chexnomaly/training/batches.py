"""The batches of a training: shuffled, and shared by the processes."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch.utils.data import DataLoader, Dataset

from chexnomaly.training.devices import moved_ahead
from chexnomaly.training.schedule import Batch, Schedule

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class TrainingBatches:
    """One process's share of the training batches, in another order each epoch.

    Args:
        dataset: The training set. One whose `fresh` is true is asked for items that
            are numbered on from epoch to epoch.
        schedule: Gives the images of a step, over all processes.
        fabric: Knows device and processes.
    """

    def __init__(self, dataset: Dataset, schedule: Schedule, fabric: "Fabric"):
        self.n = len(dataset)
        self.step_on = self.n * getattr(dataset, "fresh", False)
        self.schedule = schedule
        self.fabric = fabric
        self._order: list[int] = []  # each epoch fills in its own
        self._loader = make_loader(dataset, schedule, self._order, fabric.world_size)

    def shuffled(self, generator: torch.Generator, epoch: int = 0) -> Iterator[Batch]:
        """Draw an order and yield the batches of an epoch, on the device."""
        whole = torch.randperm(self.n, generator=generator) + self.step_on * epoch
        rank, world = self.fabric.global_rank, self.fabric.world_size
        self._order[:] = share_of(whole.tolist(), self.schedule.batch_size, rank, world)
        yield from moved_ahead(self._loader, self.fabric.device)

    def progress(self, step: int) -> float:
        """Tell what share of an epoch lies before a step, in [0, 1)."""
        return step / len(self._loader)

    def weight(self, step: int, n_here: int) -> float:
        """Weigh a process's mean loss so that gradients average over the images.

        Gradients are averaged over the processes; the last batch may be smaller.

        Args:
            step: Which step of the epoch.
            n_here: Images of it in this process.
        """
        whole = min(self.schedule.batch_size, self.n - step * self.schedule.batch_size)
        return n_here * self.fabric.world_size / whole


def check_shares(n_train: int, n_val: int, batch_size: int, world: int) -> None:
    """Refuse sizes that would leave a process without an image in some step."""
    last = n_train % batch_size
    if batch_size % world or 0 < last < world or n_val < world:
        raise ValueError(
            f"expected batches that {world} processes can share, the last one too, got "
            f"batches of {batch_size} of {n_train} images, and {n_val} to validate on"
        )


def share_of(order: Sequence[int], batch_size: int, rank: int, world: int) -> list[int]:
    """Deal out an epoch's order, batch by batch.

    Args:
        order: Positions of the training images, in the order of the epoch.
        batch_size: Images of one step, over all processes.
        rank: Which process.
        world: How many processes.

    Returns:
        What this process sees: of each batch every `world`-th image.
    """
    return [i for k, i in enumerate(order) if k % batch_size % world == rank]


def make_loader(
    dataset: Dataset, schedule: Schedule, order: Sequence[int], world: int
) -> DataLoader:
    """One process's share of the batches, in an order that may change later."""
    return DataLoader(
        dataset,
        batch_size=schedule.batch_size // world,
        sampler=order,
        num_workers=schedule.workers,
        persistent_workers=schedule.workers > 0,
        pin_memory=torch.cuda.is_available(),
    )
