"""All images of a set at one size, in one memory-mapped file.

A store is a folder: images.npy (uint16, N x S x S, value / 65535), index.csv
(image_id, width_px, height_px, sha256) and manifest.json. It appears under its name
only when it is complete, so what can be opened can be used. Reading it needs neither
what decodes nor what resizes.
"""

from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError

import numpy as np

from chexnomaly.datasets.store.store_format import (
    INDEX_FILE,
    PIXELS_FILE,
    combine_hashes,
    hash_pixels,
    read_index,
    read_manifest,
)
from chexnomaly.errors import StoreError

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
        refused: Id of each image that could not be read to what was refused.
    """

    def __init__(self, path: Path, names: Mapping[str, str] | None = None):
        """Use `Store.open` or `renamed`."""
        manifest = read_manifest(path)
        index = read_index(path / INDEX_FILE, manifest)
        self.path, self._names = path, names
        self.ids = index["image_id"].map(names or (lambda name: name)).tolist()
        self.size = manifest["size"]
        self.sizes = index[["height_px", "width_px"]].astype("int64").to_numpy()
        self.hashes = index["sha256"].tolist()
        self.data_hash = combine_hashes(dict(zip(self.ids, self.hashes, strict=True)))
        self.refused = manifest["refused"]
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
        store = cls(Path(path))
        if verify:
            store.verify()
        return store

    def __reduce__(self):
        """Reopen in another process, instead of sending the pixels there."""
        return type(self), (self.path, self._names)

    def renamed(self, names: Mapping[str, str]) -> "Store":
        """Give the same images other ids, in memory only.

        Args:
            names: Present id to new one, for each image.

        Returns:
            A store of the same pixels; rows stay as they are in the file.
        """
        return Store(self.path, dict(names))

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
                    file=self.path / PIXELS_FILE,
                    row=row,
                    expected=f"sha256 {expected}",
                )


def _map_pixels(path: Path, n: int, size: int) -> np.ndarray:
    """Map the pixels, checked against index and manifest; (N, S, S), uint16."""
    file = path / PIXELS_FILE
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
