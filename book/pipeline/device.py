"""Run a command on a GPU of its own: `book.pipeline.device WANTED COMMAND ...`.

Snakemake counts GPUs and hands out none. Each of the CHEXNOMALY_GPUS devices has a
lock; the command takes the first free one, sees that device alone, and holds the lock
while it lives. A command that wants none sees none. A batch system assigns devices
itself, so inside a Slurm job, or where the variable is unset or 0, nothing is changed.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from book.pipeline.alone import hold

LOCKS = Path("_build/.gpu")


def take(count: int, locks: Path = LOCKS) -> int:
    """Take the first free device for as long as this process lives.

    Args:
        count: How many devices there are.
        locks: Folder of their lock files.

    Returns:
        Its number, from 0.

    Raises:
        BlockingIOError: All are taken.
    """
    for number in range(count):
        try:
            hold(locks / str(number))
        except BlockingIOError:
            continue
        return number
    raise BlockingIOError(f"all {count} GPUs are in use")


def visible(number: int, environment: Mapping[str, str]) -> str:
    """Name a device as the driver does, among those that this process may see."""
    names = environment.get("CUDA_VISIBLE_DEVICES", "")
    return names.split(",")[number] if names else str(number)


def main(arguments: Sequence[str]) -> None:
    """Become the command, with the devices it may see in the environment."""
    wanted, *command = arguments
    count = int(os.environ.get("CHEXNOMALY_GPUS", "0"))
    if count and "SLURM_JOB_ID" not in os.environ:
        name = visible(take(count), os.environ) if int(wanted) else ""
        os.environ["CUDA_VISIBLE_DEVICES"] = name
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
