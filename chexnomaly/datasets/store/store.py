"""All images of a set at one size, in one memory-mapped file.

A store is a folder: images.npy (uint16, N x S x S, value / 65535), index.csv
(image_id, width_px, height_px, sha256) and manifest.json. It appears under its name
only when it is complete, so what can be opened can be used. Reading and writing need
numpy alone; `prepare_store` also needs what decodes and resizes.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from tokenize import TokenError

import numpy as np

from chexnomaly.datasets.store.partial_store import PartialStore
from chexnomaly.datasets.store.store_format import (
    IMAGES,
    INDEX,
    SCHEMA,
    combine_hashes,
    hash_pixels,
    quantize,
    read_index,
    read_manifest,
)
from chexnomaly.errors import Refusal, StoreError

UNREADABLE = (OSError, ValueError, SyntaxError, EOFError)
UNREADABLE += (TokenError, OverflowError, MemoryError)
"""What NumPy raises where the head of an array's file is damaged."""


class Store:
    """Images by id or row, read from the disk as they are asked for.

    Attributes:
        path: The store's folder.
        ids: Image ids, in row order.
        size: Side of the images, px.
        sizes: (height_px, width_px) of each source image, (N, 2), int64.
        data_hash: sha256 over the images' hashes in the order of their sorted ids.
    """

    def __init__(self, path: Path, manifest: dict, index: list[dict[str, str]]):
        """Use `Store.open`, which checks what it passes on."""
        self.path = path
        self.ids = [row["image_id"] for row in index]
        self.size = manifest["size"]
        sides = [(int(row["height_px"]), int(row["width_px"])) for row in index]
        self.sizes = np.array(sides, dtype=np.int64).reshape(-1, 2)
        self.data_hash = manifest["data_hash"]
        self.hashes = [row["sha256"] for row in index]
        self._names: dict[str, str] | None = None
        self._row = {image_id: row for row, image_id in enumerate(self.ids)}
        self._pixels = _map_pixels(path, len(index), self.size)

    @classmethod
    def open(cls, path: str | Path, verify: bool = False) -> "Store":
        """Open a finished store.

        Args:
            path: The store's folder.
            verify: Whether to compare every image with its hash (reads all of it).

        Raises:
            StoreError: It is missing, its files disagree, or an image is corrupted.
        """
        path = Path(path)
        manifest = read_manifest(path)
        index = read_index(path / INDEX, manifest)
        store = cls(path, manifest, index)
        if verify:
            store.verify()
        return store

    def __reduce__(self):
        """Reopen in another process, instead of sending the pixels there."""
        return _reopen, (self.path, self._names)

    def renamed(self, names: Mapping[str, str]) -> "Store":
        """Give the same images other ids, in memory only.

        Args:
            names: Present id to new one, for each image.

        Returns:
            A store of the same pixels; rows stay as they are in the file.
        """
        return _reopen(self.path, dict(names))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.ids)

    def row(self, image_id: str) -> int:
        """Return an image's row; raises StoreError where it is not in the store."""
        try:
            return self._row[image_id]
        except KeyError:
            problem = f"no image {image_id!a:.80}"
            raise StoreError(problem, file=self.path) from None

    def image(self, image_id: str | int) -> np.ndarray:
        """Return one image, by id or row: (S, S), float32, in [0, 1]."""
        row = self.row(image_id) if isinstance(image_id, str) else image_id
        return self._pixels[row].astype(np.float32) / np.float32(65535)

    def verify(self) -> None:
        """Compare every image with its hash; raises StoreError naming the first."""
        for row, expected in enumerate(self.hashes):
            if hash_pixels(self._pixels[row]) != expected:
                raise StoreError(
                    f"image {self.ids[row]!a:.80} is corrupted",
                    file=self.path / IMAGES,
                    row=row,
                    expected=f"sha256 {expected}",
                )


class StoreWriter:
    """Write images that are already square, one row at a time.

    A writer that was killed goes on: `missing` lists the rows still to be written.

    Args:
        out: Where the store is to appear.
        ids: Image id of each row.
        size: Side of the images, px.
        origin: Whatever the pixels depend on (seed, generator version, ...); a
            partial store of another origin is thrown away.
    """

    def __init__(self, out: Path, ids: Iterable[str], size: int, origin: str = ""):
        """Open or go on with `<out>.partial`; raises StoreError where it is in use."""
        ids = list(ids)
        text = json.dumps([SCHEMA, size, origin, ids])
        request = hashlib.sha256(text.encode()).hexdigest()
        self._partial = PartialStore(Path(out), ids, size, request)

    @property
    def missing(self) -> list[int]:
        """Rows not yet written, in order."""
        return self._partial.missing

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
        self._partial.write(row, quantize(image), width_px, height_px)

    def finish(self) -> Store:
        """Make the store appear and return it; raises StoreError if rows miss."""
        self._partial.finish()
        return Store.open(self._partial.out)

    def close(self) -> None:
        """Let go of the folder without finishing; the next writer goes on."""
        self._partial.close()


def prepare_store(
    images: Mapping[str, Path],
    out: Path,
    size: int,
    workers: int = 1,
    read: Callable[[Path], np.ndarray] | None = None,
) -> tuple[Store, list[Refusal]]:
    """Read, resize and store every image that can be read.

    Run again after a kill, it goes on where it was; run again on a finished store of
    the same files, it does nothing. The bytes do not depend on `workers`.

    Args:
        images: Image id to file; rows are in the order of the sorted ids.
        out: Where the store is to appear; an older store there is replaced.
        size: Side of the stored images, px.
        workers: Processes that decode at the same time.
        read: File to float32 (H, W) in [0, 1]; `images.read_image` by default. It
            must be importable by name where workers > 1.

    Returns:
        The store, and a refusal for each image that could not be read.

    Raises:
        StoreError: The folder is in use, no store, or on a full disk; or a worker
            died.
    """
    from chexnomaly.datasets.store.preparing import fill_partial_store

    refusals = fill_partial_store(dict(images), Path(out), size, workers, read)
    return Store.open(out), refusals


def _reopen(path: Path, names: dict[str, str] | None) -> Store:
    store = Store.open(path)
    if names is not None:
        store._names = names
        store.ids = [names[image_id] for image_id in store.ids]
        store._row = {image_id: row for row, image_id in enumerate(store.ids)}
        store.data_hash = combine_hashes(
            dict(zip(store.ids, store.hashes, strict=True))
        )
    return store


def _map_pixels(path: Path, n: int, size: int) -> np.ndarray:
    """Map the pixels, checked against index and manifest; (N, S, S), uint16."""
    file = path / IMAGES
    expected = f"uint16 of shape {(n, size, size)}"
    if n == 0:
        return np.zeros((0, size, size), dtype="<u2")
    try:
        pixels = np.load(file, mmap_mode="r", allow_pickle=False)
    except UNREADABLE as error:
        problem = f"unreadable ({type(error).__name__})"
        raise StoreError(problem, file=file, expected=expected) from None
    sound = pixels.offset + pixels.nbytes == file.stat().st_size
    if not sound or pixels.dtype != np.dtype("<u2") or pixels.shape != (n, size, size):
        problem = f"{pixels.dtype} of shape {pixels.shape}, or trailing bytes"
        raise StoreError(problem, file=file, expected=expected)
    return pixels
