"""The files of a finished store: names, numbers, hashes, and what makes them sound."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from chexnomaly.errors import StoreError

if TYPE_CHECKING:
    import pandas as pd

STORE_SCHEMA = 1
PIXELS_FILE = "images.npy"
INDEX_FILE = "index.csv"
MANIFEST_FILE = "manifest.json"
REQUEST_FILE = "request.txt"

REFUSAL_FIELDS = {"error", "file", "row", "column", "problem", "expected"}
"""Keys of a refused image in the manifest; "file" is null there."""

MAX_STORED_SIDE_PX = 8192
"""Largest image side that a manifest may claim."""

_SIDE = r"[1-9][0-9]{0,5}"


class StoredImage(NamedTuple):
    """What the index says of one stored image.

    Attributes:
        width_px: Width of the source image.
        height_px: Height of the source image.
        sha256: Hash of the stored pixels.
    """

    width_px: int
    height_px: int
    sha256: str


INDEX_COLUMNS = ("image_id", *StoredImage._fields)


def quantize(image: np.ndarray) -> np.ndarray:
    """Turn [0, 1] into 0-65535; raises StoreError for other values."""
    low, high = (image.min(), image.max()) if image.size else (0.0, 0.0)
    if not (low >= 0.0 and high <= 1.0):
        problem = f"values from {low} to {high}"
        raise StoreError(problem, expected="values in [0, 1]")
    return np.rint(image.astype(np.float64) * 65535.0).astype("<u2")


def hash_pixels(pixels: np.ndarray) -> str:
    """Return the sha256 of one stored image."""
    return hashlib.sha256(np.ascontiguousarray(pixels, dtype="<u2")).hexdigest()


def combine_hashes(hashes: Mapping[str, str]) -> str:
    """Return the sha256 over the images' hashes, in the order of the sorted ids."""
    joined = "".join(hashes[image_id] for image_id in sorted(hashes))
    return hashlib.sha256(joined.encode("ascii", "replace")).hexdigest()


def npy_header(n: int, size: int) -> bytes:
    """Return the first bytes of images.npy, before N x S x S uint16 values."""
    stream = io.BytesIO()
    header = {"descr": "<u2", "fortran_order": False, "shape": (n, size, size)}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue()


def format_index(images: Mapping[str, StoredImage]) -> str:
    """Return index.csv, one line per image, in their order."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(INDEX_COLUMNS)
    writer.writerows((image_id, *image) for image_id, image in images.items())
    return text.getvalue()


def format_manifest(
    images: Mapping[str, StoredImage], refused: Mapping[str, dict], size: int
) -> str:
    """Return manifest.json of a store with these images and refusals."""
    manifest = {
        "schema": STORE_SCHEMA,
        "n": len(images),
        "size": size,
        "data_hash": combine_hashes({k: image.sha256 for k, image in images.items()}),
        "index_hash": hashlib.sha256(format_index(images).encode()).hexdigest(),
        "refused": refused,
    }
    return json.dumps(manifest, indent=1) + "\n"


def read_manifest(path: Path) -> dict:
    """Read and check a store's manifest.

    Returns:
        The manifest: schema, n, size, data_hash, index_hash and refused.

    Raises:
        StoreError: It is missing or malformed.
    """
    file = Path(path) / MANIFEST_FILE
    expected = f"the manifest of a finished store, schema {STORE_SCHEMA}"
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError("no store", file=path, expected=expected) from None
    except (OSError, ValueError, RecursionError) as error:
        problem = f"unreadable ({type(error).__name__})"
        raise StoreError(problem, file=file, expected=expected) from None
    if not isinstance(manifest, dict) or manifest.get("schema") != STORE_SCHEMA:
        raise StoreError("unknown schema", file=file, expected=expected)
    for name, (holds, expected) in _RULES.items():
        if not holds(manifest.get(name)):
            raise StoreError("bad value", file=file, column=name, expected=expected)
    return manifest


def _is_integer(low: int, high: int):
    return lambda value: type(value) is int and low <= value <= high


def _is_hash(value: object) -> bool:
    return isinstance(value, str)


def _are_refusals(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(entry, dict) and entry.keys() == REFUSAL_FIELDS
        for entry in value.values()
    )


_RULES = {
    "n": (_is_integer(0, 10**8), "an integer from 0 to 100000000"),
    "size": (
        _is_integer(1, MAX_STORED_SIDE_PX),
        f"an integer from 1 to {MAX_STORED_SIDE_PX}",
    ),
    "refused": (_are_refusals, "image id to " + ", ".join(sorted(REFUSAL_FIELDS))),
    "data_hash": (_is_hash, "sha256"),
    "index_hash": (_is_hash, "sha256"),
}
"""Entry of the manifest to its check, and what is expected."""


def read_index(file: Path, manifest: dict) -> "pd.DataFrame":
    """Read index.csv as text, checked against the manifest.

    Raises:
        StoreError: It is missing, malformed, or another store's.
    """
    import pandas as pd  # workers that only write need none

    try:
        content = file.read_bytes()
        index = pd.read_csv(io.BytesIO(content), dtype="str", keep_default_na=False)
    except (OSError, ValueError) as error:
        problem = f"unreadable ({type(error).__name__})"
        raise StoreError(problem, file=file) from None
    if hashlib.sha256(content).hexdigest() != manifest["index_hash"]:
        raise StoreError("changed, or another store's", file=file)
    if len(index) != manifest["n"]:
        expected = f"{manifest['n']} rows"
        raise StoreError(f"{len(index)} rows", file=file, expected=expected)
    expected = f"{', '.join(INDEX_COLUMNS)}; sizes of at least 1 px"
    if tuple(index) != INDEX_COLUMNS:
        raise StoreError("bad header", file=file, row=1, expected=expected)
    sides = index[["width_px", "height_px"]]
    wrong = ~sides.apply(lambda side: side.str.fullmatch(_SIDE)).all(axis=1)
    if wrong.any():
        row = int(wrong.argmax()) + 2
        raise StoreError("bad row", file=file, row=row, expected=expected)
    if not index["image_id"].is_unique:
        raise StoreError("an image id twice", file=file, expected="ids once each")
    hashes = dict(zip(index["image_id"], index["sha256"], strict=True))
    if combine_hashes(hashes) != manifest["data_hash"]:
        raise StoreError("other images than the manifest's", file=file)
    return index
