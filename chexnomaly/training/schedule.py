"""How long and how fast to train, and what a run remembers of its epochs."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

Loss = Callable[[Tensor, Tensor], Tensor]


Batch = list[Tensor]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
        epochs: Most passes over the training set.
        batch_size: Images per step.
        learning_rate: Adam's rate; the peak where `one_cycle` is on.
        one_cycle: Rise to the rate and fall again over all epochs, instead of a
            constant rate.
        patience: Stop after this many epochs without a better validation loss.
        seed: Orders the images and draws the augmentation.
        precision: Fabric's precision, such as "32-true" or "bf16-mixed".
        workers: Processes that read images; the result does not depend on it.
        compiled: Compile the network first, which takes about a minute and pays over
            hours.
    """

    epochs: int = 100
    batch_size: int = 8
    learning_rate: float = 1e-4
    one_cycle: bool = False
    patience: int = 10
    seed: int = 0
    precision: str = "32-true"
    workers: int = 0
    compiled: bool = False


@dataclass
class History:
    """What a run has reached; one entry per finished epoch in each list.

    Attributes:
        train_loss: Mean training loss.
        val_loss: Mean validation loss.
    """

    train_loss: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """Epochs finished."""
        return len(self.val_loss)

    @property
    def best_epoch(self) -> int:
        """Epoch, counted from 1, with the lowest validation loss; 0 before any."""
        return 1 + self.val_loss.index(min(self.val_loss)) if self.val_loss else 0

    def finished(self, schedule: Schedule) -> bool:
        """Tell whether all epochs ran or the validation loss has plateaued."""
        waited = self.epoch - self.best_epoch
        return self.epoch >= schedule.epochs or waited >= schedule.patience


def adam(
    model: nn.Module, schedule: Schedule, device: torch.device
) -> torch.optim.Adam:
    """Make the optimizer; one kernel for all weights on a GPU."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    on_gpu = device.type == "cuda"
    # Batches have one size: the fastest convolutions may be looked for once, but
    # which these are may differ from run to run.
    fixed = torch.are_deterministic_algorithms_enabled()
    torch.backends.cudnn.benchmark = on_gpu and not fixed
    how = {"fused": on_gpu, "foreach": not on_gpu}  # the fastest of each
    return torch.optim.Adam(parameters, lr=schedule.learning_rate, **how)


def seeded_model(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Build a model whose initial weights depend on the seed alone.

    Args:
        build: Makes the model.
        seed: Seed of its random initial weights.

    Returns:
        The model; the global random state is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def epoch_generator(seed: int, epoch: int) -> torch.Generator:
    """Make the random source of one epoch; a resumed run makes the same."""
    return torch.Generator().manual_seed(seed * 1_000_003 + epoch)


def set_rate(
    optimizer: torch.optim.Optimizer, schedule: Schedule, epoch: float
) -> None:
    """Set the optimizer's rate to the schedule's at a point of the training."""
    rate = schedule.learning_rate
    if schedule.one_cycle:
        rate *= one_cycle(epoch / schedule.epochs)
    for group in optimizer.param_groups:
        group["lr"] = rate


def one_cycle(done: float, warm_up: float = 0.3, low: float = 0.04) -> float:
    """Share of the peak rate after a share of the training (Smith, 2018).

    Args:
        done: Share of all steps, in [0, 1].
        warm_up: Share of the steps that rise.
        low: Share of the peak to start from; the end is 0.

    Returns:
        A factor in [0, 1]: half a cosine up, half a cosine down.
    """
    if done < warm_up:
        return low + (1 - low) * (1 - math.cos(math.pi * done / warm_up)) / 2
    return (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up))) / 2
