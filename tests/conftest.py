"""Shared fixtures: a small prepared data set that needs no phantom."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chexnomaly.datasets.annotations.findings import COLUMNS, save_findings
from chexnomaly.datasets.annotations.splits import save_split, split_images
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.store.writer import StoreWriter

# torch's compiler imports setuptools, which else would take the place of a distutils
# that another test has imported before.
os.environ.setdefault("SETUPTOOLS_USE_DISTUTILS", "stdlib")

READERS = ("R1", "R2", "R3")


def write_squares(out: Path, n: int = 40, size: int = 32, seed: int = 0) -> PreparedSet:
    """Prepare noisy images, every second with a bright square that readers boxed.

    Images are said to be twice as large as they are stored, so that the boxes of the
    table have to be scaled. Reader R3 overlooks every square of an id that ends in 8.
    """
    rng = np.random.default_rng(seed)
    ids = [f"img{i:03d}" for i in range(n)]
    writer = StoreWriter(out / "store", ids, size)
    rows = []
    for i, image_id in enumerate(ids):
        image = rng.random((size, size), dtype=np.float32) * 0.5
        x, y = rng.integers(0, size - 10, 2)
        if i % 2 == 0:
            image[y : y + 8, x : x + 10] += 0.4
        writer.write(i, image, 2 * size, 2 * size)
        for k, reader in enumerate(READERS):
            missed = i % 2 == 1 or (reader == "R3" and image_id.endswith("8"))
            box = [np.nan] * 4 if missed else [2 * x, 2 * y, 2 * x + 20, 2 * y + 16]
            finding = "no_finding" if missed else ("ild", "nodule_mass")[i % 4 // 2]
            row = 2 + 3 * i + k
            rows.append(
                [image_id, reader, finding, *box, 2 * size, 2 * size, "phantom", row]
            )
    writer.finish()
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    save_findings(table, out / "findings.csv")
    save_split(split_images(table, 0, (0.5, 0.25, 0.25)), out / "splits.csv")
    return PreparedSet.open(out)


@pytest.fixture(scope="session")
def squares(tmp_path_factory) -> PreparedSet:
    """Forty small images, half of them abnormal; 20 train, 10 val, 10 test."""
    return write_squares(tmp_path_factory.mktemp("squares"))
