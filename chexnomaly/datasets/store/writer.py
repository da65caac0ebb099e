"""Writing a store: each image straight to its place, in `<out>.partial`.

An image's pixels go to its row of images.npy, then its size and its hash to its row of
`marks`; whoever writes may be a process of its own. After a kill or a power cut, what
is done are the rows whose pixels agree with their mark. At the end, the rows behind an
image that was refused move up (a kill just then costs reading those again), index and
manifest are added, and the folder takes its name: a store under its own name is
complete.
"""

import contextlib
import fcntl
import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from chexnomaly.datasets.store import store as form
from chexnomaly.datasets.store.store import MANIFEST_FILE, PIXELS_FILE, Mark, Store
from chexnomaly.errors import Refusal, StoreError
from chexnomaly.files import write_atomic

REQUEST_FILE = "request.txt"
MARKS_FILE = "marks"
MARK_TYPE = np.dtype([("width_px", "<i8"), ("height_px", "<i8"), ("sha256", "S64")])
"""What is noted of an image that is written: its source's size, its pixels' hash."""


class StoreWriter:
    """Write images that are already square, row by row, in any order.

    A writer that was killed goes on: `missing` lists the rows still to be written.

    Args:
        out: Where the store is to appear.
        ids: Image id of each row.
        size: Side of the images, px.
        origin: Whatever the pixels depend on (seed, generator version, ...); a
            partial store of another origin is thrown away, a finished one of the same
            is left as it is.

    Attributes:
        folder: Where the store is until it is finished.
    """

    def __init__(self, out: Path, ids: Iterable[str], size: int, origin: str = ""):
        """Open or go on with `<out>.partial`; raises StoreError where it is in use."""
        self.out, self.ids, self.size = Path(out), list(ids), size
        if len(set(self.ids)) != len(self.ids):
            raise StoreError("an image id twice", expected="ids once each")
        if self.out.exists() and not (self.out / MANIFEST_FILE).is_file():
            raise StoreError("not a store", file=out, expected="a store, or nothing")
        text = json.dumps([form.STORE_SCHEMA, size, origin, self.ids])
        self._request = hashlib.sha256(text.encode()).hexdigest()
        self.folder = self.out.with_name(self.out.name + ".partial")
        self._told: dict[int, Mark | Refusal] = {}
        self._complete = _holds(self.out, self._request, finished=True)
        if self._complete:
            (self.out / MARKS_FILE).unlink(missing_ok=True)
            return
        with contextlib.ExitStack() as opened, disk_errors(self.out):
            self._lock = opened.enter_context(self._claim())
            self._resume()
            opened.pop_all()  # all went well: the lock stays

    @property
    def missing(self) -> list[int]:
        """Rows neither written nor refused, in order."""
        rows = range(0 if self._complete else len(self.ids))
        return [row for row in rows if row not in self._told]

    def write(self, row: int, image: np.ndarray, width_px: int, height_px: int) -> None:
        """Write one image.

        Args:
            row: Its row, an index into the ids.
            image: Shape (S, S), float32, in [0, 1].
            width_px: Width of the source image.
            height_px: Height of the source image.

        Raises:
            StoreError: Wrong shape, values outside [0, 1], or a full disk.
        """
        if image.shape != (self.size, self.size):
            expected = f"shape {(self.size, self.size)}"
            raise StoreError(f"shape {image.shape}", row=row, expected=expected)
        pixels = quantize(image)
        self.note(row, write_pixels(self.folder, row, pixels, width_px, height_px))

    def note(self, row: int, result: Mark | Refusal) -> None:
        """Take up what became of one image: it is written, or it was refused."""
        self._told[row] = result

    def finish(self) -> Store:
        """Make the store appear and return it; raises StoreError if rows miss."""
        if self.missing:
            problem = f"{len(self.missing)} of {len(self.ids)} images are missing"
            raise StoreError(problem, file=self.folder, row=self.missing[0])
        if not self._complete:
            told = {row: self._told[row] for row in range(len(self.ids))}
            kept = [row for row in told if not isinstance(told[row], Refusal)]
            images = {self.ids[row]: told.pop(row) for row in kept}
            refused = {self.ids[row]: refusal for row, refusal in told.items()}
            with disk_errors(self.out):
                self._pack(kept)
                write_atomic(self.folder / form.INDEX_FILE, form.format_index(images))
                manifest = form.format_manifest(images, refused, self.size)
                write_atomic(self.folder / MANIFEST_FILE, manifest)
                self._rename()
            self._complete = True
        return Store.open(self.out)

    def close(self) -> None:
        """Let go of the folder without finishing; the next writer goes on."""
        if not self._complete:
            self._lock.close()

    def _claim(self) -> BinaryIO:
        """Lock the working folder for this writer alone."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = (self.folder / MARKS_FILE).open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            problem, expected = "another run writes here", "one run at a time"
            raise StoreError(problem, file=self.out, expected=expected) from None
        return lock

    def _resume(self) -> None:
        """Take over the images that a run of the same request left whole."""
        marks, pixels = self.folder / MARKS_FILE, self.folder / PIXELS_FILE
        if not _holds(self.folder, self._request):
            os.truncate(marks, 0)
            pixels.write_bytes(b"")
            write_atomic(self.folder / REQUEST_FILE, self._request)
        pixels.touch()
        for row, (*sides, sha256) in enumerate(np.fromfile(marks, MARK_TYPE).tolist()):
            if form.hash_pixels(self._read(row)).encode() == sha256:
                self._told[row] = (*sides, sha256.decode())

    def _read(self, row: int) -> np.ndarray:
        """Read a row's pixels, flat; fewer where the file ends before."""
        file, start = self.folder / PIXELS_FILE, _start(row, self.size)
        return np.fromfile(file, "<u2", self.size**2, offset=start)

    def _pack(self, kept: list[int]) -> None:
        """Close the gaps that refused images left, and write the head."""
        file = self.folder / PIXELS_FILE
        for place, row in enumerate(kept):
            if place != row:
                _write_at(file, _start(place, self.size), self._read(row))
        os.truncate(file, _start(len(kept), self.size))
        _write_at(file, 0, npy_header(len(kept), self.size))
        with file.open("rb") as stream:
            os.fsync(stream.fileno())

    def _rename(self) -> None:
        """Swap the finished folder in for what was there."""
        old = self.out.with_name(self.out.name + ".old")
        shutil.rmtree(old, ignore_errors=True)
        if self.out.exists():
            os.replace(self.out, old)
        os.replace(self.folder, self.out)
        self._lock.close()
        (self.out / MARKS_FILE).unlink()
        shutil.rmtree(old, ignore_errors=True)


