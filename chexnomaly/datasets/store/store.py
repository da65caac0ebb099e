"""All images of a set at one size, in one memory-mapped file.

A store is a folder: images.npy (uint16, N x S x S, value / 65535), index.csv
(image_id, width_px, height_px, sha256) and manifest.json, which holds the index's
hash. It appears under its name only when it is complete, so what can be opened can be
used. Reading it needs neither what decodes nor what resizes.
"""

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from chexnomaly.errors import Refusal, StoreError, raised_as

STORE_SCHEMA = 1
PIXELS_FILE = "images.npy"
INDEX_FILE = "index.csv"
MANIFEST_FILE = "manifest.json"

Mark = tuple[int, int, str]
"""What the index says of an image: width_px, height_px, sha256 of its pixels."""

MAX_STORED_SIDE_PX = 8192
"""Largest image side that a manifest may claim."""


def hash_pixels(pixels: np.ndarray) -> str:
    """Return the sha256 of one stored image."""
    return hashlib.sha256(np.ascontiguousarray(pixels, dtype="<u2")).hexdigest()


def combine_hashes(hashes: Mapping[str, str]) -> str:
    """Return the sha256 over the images' hashes, in the order of the sorted ids."""
    joined = "".join(hashes[image_id] for image_id in sorted(hashes))
    return hashlib.sha256(joined.encode()).hexdigest()


class Store:
    """Images by id or row, read from the disk as they are asked for.

    Attributes:
        path: The store's folder.
        ids: Image ids, in row order.
        size: Side of the images, px.
        sizes: (height_px, width_px) of each source image, (N, 2), int64.
        data_hash: sha256 over the images' hashes in the order of their sorted ids.
        refused: Id of each image that could not be read to its refusal, without file.
    """

    def __init__(self, path: Path, names: Mapping[str, str] | None = None):
        """Use `Store.open` or `renamed`."""
        manifest = _read_manifest(path)
        hashes, self.sizes = _read_index(path / INDEX_FILE, manifest)
        if names is not None:
            hashes = {names[image_id]: value for image_id, value in hashes.items()}
        self.path, self._names = path, names
        self.ids, self.hashes = list(hashes), list(hashes.values())
        self.size, self.refused = manifest["size"], manifest["refused"]
        self.data_hash = combine_hashes(hashes)
        self._row = {image_id: row for row, image_id in enumerate(self.ids)}
        self._pixels = _map_pixels(path, len(self.ids), self.size)

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
        if image_id not in self._row:
            raise StoreError(f"no image {image_id!a:.80}", file=self.path)
        return self._row[image_id]

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


def format_index(images: Mapping[str, Mark]) -> str:
    """Return index.csv, one line per image, in their order."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("image_id", "width_px", "height_px", "sha256"))
    writer.writerows((image_id, *mark) for image_id, mark in images.items())
    return text.getvalue()


def format_manifest(
    images: Mapping[str, Mark], refused: Mapping[str, Refusal], size: int
) -> str:
    """Return manifest.json of a store with these images and refusals."""
    hashes = {image_id: sha256 for image_id, (_, _, sha256) in images.items()}
    manifest = {
        "schema": STORE_SCHEMA,
        "n": len(images),
        "size": size,
        "data_hash": combine_hashes(hashes),
        "index_hash": hashlib.sha256(format_index(images).encode()).hexdigest(),
        "refused": {k: asdict(one) | {"file": None} for k, one in refused.items()},
    }
    return json.dumps(manifest, indent=1) + "\n"


def _read_manifest(path: Path) -> dict:
    """Read a store's manifest; raises StoreError where it is missing or malformed."""
    file = path / MANIFEST_FILE
    expected = f"the manifest of a finished store, schema {STORE_SCHEMA}"
    with raised_as(StoreError, "unreadable", file=file, expected=expected):
        try:
            manifest = json.loads(file.read_text(encoding="utf-8-sig"))
        except FileNotFoundError:
            raise StoreError("no store", file=path, expected=expected) from None
        size, refused = manifest["size"], manifest["refused"].items()
        manifest["refused"] = {name: Refusal(**fields) for name, fields in refused}
        sound = manifest["schema"] == STORE_SCHEMA and type(size) is int
        if sound and 1 <= size <= MAX_STORED_SIDE_PX:
            return manifest
    problem = "unknown schema, or a bad value"
    raise StoreError(problem, file=file, expected=expected)


def _read_index(file: Path, manifest: dict) -> tuple[dict[str, str], np.ndarray]:
    """Read each image's hash by its id, and (height_px, width_px), (N, 2), int64."""
    with raised_as(StoreError, "unreadable", file=file):
        content = file.read_bytes()
        rows = list(csv.reader(io.StringIO(content.decode(), newline="")))[1:]
        hashes = {image_id: sha256 for image_id, _, _, sha256 in rows}
        sizes = np.array([(height, width) for _, width, height, _ in rows], np.int64)
    index_hash = hashlib.sha256(content).hexdigest()
    found = len(hashes), combine_hashes(hashes), index_hash
    if found != tuple(manifest.get(key) for key in ("n", "data_hash", "index_hash")):
        raise StoreError("changed, or another store's", file=file)
    return hashes, sizes.reshape(-1, 2)


def _map_pixels(path: Path, n: int, size: int) -> np.ndarray:
    """Map the pixels, checked against index and manifest; (N, S, S), uint16."""
    file = path / PIXELS_FILE
    expected = f"uint16 of shape {(n, size, size)}"
    if n == 0:
        return np.zeros((0, size, size), dtype="<u2")
    with raised_as(StoreError, "unreadable", file=file, expected=expected):
        pixels = np.load(file, mmap_mode="r", allow_pickle=False)
    sound = pixels.offset + pixels.nbytes == file.stat().st_size
    if not sound or pixels.dtype != np.dtype("<u2") or pixels.shape != (n, size, size):
        problem = f"{pixels.dtype} of shape {pixels.shape}, or trailing bytes"
        raise StoreError(problem, file=file, expected=expected)
    return pixels
