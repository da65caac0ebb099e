"""The training loop, in plain sight (Section IV-F: until validation loss plateaus).

Lightning Fabric brings device and precision; the loop is ours. One safetensors file
holds everything that a resumed run needs, so that a run killed at any moment and
started again ends with the same weights, bit for bit on one machine's processors; a
GPU adds in an order of its own, unless `DETERMINISTIC` is set. Within an epoch the
host waits for a GPU only where the box transform asks how many runs there are.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from chexnomaly.training import devices
from chexnomaly.training.batches import TrainingBatches, check_shares, make_loader
from chexnomaly.training.checkpoints import load_model, resume, save_state
from chexnomaly.training.schedule import (
    Batch,
    History,
    Loss,
    Schedule,
    adam,
    epoch_generator,
    set_rate,
)


def train(
    model: nn.Module,
    loss: Loss,
    train_set: Dataset,
    val_set: Dataset,
    run_dir: Path,
    schedule: Schedule,
    augment: Callable[[Batch, torch.Generator], Batch] | None = None,
    about: Mapping | None = None,
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
        about: What else the header of the checkpoints holds, such as options and a
            hash of code and data; plain JSON. A checkpoint of another header or
            schedule is not resumed: training starts anew. So it does, with a warning,
            where a file of the run is damaged.

    Returns:
        The history. The model holds the weights of the best epoch.

    Raises:
        CheckpointError: The checkpoint is of another architecture.
        RuntimeError: `DETERMINISTIC` is set, and a step has no such form on this GPU.
        ValueError: The processes cannot share the batches.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    devices.follow_switch()
    fabric = devices.launch_fabric(schedule)
    world, rank = fabric.world_size, fabric.global_rank
    check_shares(len(train_set), len(val_set), schedule.batch_size, world)
    model.to(memory_format=torch.channels_last)
    optimizer = adam(model, schedule, fabric.device)
    if schedule.compiled:
        model.compile()
    wrapped, stepper = fabric.setup(model, optimizer)
    batches = TrainingBatches(train_set, schedule, fabric)
    val_loader = make_loader(val_set, schedule, range(rank, len(val_set), world), world)
    header = {"schedule": asdict(schedule), **(about or {})}
    history = resume(run_dir, model, optimizer, header)
    done = {"total": schedule.epochs, "initial": history.epoch}
    with tqdm(**done, unit="epoch", mininterval=5) as bar:
        while not history.finished(schedule):
            started = time.perf_counter()
            history.train_loss.append(
                train_epoch(wrapped, stepper, loss, batches, history.epoch, augment)
            )
            history.val_loss.append(evaluate_loss(wrapped, loss, val_loader))
            if fabric.is_global_zero:
                save_state(run_dir, model, optimizer, history, header)
            fabric.barrier()
            losses = {k: f"{v[-1]:.4f}" for k, v in asdict(history).items()}
            speed = len(train_set) / (time.perf_counter() - started)
            bar.set_postfix(**losses, images_per_s=f"{speed:.0f}", refresh=False)
            bar.update()
    load_model(run_dir, model)
    return history


def train_epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Loss,
    batches: TrainingBatches,
    epoch: int,
    augment: Callable[[Batch, torch.Generator], Batch] | None,
) -> float:
    """Pass once over the training set; return the mean loss over the images."""
    schedule, fabric = batches.schedule, batches.fabric
    model.train()
    generator = epoch_generator(schedule.seed, epoch)
    total = torch.zeros((), device=fabric.device)
    for step, batch in enumerate(batches.shuffled(generator, epoch)):
        set_rate(optimizer, schedule, epoch + batches.progress(step))
        if augment is not None:
            batch = augment(batch, generator)
        *inputs, target = batch  # images and masks: (B, 1, H, W) each
        prediction = model(*inputs)  # logits (B, 1, H, W)
        value = loss(prediction, target)  # a scalar, the mean over the batch
        fabric.backward(value * batches.weight(step, len(target)))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        total += value.detach() * len(target)
    return float(devices.sum_over_processes(total)) / batches.n


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
    for *inputs, target in devices.moved_ahead(loader, device):
        total += loss(model(*inputs), target) * len(target)
    return float(devices.sum_over_processes(total)) / len(loader.dataset)
