"""The training loop, in plain sight (Section IV-F: until validation loss plateaus).

Lightning Fabric brings device and precision; the loop is ours. One safetensors file
holds everything that a resumed run needs, so that a run killed at any moment and
started again ends with the same weights, bit for bit on one machine's processors; a
GPU adds in an order of its own, unless `DETERMINISTIC` is set. Within an epoch the
host waits for a GPU only where the box transform asks how many runs there are.
"""

import math
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from chexnomaly.checkpoints import read_tensors, write_tensors
from chexnomaly.errors import CheckpointError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

DETERMINISTIC = "CHEXNOMALY_DETERMINISTIC"
"""Environment variable; "1" makes a GPU use only what gives the same bits each time."""

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


def train(
    model: nn.Module,
    loss: Loss,
    train_set: Dataset,
    val_set: Dataset,
    run_dir: Path,
    schedule: Schedule,
    augment: Callable[[Batch, torch.Generator], Batch] | None = None,
    fingerprint: str = "",
) -> History:
    """Train a model, or go on where an interrupted run stopped.

    Processes that torchrun started share each batch. The loss curve stays the same to
    rounding, without augmentation, which each process draws for its own images, and
    batch normalization, which keeps to them.

    Args:
        model: Called with all tensors of a batch but the last.
        loss: Called as loss(prediction, target), the target being the last tensor;
            returns a scalar, the mean over the batch.
        train_set: Items are tuples of tensors.
        val_set: The same, for the validation loss.
        run_dir: Receives `model.safetensors` (the best epoch) and
            `checkpoint.safetensors` (the last epoch, to resume from).
        schedule: How long and how fast.
        augment: Changes each training batch; draws from the generator alone.
        fingerprint: Names the code and data of this run. A checkpoint of another
            fingerprint or schedule is not resumed: training starts anew. So it does,
            with a warning, where a file of the run is damaged.

    Returns:
        The history. The model holds the weights of the best epoch.

    Raises:
        CheckpointError: The checkpoint is of another architecture.
        RuntimeError: `DETERMINISTIC` is set, and a step has no such form on this GPU.
        ValueError: The processes cannot share the batches.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    follow_switch()
    fabric = _fabric(schedule)
    world, rank = fabric.world_size, fabric.global_rank
    _check_shares(len(train_set), len(val_set), schedule.batch_size, world)
    model.to(memory_format=torch.channels_last)
    optimizer = _adam(model, schedule, fabric.device)
    if schedule.compiled:
        model.compile()
    wrapped, wrapped_optimizer = fabric.setup(model, optimizer)
    order: list[int] = []  # of the training set; each epoch fills in its own
    own = range(rank, len(val_set), world)
    loaders = (
        _loader(train_set, schedule, order, world),
        _loader(val_set, schedule, own, world),
    )
    key = {"fingerprint": fingerprint, "schedule": asdict(schedule)}
    history = _resume(run_dir, model, optimizer, key)
    with _progress_bar(schedule, history) as bar:
        while not history.finished(schedule):
            started = time.perf_counter()
            mean = _train_epoch(
                fabric,
                wrapped,
                wrapped_optimizer,
                loss,
                loaders[0],
                order,
                schedule,
                history.epoch,
                augment,
            )
            history.train_loss.append(mean)
            history.val_loss.append(evaluate_loss(wrapped, loss, loaders[1]))
            if fabric.is_global_zero:
                _save(run_dir, model, optimizer, history, key)
            fabric.barrier()
            seconds = time.perf_counter() - started
            _report(bar, history, len(train_set) / seconds)
    load_model(run_dir, model)
    return history


def _adam(
    model: nn.Module, schedule: Schedule, device: torch.device
) -> torch.optim.Adam:
    """Make the optimizer; one kernel for all weights on a GPU."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    on_gpu = device.type == "cuda"
    # Batches have one size: the fastest convolutions may be looked for once, but
    # which these are may differ from run to run.
    torch.backends.cudnn.benchmark = (
        on_gpu and not torch.are_deterministic_algorithms_enabled()
    )
    return torch.optim.Adam(parameters, lr=schedule.learning_rate, fused=on_gpu or None)


def _train_epoch(
    fabric: "Fabric",
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Loss,
    loader: DataLoader,
    order: list[int],
    schedule: Schedule,
    epoch: int,
    augment: Callable[[Batch, torch.Generator], Batch] | None,
) -> float:
    """Pass once over the training set; return the mean loss."""
    model.train()
    generator = _generator(schedule.seed, epoch)
    n = len(loader.dataset)
    shuffled = torch.randperm(n, generator=generator).tolist()
    order[:] = share_of(
        shuffled, schedule.batch_size, fabric.global_rank, fabric.world_size
    )
    total = torch.zeros((), device=fabric.device)
    for step, batch in enumerate(moved_ahead(loader, fabric.device)):
        _set_rate(optimizer, schedule, epoch + step / len(loader))
        if augment is not None:
            batch = augment(batch, generator)
        *inputs, target = batch
        value = loss(model(*inputs), target)
        # Gradients are averaged over the processes: so is this, over the images.
        whole = min(schedule.batch_size, n - step * schedule.batch_size)
        fabric.backward(value * (len(target) * fabric.world_size / whole))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        total += value.detach() * len(target)
    return float(_over_all(total)) / n


@torch.no_grad()
def evaluate_loss(model: nn.Module, loss: Loss, loader: DataLoader) -> float:
    """Mean loss over a data set, without training.

    Args:
        model: Called with all tensors of a batch but the last.
        loss: Called as loss(prediction, target).
        loader: Batches of the data set.

    Returns:
        The mean over the items.
    """
    model.eval()
    device = next(model.parameters()).device
    total = torch.zeros((), device=device)
    for *inputs, target in moved_ahead(loader, device):
        total += loss(model(*inputs), target) * len(target)
    return float(_over_all(total)) / len(loader.dataset)


def follow_switch() -> None:
    """Let this process use deterministic algorithms alone, where that is asked for."""
    if os.environ.get(DETERMINISTIC) == "1":
        # Read when the first matrix is multiplied; without it cuBLAS may differ.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)


def _fabric(schedule: Schedule) -> "Fabric":
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


def _check_shares(n_train: int, n_val: int, batch_size: int, world: int) -> None:
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


def _over_all(total: Tensor) -> Tensor:
    """Sum over the processes, where there are several."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.all_reduce(total)
    return total


def _loader(
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


def _generator(seed: int, epoch: int) -> torch.Generator:
    """Make the random source of one epoch; a resumed run makes the same."""
    return torch.Generator().manual_seed(seed * 1_000_003 + epoch)


def _to_device(tensor: Tensor, device: torch.device) -> Tensor:
    layout = torch.channels_last if tensor.ndim == 4 else torch.preserve_format
    return tensor.to(device, non_blocking=True, memory_format=layout)


def _set_rate(
    optimizer: torch.optim.Optimizer, schedule: Schedule, epoch: float
) -> None:
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


def _save(
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


def _resume(
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


def _progress_bar(schedule: Schedule, history: History) -> tqdm:
    return tqdm(
        total=schedule.epochs, initial=history.epoch, unit="epoch", mininterval=5
    )


def _report(bar: tqdm, history: History, images_per_s: float) -> None:
    bar.set_postfix(
        loss=f"{history.train_loss[-1]:.4f}",
        val_loss=f"{history.val_loss[-1]:.4f}",
        images_per_s=f"{images_per_s:.0f}",
        refresh=False,
    )
    bar.update()
