"""Run a command once more where it met a taken port: `... again LOG COMMAND ...`.

Two kernels that start in the same moment may draw the same free port; then one of them
ends before its first cell. That says nothing about the notebook. Any other failure
stands, and the command's exit status is this one's.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

TAKEN = b"Address already in use"
"""What the operating system says, in the kernel's words."""

ATTEMPTS = 3


def run(log: Path, command: Sequence[str]) -> int:
    """Run a command, again where a port was taken.

    Args:
        log: Receives what the last attempt printed.
        command: Name and arguments.

    Returns:
        The exit status of the last attempt.
    """
    for _ in range(ATTEMPTS):
        with log.open("wb") as file:
            status = subprocess.run(command, stdout=file, stderr=file).returncode
        if status == 0 or TAKEN not in log.read_bytes():
            break
    return status


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), sys.argv[2:]))
