"""The training loop beside a bare one over tensors that lie in memory, on one core.

    python tests/benchmarks/bench_training.py --out bench.json

The network, films and steps of the demo. The bare loop holds every image and mask in
memory, as the network wants them, and does nothing but steps and a pass over the
validation films. Ours reads each film from the store, draws its mask and keeps a
checkpoint after each epoch. Both must end at the same losses, bit for bit.
"""

import itertools
import tempfile
from functools import partial
from pathlib import Path
from time import process_time

import torch
from reporting import compare, interleaved, report, spread
from torch import Tensor, nn

from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.losses import box_focal_loss
from chexnomaly.models.unet import UNet
from chexnomaly.phantom.files.prepared import write_prepared
from chexnomaly.training.loop import train
from chexnomaly.training.schedule import (
    Schedule,
    epoch_generator,
    seeded_model,
    set_rate,
)

NETWORK = {"base_channels": 8, "depth": 4, "convolutions": 1, "batch_norm": True}
SCHEDULE = Schedule(epochs=3, batch_size=8, learning_rate=0.012, one_cycle=True)
TRAIN, VAL, SIZE, REPEATS = 240, 40, 64, 7
LOSS = partial(box_focal_loss, min_area=1)
CPU = torch.device("cpu")

Losses = list[list[float]]
"""Mean training and validation loss of each epoch."""


def resident(films: SegmentationSet) -> tuple[Tensor, Tensor]:
    """Read every image and mask; (N, 1, S, S) each, channels last."""
    both = (torch.stack(part) for part in zip(*films, strict=True))
    return tuple(part.to(memory_format=torch.channels_last) for part in both)


def bare_loop(films: tuple[Tensor, Tensor], val: tuple[Tensor, Tensor]) -> Losses:
    """Train with nothing around the steps."""
    model = seeded_model(partial(UNet, **NETWORK), 0)
    model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), foreach=True)  # the fastest
    n = len(films[0])
    losses: Losses = [[], []]
    for epoch in range(SCHEDULE.epochs):
        model.train()
        order = torch.randperm(n, generator=epoch_generator(SCHEDULE.seed, epoch))
        total = torch.zeros(())
        batches = order.split(SCHEDULE.batch_size)
        for step, chosen in enumerate(batches):
            set_rate(optimizer, SCHEDULE, epoch + step / len(batches))
            image, mask = films[0][chosen], films[1][chosen]
            value = LOSS(model(image), mask)
            value.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            total += value.detach() * len(chosen)
        losses[0].append(float(total) / n)
        losses[1].append(bare_validation(model, val))
    return losses


@torch.no_grad()
def bare_validation(model: nn.Module, val: tuple[Tensor, Tensor]) -> float:
    """Mean loss over the validation films."""
    model.eval()
    total = torch.zeros(())
    batches = (part.split(SCHEDULE.batch_size) for part in val)
    for image, mask in zip(*batches, strict=True):
        total += LOSS(model(image), mask) * len(image)
    return float(total) / len(val[0])


def our_loop(films: SegmentationSet, val: SegmentationSet) -> Losses:
    """Train as every system is trained."""
    model = seeded_model(partial(UNet, **NETWORK), 0)
    with tempfile.TemporaryDirectory() as folder:
        history = train(model, LOSS, films, val, Path(folder), SCHEDULE)
    return [history.train_loss, history.val_loss]


def time_loops(films: SegmentationSet, val: SegmentationSet) -> dict:
    """Check that both loops end alike, then time them in turn."""
    tensors = resident(films), resident(val)
    tasks = {
        "chexnomaly": partial(our_loop, films, val),
        "bare loop": partial(bare_loop, *tensors),
    }
    ours, bare = (task() for task in tasks.values())
    assert ours == bare, (ours, bare)
    seconds = interleaved(tasks, REPEATS, CPU, process_time)
    images = SCHEDULE.epochs * len(films)
    return {
        "images": images,
        "size_px": SIZE,
        "losses": ours,
        "seconds": {name: spread(values) for name, values in seconds.items()},
        "times_as_fast_as": compare(seconds, "chexnomaly", ["bare loop"]),
    }


def run() -> dict:
    """Draw the films, then time."""
    torch.set_num_threads(1)
    parts = [*itertools.repeat("train", TRAIN), *itertools.repeat("val", VAL)]
    with tempfile.TemporaryDirectory() as folder:
        data = write_prepared(Path(folder, "films"), parts, 0, SIZE, enriched=True)
        return time_loops(data.part("train"), data.part("val"))


if __name__ == "__main__":
    report(__doc__.splitlines()[0], run, ())
