"""One run per folder: `python -m book.pipeline.alone LOCK COMMAND ...`.

Runs a command alone in this folder, or says that it cannot. A lock dies with its last
process, so that nothing has to be cleared away.
"""

import fcntl
import os
import sys
from collections.abc import Sequence
from pathlib import Path


def hold(lock: Path, wait: bool = False) -> int:
    """Take the lock for as long as this process, or what it becomes, lives.

    Args:
        lock: Lock file; made where it is missing.
        wait: For whoever has it.

    Returns:
        The open file that carries the lock.

    Raises:
        BlockingIOError: Another process holds it.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    os.ftruncate(file, 0)
    os.write(file, f"{os.getpid()}\n".encode())
    os.set_inheritable(file, True)
    return file


def main(arguments: Sequence[str]) -> int:
    """Become the command, or say that another run is at work."""
    lock, *command = arguments
    try:
        hold(Path(lock))
    except BlockingIOError:
        owner = Path(lock).read_text(encoding="utf-8").strip() or "unknown"
        sys.stderr.write(
            f"Another run is at work in this folder (process {owner}). "
            "Wait for it to end, or end it, and try again.\n"
        )
        return 1
    except OSError as error:
        sys.stderr.write(f"Cannot write to {lock}: {error.strerror}.\n")
        return 1
    os.execvp(command[0], command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
