"""Time and memory of preparing N images: linear in N, and flat.

    python tests/benchmarks/bench_prepare.py --out bench.json

writes N DICOM files, prepares them in a fresh process, and reports wall and processor
seconds and the peak resident memory of that process and its workers.
"""

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from reporting import in_a_process, report

from chexnomaly.datasets.store.images import read_image
from chexnomaly.datasets.store.preparing import prepare_image, prepare_store
from tests.dicom_files import dicom_dataset, save_dicom

COUNTS, WORKERS = (100, 200, 400), 1
SIDE, SIZE = 1024, 512
"""Of the films and of the store, px."""


def write_films(folder: Path, n: int) -> None:
    """Write N noisy 12-bit films; they share their noise, shifted."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 4096, (SIDE, SIDE), dtype=np.uint16)
    for i in range(n):
        stored = np.roll(noise, (i, 7 * i), axis=(0, 1))
        save_dicom(dicom_dataset(stored, 12), folder / f"im{i:05d}.dicom")


def measure(folder: str) -> None:
    """Prepare one folder in this process; print what it took as JSON."""
    images = {path.stem: path for path in Path(folder).iterdir()}
    first = next(iter(images.values()))
    prepare_image(first, SIZE, read_image)  # imports what it needs
    start, spent = time.perf_counter(), sum(os.times()[:4])
    prepare_store(images, Path(f"{folder}_store"), SIZE, WORKERS)
    seconds, spent = time.perf_counter() - start, sum(os.times()[:4]) - spent
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usages = [resource.getrusage(kind) for kind in kinds]
    unit = 2**20 if sys.platform == "darwin" else 2**10
    taken = {
        "n": len(images),
        "seconds": seconds,
        "cpu_seconds": spent,
        "peak_mib": max(usage.ru_maxrss for usage in usages) / unit,
    }
    print(json.dumps(taken))


def run() -> dict:
    """Measure each N in a process of its own."""
    runs = []
    for n in COUNTS:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place, "films")
            write_films(folder, n)
            code = f"import bench_prepare as b; b.measure({str(folder)!r})"
            runs.append(in_a_process(code))
    rates = [run["cpu_seconds"] / run["n"] for run in runs]
    peaks = [run["peak_mib"] for run in runs]
    return {
        "side_px": SIDE,
        "store_px": SIZE,
        "workers": WORKERS,
        "runs": runs,
        "largest_to_smallest_cpu_per_image": max(rates) / min(rates),
        "largest_to_smallest_peak": max(peaks) / min(peaks),
    }


if __name__ == "__main__":
    report(__doc__.splitlines()[0], run, ())
