"""What the benchmarks share: interleaved timing, ratios, and a stamped report."""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from torch import nn  # noqa: E402

from chexnomaly import results  # noqa: E402


def interleaved(
    tasks: dict[str, Callable[[], object]],
    repeats: int,
    device: torch.device,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Time several tasks in turn, so that a busy moment hits all alike.

    Args:
        tasks: What to run; each runs once beforehand, untimed.
        repeats: Rounds.
        device: Waited for before the clock is read.
        clock: Gives seconds: of the wall, or of this process's processors.

    Returns:
        Seconds of each round, by task.
    """
    wait = torch.get_device_module(device).synchronize
    for task in tasks.values():
        task()
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(repeats):
        for name, task in tasks.items():
            wait()
            started = clock()
            task()
            wait()
            seconds[name].append(clock() - started)
    return seconds


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Sum up timings: least, median and most, s."""
    ends = {"min_s": min(seconds), "median_s": median(seconds), "max_s": max(seconds)}
    return {name: round(value, 6) for name, value in ends.items()}


def compare(
    seconds: dict[str, list[float]], ours: str, peers: list[str]
) -> dict[str, dict]:
    """Set one task's time beside its peers', round by round.

    Args:
        seconds: Timings from `interleaved`.
        ours: The task that is ours.
        peers: The others.

    Returns:
        Peer to least, median and most of "how many times as fast as the peer we are",
        each ratio from one round, in which both ran one after the other.
    """
    table = {}
    for peer in peers:
        ratios = [p / o for p, o in zip(seconds[peer], seconds[ours], strict=True)]
        table[peer] = {
            "min": round(min(ratios), 3),
            "median": round(median(ratios), 3),
            "max": round(max(ratios), 3),
        }
    return table


def step_bytes(model: nn.Module, shape: tuple[int, ...], width: int = 4) -> int:
    """Count the bytes that a step's convolutions must move at least.

    Each reads its input and its weights and writes its output once, in the forward
    pass and in each of the two parts of the backward pass.

    Args:
        model: A network; its weights are left undefined.
        shape: Of the images.
        width: Bytes of one number.

    Returns:
        Bytes, if no cache could hold a map between two layers.
    """
    numbers = 0

    def count(layer: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        nonlocal numbers
        numbers += inputs[0].numel() + layer.weight.numel() + output.numel()

    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.register_forward_hook(count)
    model.to("meta")(torch.zeros(shape, device="meta"))
    return 3 * width * numbers


def in_a_process(code: str, env: dict[str, str] | None = None) -> dict:
    """Run code in a process of its own, in this folder; read what it prints as JSON."""
    call = [sys.executable, "-c", code]
    said = subprocess.check_output(call, env=env, cwd=Path(__file__).parent)
    return json.loads(said)


def report(
    description: str, run: Callable[[], dict], packages: tuple[str, ...]
) -> None:
    """Run a benchmark as a command with `--out`, and write its stamped JSON.

    Args:
        description: For `--help`.
        run: Measures.
        packages: The peers' packages, whose versions belong into the stamp.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, help="JSON file; standard output if absent")
    options = parser.parse_args()
    started = time.perf_counter()
    measured = run()
    stamp = results.stamp({}, started, packages)
    text = json.dumps(measured | {"stamp": stamp}, indent=1) + "\n"
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
