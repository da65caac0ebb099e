"""Makes the folder of shipped films again from NIH's and ChestX-Det's downloads.

    python -m tests.ship_films book/reference/films --films NIH [--marks CHESTX_DET]

Which films are shipped stands in `SOURCES.csv` of the folder, with the SHA-256 of each
original. An original of other bytes is named and left out, so that no other film comes
in under its name. Opinions and joins of names are no part of either download.
"""

import argparse
import hashlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from chexnomaly.datasets.sources import chestx_det, nih
from chexnomaly.files import write_atomic

SIDE_PX = 256
QUALITY = 90


def shrink(image: Image.Image) -> bytes:
    """Average a square film's pixels in blocks down to SIDE_PX, as gray WebP."""
    pixels = np.asarray(image.convert("L"), dtype=np.float64)
    block = len(pixels) // SIDE_PX
    blocks = pixels.reshape(SIDE_PX, block, SIDE_PX, block)  # (H, b, W, b)
    gray = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(gray).save(stream, "WEBP", quality=QUALITY, method=6)
    return stream.getvalue()


def ship_films(films: Path, out: Path, check: bool = True) -> list[str]:
    """Write the films that SOURCES.csv lists; return the names that could not be."""
    sources = pd.read_csv(out / "SOURCES.csv", index_col="image_id")["sha256"]
    images, left_out = nih.scan_folder(films)[0], []
    for name, sha256 in sources.items():
        content = images[name].read_bytes() if name in images else b""
        if not content or check and hashlib.sha256(content).hexdigest() != sha256:
            left_out.append(name)
            continue
        film = shrink(Image.open(io.BytesIO(content)))
        write_atomic(out / "images" / f"{name}.webp", film, durable=False)
    return left_out


def ship_marks(folder: Path, out: Path) -> int:
    """Keep ChestX-Det's entries of the shipped films, under NIH's names."""
    shipped = set(nih.scan_folder(out)[0])
    numbers = pd.read_csv(out / nih.FILM_NUMBERS, dtype="str")
    names = dict(zip(numbers["number"] + ".png", numbers["image_id"], strict=True))
    files = [folder / name for name in chestx_det.FILES[1:]]
    entries = [entry for file in files for entry in json.loads(file.read_text())]
    kept = [
        entry | {"file_name": f"{names[entry['file_name']]}.png"}
        for entry in entries
        if names.get(entry["file_name"]) in shipped
    ]
    kept.sort(key=lambda entry: entry["file_name"])
    lines = (json.dumps(entry, separators=(",", ":")) for entry in kept)
    write_atomic(out / chestx_det.FILES[0], "[\n" + ",\n".join(lines) + "\n]\n")
    return len(kept)


def main(arguments: list[str] | None = None) -> int:
    """Write the folder again, and say what could not be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--films", type=Path, required=True)
    parser.add_argument("--marks", type=Path)
    parser.add_argument("--copies", action="store_true", help="films are not originals")
    given = parser.parse_args(arguments)
    left_out = ship_films(given.films, given.out, check=not given.copies)
    if given.marks:
        print(f"ChestX-Det: {ship_marks(given.marks, given.out)} films")
    for name in left_out:
        sys.stderr.write(f"left out: {name}\n")
    return 1 if left_out else 0


if __name__ == "__main__":
    sys.exit(main())
