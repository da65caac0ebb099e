"""The files of a store: names, numbers, hashes, and what makes them sound."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from chexnomaly.errors import StoreError

SCHEMA = 1
IMAGES = "images.npy"
INDEX = "index.csv"
MANIFEST = "manifest.json"
REQUEST = "request.txt"
INDEX_COLUMNS = ("image_id", "width_px", "height_px", "sha256")

REFUSAL_FIELDS = {"error", "file", "row", "column", "problem", "expected"}
"""Keys of a refused image in the manifest; "file" is null there."""

MAX_SIDE_PX = 8192
"""Largest image side that a manifest may claim."""


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


def format_index(entries: Mapping[str, dict]) -> str:
    """Return index.csv of the entries that have pixels, in their order."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(INDEX_COLUMNS)
    for image_id, entry in entries.items():
        if "sha256" in entry:
            writer.writerow([image_id, *(entry[name] for name in INDEX_COLUMNS[1:])])
    return text.getvalue()


def format_manifest(entries: Mapping[str, dict], size: int, index: str) -> str:
    """Return manifest.json of a store with these entries and this index."""
    good = {k: entry["sha256"] for k, entry in entries.items() if "sha256" in entry}
    manifest = {
        "schema": SCHEMA,
        "n": len(good),
        "size": size,
        "data_hash": combine_hashes(good),
        "index_hash": hashlib.sha256(index.encode()).hexdigest(),
        "refused": {k: e["refused"] for k, e in entries.items() if "refused" in e},
    }
    return json.dumps(manifest, indent=1) + "\n"


def is_sound(path: Path) -> bool:
    """Tell whether a folder is a finished store, and every image is as it was."""
    try:
        manifest = read_manifest(path)
        hashes = [row["sha256"] for row in read_index(path / INDEX, manifest)]
        n, size = manifest["n"], manifest["size"]
        with (path / IMAGES).open("rb") as stream:
            header = npy_header(n, size)
            sound = stream.read(len(header)) == header
            rows = (stream.read(2 * size * size) for _ in range(n))
            found = [hashlib.sha256(row).hexdigest() for row in rows]
            return sound and found == hashes and not stream.read(1)
    except (StoreError, OSError):
        return False


def read_manifest(path: Path) -> dict:
    """Read and check a store's manifest.

    Returns:
        The manifest: schema, n, size, data_hash, index_hash and refused.

    Raises:
        StoreError: It is missing or malformed.
    """
    file = Path(path) / MANIFEST
    expected = f"the manifest of a finished store, schema {SCHEMA}"
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError("no store", file=path, expected=expected) from None
    except (OSError, ValueError, RecursionError) as error:
        problem = f"unreadable ({type(error).__name__})"
        raise StoreError(problem, file=file, expected=expected) from None
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        raise StoreError("unknown schema", file=file, expected=expected)
    for name, low, high in (("n", 0, 10**8), ("size", 1, MAX_SIDE_PX)):
        value = manifest.get(name)
        if type(value) is not int or not low <= value <= high:
            text = f"an integer from {low} to {high}"
            raise StoreError("bad value", file=file, column=name, expected=text)
    if not _are_refusals(manifest.get("refused")):
        expected = "image id to " + ", ".join(sorted(REFUSAL_FIELDS))
        raise StoreError("bad value", file=file, column="refused", expected=expected)
    for name in ("data_hash", "index_hash"):
        if not isinstance(manifest.get(name), str):
            raise StoreError("bad value", file=file, column=name, expected="sha256")
    return manifest


def _are_refusals(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(entry, dict) and entry.keys() == REFUSAL_FIELDS
        for entry in value.values()
    )


def read_index(file: Path, manifest: dict) -> list[dict[str, str]]:
    """Read index.csv, row by row, checked against the manifest.

    Raises:
        StoreError: It is missing, malformed, or another store's.
    """
    try:
        content = file.read_bytes()
        index = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    except (OSError, ValueError, csv.Error) as error:
        problem = f"unreadable ({type(error).__name__})"
        raise StoreError(problem, file=file) from None
    if hashlib.sha256(content).hexdigest() != manifest["index_hash"]:
        raise StoreError("changed, or another store's", file=file)
    if len(index) != manifest["n"]:
        expected = f"{manifest['n']} rows"
        raise StoreError(f"{len(index)} rows", file=file, expected=expected)
    for line, row in enumerate(index, start=2):
        if tuple(row) != INDEX_COLUMNS or not _is_sound(row):
            expected = f"{', '.join(INDEX_COLUMNS)}; sizes of at least 1 px"
            raise StoreError("bad row", file=file, row=line, expected=expected)
    hashes = {row["image_id"]: row["sha256"] for row in index}
    if len(hashes) != len(index):
        raise StoreError("an image id twice", file=file, expected="ids once each")
    if combine_hashes(hashes) != manifest["data_hash"]:
        raise StoreError("other images than the manifest's", file=file)
    return index


def _is_sound(row: dict) -> bool:
    sides = [row["width_px"], row["height_px"]]
    return None not in row.values() and all(
        side.isascii() and side.isdigit() and 0 < int(side) < 10**6 for side in sides
    )
