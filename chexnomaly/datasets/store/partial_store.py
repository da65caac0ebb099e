"""A store while it is being written, in `<out>.partial`.

Each image is written at its row of `work/images.npy`, then journaled with its hash.
After a kill the journal says what is done; each journaled image is compared with its
hash before it counts, so a write that never reached the disk is repeated. Finishing
only adds files beside `work/`, then renames the folder: a store under its own name is
complete, and a kill at any moment loses nothing.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from chexnomaly.datasets.store.store_format import (
    IMAGES,
    INDEX,
    MANIFEST,
    REQUEST,
    format_index,
    format_manifest,
    hash_pixels,
    is_sound,
    npy_header,
)
from chexnomaly.errors import StoreError

SYNC_EVERY = 64
"""Images between two waits for the disk. A kill loses none of them; a power cut may,
and the next run notices by their hashes."""


class PartialStore:
    """The rows written so far, and how to finish.

    Args:
        out: Where the finished store is to appear.
        ids: Image id of each planned row, unique.
        size: Side of the images, px.
        request: Hash of all that the pixels depend on. A partial store of another
            request is thrown away; a finished one of the same is left as it is.

    Attributes:
        done: Row to its journal entry: sizes and hash, or what was refused.
        complete: Whether the finished store was there already.
    """

    def __init__(self, out: Path, ids: list[str], size: int, request: str):
        """Lock and open the folder; raises StoreError where it cannot be used."""
        if len(set(ids)) != len(ids):
            raise StoreError("an image id twice", expected="ids once each")
        if out.exists() and not (out / MANIFEST).is_file():
            raise StoreError("not a store", file=out, expected="a store, or nothing")
        self.out, self.ids, self.size = out, ids, size
        self.folder = out.with_name(out.name + ".partial")
        self.done: dict[int, dict] = {}
        self.complete = _read_text(out / REQUEST) == request and is_sound(out)
        if self.complete:
            return
        with contextlib.ExitStack() as opened, _disk_errors(out):
            self._open(request, opened)
            self._resume()
            opened.pop_all()  # all went well: they stay open

    @property
    def missing(self) -> list[int]:
        """Rows neither written nor refused, in order."""
        if self.complete:
            return []
        return [row for row in range(len(self.ids)) if row not in self.done]

    def write(
        self, row: int, pixels: np.ndarray, width_px: int, height_px: int
    ) -> None:
        """Write one quantized image, (S, S), uint16, and journal it."""
        if pixels.shape != (self.size, self.size):
            expected = f"shape {(self.size, self.size)}"
            raise StoreError(f"shape {pixels.shape}", row=row, expected=expected)
        with _disk_errors(self.out):
            self._pixels.seek(self._offset(row))
            self._pixels.write(pixels.tobytes())
            self._pixels.flush()
        sizes = {"width_px": int(width_px), "height_px": int(height_px)}
        self._note(row, sizes | {"sha256": hash_pixels(pixels)})

    def refuse(self, row: int, refusal: dict) -> None:
        """Journal that an image could not be read."""
        self._note(row, {"refused": refusal})

    def finish(self) -> None:
        """Write index and manifest and give the store its name."""
        if self.missing:
            problem = f"{len(self.missing)} of {len(self.ids)} images are missing"
            raise StoreError(problem, file=self.folder, row=self.missing[0])
        if self.complete:
            return
        rows = [row for row in range(len(self.ids)) if "sha256" in self.done[row]]
        with _disk_errors(self.out):
            self._publish_pixels(rows)
            entries = {self.ids[row]: self.done[row] for row in sorted(self.done)}
            index = format_index(entries)
            _write_text(self.folder / INDEX, index)
            manifest = format_manifest(entries, self.size, index)
            _write_text(self.folder / MANIFEST, manifest)
            self._rename()
        self.complete = True

    def close(self) -> None:
        """Let go of the files; what is written stays for the next run."""
        if not self.complete:
            self._pixels.close()
            self._journal.close()

    def _open(self, request: str, opened: contextlib.ExitStack) -> None:
        """Lock the working folder and make its files; what is opened is noted."""
        work = self.folder / "work"
        work.mkdir(parents=True, exist_ok=True)
        self._journal = opened.enter_context((work / "journal.jsonl").open("a+b"))
        try:
            fcntl.flock(self._journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            expected = "one run at a time"
            raise StoreError(
                "another run writes here", file=self.out, expected=expected
            ) from None
        header = npy_header(len(self.ids), self.size)
        length = len(header) + len(self.ids) * self._row_bytes
        pixels = work / IMAGES
        known = _read_text(self.folder / REQUEST) == request and pixels.is_file()
        if not known or pixels.stat().st_size != length:
            self._journal.truncate(0)
            with pixels.open("wb") as stream:
                stream.write(header)
                stream.truncate(length)
            _write_text(self.folder / REQUEST, request)
        self._header_bytes = len(header)
        self._pixels = opened.enter_context(pixels.open("r+b"))

    def _resume(self) -> None:
        """Take over the journaled rows whose pixels are really there."""
        self._journal.seek(0)
        good = 0
        for line in self._journal:
            try:
                entry = json.loads(line)
                row = range(len(self.ids))[entry.pop("row")]
            except (ValueError, LookupError, TypeError, AttributeError):
                break  # torn by a kill while it was written
            good += len(line)
            if "sha256" not in entry or entry["sha256"] == self._hash(row):
                self.done[row] = entry
        self._journal.truncate(good)
        self._journal.seek(0, os.SEEK_END)

    def _hash(self, row: int) -> str:
        self._pixels.seek(self._offset(row))
        return hashlib.sha256(self._pixels.read(self._row_bytes)).hexdigest()

    def _note(self, row: int, entry: dict) -> None:
        with _disk_errors(self.out):
            line = json.dumps({"row": row} | entry) + "\n"
            self._journal.write(line.encode())
            self._journal.flush()
            self.done[row] = entry
            if len(self.done) % SYNC_EVERY == 0:
                os.fsync(self._pixels.fileno())
                os.fsync(self._journal.fileno())

    @property
    def _row_bytes(self) -> int:
        return self.size * self.size * 2

    def _offset(self, row: int) -> int:
        return self._header_bytes + row * self._row_bytes

    def _publish_pixels(self, rows: list[int]) -> None:
        """Make images.npy of the good rows; one image in memory at a time."""
        target = self.folder / IMAGES
        target.unlink(missing_ok=True)
        os.fsync(self._pixels.fileno())
        if len(rows) == len(self.ids):
            with contextlib.suppress(OSError):
                os.link(self.folder / "work" / IMAGES, target)
                return
        with target.open("wb") as stream:
            stream.write(npy_header(len(rows), self.size))
            for row in rows:
                self._pixels.seek(self._offset(row))
                stream.write(self._pixels.read(self._row_bytes))
            stream.flush()
            os.fsync(stream.fileno())

    def _rename(self) -> None:
        """Swap the finished folder in for what was there."""
        old = self.out.with_name(self.out.name + ".old")
        shutil.rmtree(old, ignore_errors=True)
        if self.out.exists():
            os.replace(self.out, old)
        os.replace(self.folder, self.out)
        self._pixels.close()
        self._journal.close()
        shutil.rmtree(self.out / "work", ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _disk_errors(out: Path) -> Iterator[None]:
    """Say in one line what the disk did not allow; what is written stays."""
    try:
        yield
    except OSError as error:
        problem = f"cannot write ({error.strerror or type(error).__name__})"
        expected = "a writable disk with room; run again to go on"
        raise StoreError(problem, file=out, expected=expected) from error


def _write_text(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _read_text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
