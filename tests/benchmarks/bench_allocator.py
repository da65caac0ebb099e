"""What it saves that freed memory is kept for the next array.

    make bench

The Makefile tells glibc's malloc to keep it. Without that, large arrays go back to the
system when they are freed, and the system brings the next ones page by page. Both are
set when a process starts, so each round starts one process of each kind, in turn; both
must give the same bytes. Other systems' allocators take no notice: about 1 there.
"""

import hashlib
import json
import os
from collections.abc import Callable
from functools import partial
from resource import RUSAGE_SELF, getrusage
from time import process_time

import torch
from reporting import compare, in_a_process, report, spread

from chexnomaly.losses import sigmoid_focal_loss
from chexnomaly.models.unet import UNet
from chexnomaly.phantom import film
from chexnomaly.training.schedule import seeded_model

SETTINGS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")
ROUNDS = 5
NETWORK = {"base_channels": 8, "depth": 4, "convolutions": 1, "batch_norm": True}
BATCH, STEPS = 16, 4
SIDES = {128: 20, 512: 4}
"""Longer side of a film, px, to films that are timed; steps are of the smallest."""

Cost = dict[str, float | str]
"""Of one task in one process: seconds, page faults, and a hash of what it gave."""


def draw(side: int) -> bytes:
    """Draw films; return their pixels."""
    return b"".join(
        film(0, index, side).pixels.tobytes() for index in range(SIDES[side])
    )


def training_steps(side: int) -> Callable[[], bytes]:
    """Give the task of some steps of the demo's U-Net; it returns the last loss."""
    model = seeded_model(partial(UNet, **NETWORK), 0)
    optimizer = torch.optim.Adam(model.parameters())
    images = torch.rand(
        BATCH, 1, side, side, generator=torch.Generator().manual_seed(0)
    )
    masks = (images > 0.9).float()

    def steps() -> bytes:
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss = sigmoid_focal_loss(model(images), masks)
            loss.backward()
            optimizer.step()
        return loss.detach().numpy().tobytes()

    return steps


def measure() -> None:
    """Run each task once to warm up and once to be measured; print costs as JSON."""
    tasks = {
        f"{films} phantom films of {side} px": partial(draw, side)
        for side, films in SIDES.items()
    }
    tasks[f"{STEPS} training steps at {min(SIDES)} px"] = training_steps(min(SIDES))
    costs = {}
    for name, task in tasks.items():
        task()
        faults, start = getrusage(RUSAGE_SELF).ru_minflt, process_time()
        done = task()
        costs[name] = {
            "seconds": process_time() - start,
            "page_faults": getrusage(RUSAGE_SELF).ru_minflt - faults,
            "result": hashlib.sha256(done).hexdigest(),
        }
    print(json.dumps(costs))


def run() -> dict:
    """Time every task with memory kept and given back, in turn."""
    kept = dict(os.environ)
    assert all(name in kept for name in SETTINGS), "run it by `make bench`"
    ways = {
        "kept": kept,
        "given back": {k: v for k, v in kept.items() if k not in SETTINGS},
    }
    code = "import bench_allocator as b; b.measure()"
    rounds = [
        {way: in_a_process(code, env) for way, env in ways.items()}
        for _ in range(ROUNDS)
    ]
    return {
        "rounds": ROUNDS,
        "settings": {name: int(kept[name]) for name in SETTINGS},
        "tasks": {
            task: sum_up([{way: one[way][task] for way in ways} for one in rounds])
            for task in rounds[0]["kept"]
        },
    }


def sum_up(rounds: list[dict[str, Cost]]) -> dict:
    """Sum up what one task cost with memory kept and given back."""
    assert len({cost["result"] for one in rounds for cost in one.values()}) == 1
    ways = list(rounds[0])
    seconds = {way: [one[way]["seconds"] for one in rounds] for way in ways}
    return {
        "seconds": {way: spread(seconds[way]) for way in ways},
        "page_faults": {
            way: min(one[way]["page_faults"] for one in rounds) for way in ways
        },
        "times_as_fast_as": compare(seconds, "kept", ["given back"]),
    }


if __name__ == "__main__":
    report(__doc__.splitlines()[0], run, ())
