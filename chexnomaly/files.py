"""One way to write a file: whole or not at all.

The new content is written beside its target, into `.<name>.partial`, and then takes
the target's place. Nobody sees half of a file, an error leaves the old one, and a kill
leaves at most the partial file, which the next writer of the same target uses again.
Two writers of one target take turns.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


def partial_path(path: Path) -> Path:
    """Name the file that lies beside a target while that is being written."""
    return path.with_name(f".{path.name}.partial")


@contextmanager
def open_atomic(
    path: Path, *, durable: bool = True, private: bool = False, keep: bool = False
) -> Iterator[BinaryIO]:
    """Open a file for writing that appears only once it is complete.

    Args:
        path: Target; its folder is made where it is missing.
        durable: Wait until the disk holds the content, so that not even a power cut
            leaves an empty file under the target's name.
        private: Let the owner alone read the file, and the folder if it is made.
        keep: Leave a target that is already there as it is.

    Yields:
        The partial file, binary and empty.

    Raises:
        OSError: The disk does not allow it; the target is as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if private else 0o777)
    partial = partial_path(path)
    with _locked(partial, 0o600 if private else 0o666) as file:
        try:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
            if keep and path.exists():
                partial.unlink()
            else:
                os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def write_atomic(path: Path, content: str | bytes, **options) -> None:
    """Write a whole file at once, text as UTF-8; options as of `open_atomic`."""
    if isinstance(content, str):
        content = content.encode()
    with open_atomic(path, **options) as file:
        file.write(content)


def _locked(partial: Path, mode: int) -> BinaryIO:
    """Open the partial file, empty, once no other writer has it."""
    while True:
        file = os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT, mode), "w+b")
        fcntl.flock(file, fcntl.LOCK_EX)
        # Whoever had it before may have renamed or removed it in the meantime.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), partial.stat()):
                file.truncate(0)
                return file
        file.close()
