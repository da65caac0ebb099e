"""Draw a small cohort and tell the hash of each thing made, as JSON.

`test_same_bytes.py` runs this file where parts of the processor are switched off.
"""

import hashlib
import json
import math
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from chexnomaly.datasets.annotations.splits import split_hash, split_images
from chexnomaly.datasets.store.resize import resize_square
from chexnomaly.datasets.store.store import Store
from chexnomaly.phantom import film, write_dataset, write_store
from chexnomaly.phantom.anatomy.grid import Grid
from chexnomaly.phantom.anatomy.texture import Texture
from chexnomaly.phantom.files.findings_table import phantom_findings
from chexnomaly.phantom.films import ORDER
from chexnomaly.phantom.portable import random

SUFFIXES = (".csv", ".dicom", ".dcm", ".png", ".json")


def digest(parts: Iterable[bytes]) -> str:
    return hashlib.sha256(b"\n".join(parts)).hexdigest()


def drawn(root: Path) -> dict[str, str]:
    """Hash everything that the phantom makes."""
    table = phantom_findings(41, 3, enriched=True)
    for layout in ("vindr", "rsna", "candid", "covid"):
        write_dataset(root / layout, 2, 5, layout, size_px=(64, 80), positive_share=1)
    write_store(root / "store", 6, 3, 64, size_px=(96, 200), enriched=True)
    store = Store.open(root / "store", verify=True)
    shown = [film(8, i, 96, findings=[key]).pixels for i, key in enumerate(ORDER)]
    grid = Grid(240, 200, (-17, -5), (34, 40.8))
    texture = Texture(random(1), (-22.0, -16.0, 22.0, 44.0), 0.26, -3.0)
    noise = np.random.default_rng(0).random((301, 257), np.float32)
    files = sorted(path for path in root.rglob("*") if path.suffix in SUFFIXES)
    return {
        "split": split_hash(split_images(table)),
        "what readers mark": digest([table.to_csv().encode()]),
        "films": digest(map(np.ndarray.tobytes, shown)),
        "files": digest(path.read_bytes() for path in files),
        "store": digest(store.image(name).tobytes() for name in store.ids),
        "texture": digest([texture(grid.x, grid.y).tobytes()]),
        "blur": digest(grid.blur(noise[:240, :200], s).tobytes() for s in (0.3, 4)),
        "resized": digest(resize_square(noise, s).tobytes() for s in (64, 280, 400)),
    }


def libraries() -> dict[str, str]:
    """Hash what each library itself makes of the same numbers."""
    draws = np.random.default_rng(0).uniform(0.1, 20, 4001)
    square = np.random.default_rng(0).random((150, 150))
    single = draws.astype(np.float32)
    numpy = [np.exp(single), np.sin(single), single**2.4, np.exp(draws), draws**2.4]
    libc = [f(x) for f in (math.exp, math.sin, math.log) for x in draws.tolist()]
    return {
        "numpy": digest(map(np.ndarray.tobytes, numpy)),
        "opencv": cv2.getCPUFeaturesLine(),
        "blas": digest([(square @ square).tobytes()]),
        "libc": digest([repr(libc).encode()]),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        json.dump([drawn(Path(folder)), libraries()], sys.stdout)
