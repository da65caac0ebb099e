"""Writing a store: one file per image in `<out>.partial/work`, packed at the end.

An image's file appears whole (`files.open_atomic`) and carries its hash, so after a
kill or a power cut the files themselves say what is done. Packing adds images.npy,
index and manifest beside `work/`, then the folder takes its name: a store under its
own name is complete, and a kill at any moment loses nothing. Until it is packed, a
set takes its place on the disk twice.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from chexnomaly.datasets.store.store import Store
from chexnomaly.datasets.store.store_format import (
    INDEX_FILE,
    MANIFEST_FILE,
    PIXELS_FILE,
    REQUEST_FILE,
    STORE_SCHEMA,
    StoredImage,
    format_index,
    format_manifest,
    hash_pixels,
    npy_header,
    quantize,
)
from chexnomaly.errors import Refusal, StoreError
from chexnomaly.files import open_atomic, write_atomic


class StoreWriter:
    """Write images that are already square, one row at a time.

    A writer that was killed goes on: `missing` lists the rows still to be written.

    Args:
        out: Where the store is to appear.
        ids: Image id of each row.
        size: Side of the images, px.
        origin: Whatever the pixels depend on (seed, generator version, ...); a
            partial store of another origin is thrown away, a finished one of the same
            is left as it is.
    """

    def __init__(self, out: Path, ids: Iterable[str], size: int, origin: str = ""):
        """Open or go on with `<out>.partial`; raises StoreError where it is in use."""
        self.out, self.ids, self.size = Path(out), list(ids), size
        if len(set(self.ids)) != len(self.ids):
            raise StoreError("an image id twice", expected="ids once each")
        if self.out.exists() and not (self.out / MANIFEST_FILE).is_file():
            raise StoreError("not a store", file=out, expected="a store, or nothing")
        text = json.dumps([STORE_SCHEMA, size, origin, self.ids])
        self._request = hashlib.sha256(text.encode()).hexdigest()
        self._folder = self.out.with_name(self.out.name + ".partial")
        self._done: dict[int, StoredImage] = {}
        self._refused: dict[int, dict] = {}
        self._complete = _holds(self.out, self._request) and _is_sound(self.out)
        if self._complete:
            shutil.rmtree(self.out / "work", ignore_errors=True)
            return
        with contextlib.ExitStack() as opened, disk_errors(self.out):
            self._lock = opened.enter_context(self._claim())
            self._resume()
            opened.pop_all()  # all went well: the lock stays

    @property
    def missing(self) -> list[int]:
        """Rows neither written nor refused, in order."""
        known = self._done.keys() | self._refused.keys()
        rows = range(0 if self._complete else len(self.ids))
        return [row for row in rows if row not in known]

    def file(self, row: int) -> Path:
        """Return where one image waits until it is packed."""
        return self._folder / "work" / f"{row:08d}.image"

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
        self.note(row, save_image(self.file(row), pixels, width_px, height_px))

    def note(self, row: int, result: StoredImage | Refusal) -> None:
        """Take up what became of one image: its file was saved, or it was refused."""
        if isinstance(result, Refusal):
            self._refused[row] = asdict(result) | {"file": None}
        else:
            self._done[row] = result

    def finish(self) -> Store:
        """Make the store appear and return it; raises StoreError if rows miss."""
        if self.missing:
            problem = f"{len(self.missing)} of {len(self.ids)} images are missing"
            raise StoreError(problem, file=self._folder, row=self.missing[0])
        if not self._complete:
            images = {self.ids[row]: self._done[row] for row in sorted(self._done)}
            refused = {self.ids[row]: self._refused[row] for row in self._refused}
            with disk_errors(self.out):
                self._pack()
                write_atomic(self._folder / INDEX_FILE, format_index(images))
                manifest = format_manifest(images, refused, self.size)
                write_atomic(self._folder / MANIFEST_FILE, manifest)
                self._rename()
            self._complete = True
        return Store.open(self.out)

    def close(self) -> None:
        """Let go of the folder without finishing; the next writer goes on."""
        if not self._complete:
            self._lock.close()

    def _claim(self):
        """Lock the working folder for this writer alone."""
        work = self._folder / "work"
        work.mkdir(parents=True, exist_ok=True)
        lock = (work / "lock").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            problem, expected = "another run writes here", "one run at a time"
            raise StoreError(problem, file=self.out, expected=expected) from None
        return lock

    def _resume(self) -> None:
        """Take over the images that a run of the same request left whole."""
        if not _holds(self._folder, self._request):
            for file in (self._folder / "work").glob("*.image"):
                file.unlink()
            write_atomic(self._folder / REQUEST_FILE, self._request)
        for row in range(len(self.ids)):
            saved = load_image(self.file(row), self.size)
            if saved is not None and hash_pixels(saved["pixels"]) == saved["sha256"]:
                sides = int(saved["width_px"]), int(saved["height_px"])
                self._done[row] = StoredImage(*sides, str(saved["sha256"]))

    def _pack(self) -> None:
        """Join the images into images.npy, one of them in memory at a time."""
        with open_atomic(self._folder / PIXELS_FILE) as stream:
            stream.write(npy_header(len(self._done), self.size))
            for row in sorted(self._done):
                file = self.file(row)
                saved = load_image(file, self.size)
                if saved is None:
                    problem, expected = "damaged meanwhile", "run again to go on"
                    raise StoreError(problem, file=file, row=row, expected=expected)
                stream.write(saved["pixels"])

    def _rename(self) -> None:
        """Swap the finished folder in for what was there."""
        old = self.out.with_name(self.out.name + ".old")
        shutil.rmtree(old, ignore_errors=True)
        if self.out.exists():
            os.replace(self.out, old)
        os.replace(self._folder, self.out)
        self._lock.close()
        shutil.rmtree(self.out / "work", ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def save_image(
    file: Path, pixels: np.ndarray, width_px: int, height_px: int
) -> StoredImage:
    """Save one quantized image, (S, S), uint16, until it is packed.

    Raises:
        StoreError: The disk does not allow it.
    """
    image = StoredImage(int(width_px), int(height_px), hash_pixels(pixels))
    saved = np.array((pixels, *image), _record(len(pixels)))
    # A power cut may leave it damaged; its hash then tells.
    with disk_errors(file), open_atomic(file, durable=False) as stream:
        stream.write(saved)
    return image


def load_image(file: Path, size: int) -> np.ndarray | None:
    """Read what `save_image` saved, hash unchecked; None where bytes are missing.

    Returns:
        One record: pixels (S, S), uint16; width_px, height_px, sha256.
    """
    try:
        (saved,) = np.fromfile(file, _record(size))
    except (OSError, ValueError):
        return None
    return saved


def _record(size: int) -> np.dtype:
    """Return the form of an image's file: its pixels, then what the index says."""
    sides = [("width_px", "<i8"), ("height_px", "<i8")]
    return np.dtype([("pixels", "<u2", (size, size)), *sides, ("sha256", "U64")])


@contextlib.contextmanager
def disk_errors(file: Path) -> Iterator[None]:
    """Say in one line what the disk did not allow; what is written stays."""
    try:
        yield
    except OSError as error:
        problem = f"cannot write ({error.strerror or type(error).__name__})"
        expected = "a writable disk with room; run again to go on"
        raise StoreError(problem, file=file, expected=expected) from error


def _holds(folder: Path, request: str) -> bool:
    """Tell whether a folder, finished or not, was made for a request."""
    try:
        return (folder / REQUEST_FILE).read_text(encoding="utf-8") == request
    except (OSError, UnicodeDecodeError):
        return False


def _is_sound(path: Path) -> bool:
    """Tell whether a folder is a finished store, and every image is as it was."""
    try:
        Store.open(path, verify=True)
    except (StoreError, OSError):
        return False
    return True
