"""Time and memory of preparing N images: linear in N, and flat.

    python tests/benchmarks/bench_prepare.py --out bench.json

writes N DICOM files, prepares them in a fresh process, and reports wall and processor
seconds and the peak resident memory of that process and its workers.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from chexnomaly import results  # noqa: E402
from chexnomaly.datasets.store.images import read_image  # noqa: E402
from chexnomaly.datasets.store.preparing import (  # noqa: E402
    prepare_image,
    prepare_store,
)
from tests.dicom_files import dicom_dataset, save_dicom  # noqa: E402


def write_films(folder: Path, n: int, side: int) -> None:
    """Write N noisy 12-bit films; they share their noise, shifted."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 4096, (side, side), dtype=np.uint16)
    for i in range(n):
        stored = np.roll(noise, (i, 7 * i), axis=(0, 1))
        save_dicom(dicom_dataset(stored, 12), folder / f"im{i:05d}.dicom")


def measure(folder: Path, out: Path, size: int, workers: int) -> dict:
    """Prepare one folder in this process; return what it took."""
    images = {path.stem: path for path in folder.iterdir()}
    prepare_image(
        next(iter(images.values())), size, read_image
    )  # imports what it needs
    start, spent = time.perf_counter(), sum(os.times()[:4])
    prepare_store(images, out, size, workers)
    seconds, spent = time.perf_counter() - start, sum(os.times()[:4]) - spent
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usages = [resource.getrusage(kind) for kind in kinds]
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return {
        "n": len(images),
        "seconds": seconds,
        "cpu_seconds": spent,
        "peak_mib": max(usage.ru_maxrss for usage in usages) / unit,
    }


def compare(counts: list[int], side: int, size: int, workers: int) -> dict:
    """Measure each N in a process of its own."""
    runs = []
    for n in counts:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place, "films")
            write_films(folder, n, side)
            arguments = [sys.executable, __file__, "--folder", str(folder)]
            arguments += ["--size", str(size), "--workers", str(workers)]
            done = subprocess.run(arguments, check=True, capture_output=True)
            runs.append(json.loads(done.stdout))
    rates = [run["cpu_seconds"] / run["n"] for run in runs]
    peaks = [run["peak_mib"] for run in runs]
    return {
        "side_px": side,
        "store_px": size,
        "workers": workers,
        "runs": runs,
        "largest_to_smallest_cpu_per_image": max(rates) / min(rates),
        "largest_to_smallest_peak": max(peaks) / min(peaks),
    }


def main() -> None:
    """Compare several N, or measure one folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 200, 400])
    parser.add_argument("--side", type=int, default=1024, help="of the films, px")
    parser.add_argument("--size", type=int, default=512, help="of the store, px")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file; standard output if absent")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    started = time.perf_counter()
    if options.folder:
        store = options.folder.parent / "store"
        result = measure(options.folder, store, options.size, options.workers)
    else:
        result = compare(options.counts, options.side, options.size, options.workers)
    if not options.folder:
        result |= {"stamp": results.stamp({}, started)}
    text = json.dumps(result, indent=1) + "\n"
    if options.out:
        options.out.write_text(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