def quantize(image: np.ndarray) -> np.ndarray:
    """Turn [0, 1] into 0-65535; raises StoreError for other values."""
    low, high = image.min(), image.max()
    if not (low >= 0.0 and high <= 1.0):
        problem = f"values from {low} to {high}"
        raise StoreError(problem, expected="values in [0, 1]")
    return np.rint(image.astype(np.float64) * 65535.0).astype("<u2")


def write_pixels(
    folder: Path, row: int, pixels: np.ndarray, width_px: int, height_px: int
) -> Mark:
    """Write one quantized image, (S, S), uint16, to its row, then its mark.

    Raises:
        StoreError: The disk does not allow it.
    """
    mark = int(width_px), int(height_px), form.hash_pixels(pixels)
    with disk_errors(folder):
        _write_at(folder / PIXELS_FILE, _start(row, len(pixels)), pixels)
        _write_at(
            folder / MARKS_FILE, row * MARK_TYPE.itemsize, np.array(mark, MARK_TYPE)
        )
    return mark


def _write_at(file: Path, start: int, content: np.ndarray | bytes) -> None:
    with file.open("r+b") as stream:
        stream.seek(start)
        stream.write(content)


def npy_header(n: int, size: int) -> bytes:
    """Return the first bytes of images.npy, before N x S x S uint16 values."""
    stream = io.BytesIO()
    header = {"descr": "<u2", "fortran_order": False, "shape": (n, size, size)}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue()


def _start(row: int, size: int) -> int:
    """Return where a row's pixels begin in images.npy; the head has 128 bytes."""
    return 128 + row * 2 * size**2


@contextlib.contextmanager
def disk_errors(file: Path) -> Iterator[None]:
    """Say in one line what the disk did not allow; what is written stays."""
    try:
        yield
    except OSError as error:
        problem = f"cannot write ({error.strerror or type(error).__name__})"
        expected = "a writable disk with room; run again to go on"
        raise StoreError(problem, file=file, expected=expected) from error


def _holds(folder: Path, request: str, finished: bool = False) -> bool:
    """Tell whether a folder was made for a request; where finished, is as it was."""
    with contextlib.suppress(OSError, UnicodeDecodeError, StoreError):
        if (folder / REQUEST_FILE).read_text(encoding="utf-8") == request:
            if finished:
                Store.open(folder, verify=True)
            return True
    return False
