"""Runs one notebook as the pipeline does: one process around one call of papermill.

    python -m book.pipeline.run_notebook SOURCE EXECUTED --log LOG ...

It waits for a job of the same notebook that outlived its run, takes a GPU where the
notebook wants one, runs papermill, once more where a kernel met a taken port, and says
in one line why a notebook failed. What succeeded is stamped with what it came from. Its
locks are inherited by papermill: they die with the last process of the job.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from book.pipeline import failures, gate
from book.pipeline.alone import hold

TAKEN = b"Address already in use"
"""What a kernel says where another one drew the same free port; it then ends before
its first cell, which says nothing about the notebook."""
ATTEMPTS = 3
GPU_LOCKS = Path("_build/.gpu")


def wait_for(lock: Path) -> int:
    """Take a lock, after whoever has it; see `alone.hold`."""
    try:
        return hold(lock)
    except BlockingIOError:
        sys.stderr.write("waiting for a job that outlived its run\n")
        return hold(lock, wait=True)


def take_gpu(count: int, locks: Path = GPU_LOCKS) -> tuple[int, int]:
    """Take the first free GPU for as long as this process and its children live.

    Args:
        count: How many there are.
        locks: Folder of their lock files.

    Returns:
        Its number, from 0, and the open file that carries the lock.

    Raises:
        BlockingIOError: All are taken.
    """
    for number in range(count):
        try:
            return number, hold(locks / str(number))
        except BlockingIOError:
            continue
    raise BlockingIOError(f"all {count} GPUs are in use")


def gpu_seen(
    wanted: bool, environment: Mapping[str, str], locks: Path = GPU_LOCKS
) -> tuple[dict[str, str], list[int]]:
    """Choose the GPU that a job sees.

    Snakemake counts GPUs and hands out none. Each of the CHEXNOMALY_GPUS devices has a
    lock: a job that wants one gets the first free one, and one that wants none sees
    none. A batch system assigns devices itself, so inside a Slurm job, or where the
    variable is unset or 0, nothing is changed.

    Args:
        wanted: Whether the job wants one.
        environment: Surroundings of the job.
        locks: Folder of the lock files.

    Returns:
        What to change in the surroundings, and the open locks.
    """
    count = int(environment.get("CHEXNOMALY_GPUS", "0"))
    if not count or "SLURM_JOB_ID" in environment:
        return {}, []
    if not wanted:
        return {"CUDA_VISIBLE_DEVICES": ""}, []
    number, lock = take_gpu(count, locks)
    # Named as the driver does, among those that this process may see.
    names = environment.get("CUDA_VISIBLE_DEVICES", "")
    name = names.split(",")[number] if names else str(number)
    return {"CUDA_VISIBLE_DEVICES": name}, [lock]


def attempt(log: Path, command: Sequence[str], **how: object) -> int:
    """Run a command, again where a port was taken; any other failure stands.

    Args:
        log: Receives what the last attempt printed.
        command: Name and arguments.
        **how: Passed on to `subprocess.run`.

    Returns:
        The exit status of the last attempt.
    """
    for _ in range(ATTEMPTS):
        with log.open("wb") as file:
            done = subprocess.run(command, stdout=file, stderr=file, **how)
        if done.returncode == 0 or TAKEN not in log.read_bytes():
            break
    return done.returncode


def run(
    source: Path, executed: Path, log: Path, papermill: Sequence[str], gpu: bool
) -> int:
    """Run a notebook; see the module's docstring.

    Args:
        source: The notebook.
        executed: Where it goes with its outputs, once it has run to its end.
        log: The notebook while it runs, and where it fails; beside it lie its lock,
            what papermill printed (`.txt`) and the results it read (`.read`).
        papermill: Options for papermill.
        gpu: Whether the notebook wants a GPU.

    Returns:
        The exit status.
    """
    started, name = time.monotonic(), log.stem
    locks = [wait_for(log.with_suffix(".lock"))]
    print(f"{name}: running\n", end="", flush=True)  # whole, beside others
    text, read = log.with_suffix(".txt"), log.with_suffix(".read")
    read.write_bytes(b"")
    seen, gpu_lock = gpu_seen(gpu, os.environ)
    surroundings = os.environ | seen | {"CHEXNOMALY_READ_LOG": str(read.resolve())}
    command = [sys.executable, "-m", "papermill", str(source), str(log), *papermill]
    if attempt(text, command, env=surroundings, pass_fds=[*locks, *gpu_lock]):
        failures.report(name, log, text)
        return 1
    shutil.copyfile(log, executed)
    gate.stamp(executed, source, read)
    print(f"{name}: done in {time.monotonic() - started:.0f} s", flush=True)
    return 0


def main(arguments: Sequence[str]) -> int:
    """Run the notebook that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("executed", type=Path)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--parameters", default="{}", help="YAML on one line")
    parser.add_argument("--limit-s", default="-1", help="seconds that a cell may take")
    parser.add_argument("--gpu", type=int, default=0, help="1 where it wants one")
    asked = parser.parse_args(arguments)
    papermill = ["--cwd", "notebooks", "--no-progress-bar", "-y", asked.parameters]
    papermill += ["--no-request-save-on-cell-execute"]
    papermill += ["--execution-timeout", asked.limit_s]
    try:
        return run(asked.source, asked.executed, asked.log, papermill, asked.gpu == 1)
    except OSError as error:
        sys.stderr.write(f"{asked.log.stem}: FAILED: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
