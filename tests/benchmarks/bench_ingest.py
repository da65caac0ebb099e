"""Files to store beside decoding alone, and beside a pydicom and scikit-image loop.

    python tests/benchmarks/bench_ingest.py --out bench.json

Films have the size of VinDr-CXR's, uncompressed and in JPEG 2000 without loss. "Decode
alone" reads each file and decodes its pixels, nothing more: what any reader must pay.
Processor seconds are compared, those of the process that decodes compressed films
included, since other programs may run as well. How it scales is told by wall seconds
with one worker process on one core and with one for each core, in turn; decoders have
threads of their own, so a process must be kept to its core. One run is killed in the
middle and must, when it goes on, end with the same store.
"""

import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import psutil
import torch
from pydicom import dcmread
from pydicom.pixels import apply_modality_lut
from pydicom.uid import JPEG2000Lossless
from reporting import compare, interleaved, report, spread
from skimage.transform import resize

from chexnomaly.datasets.store.images import read_image
from chexnomaly.datasets.store.preparing import prepare_image, prepare_store
from chexnomaly.datasets.store.store import Store
from chexnomaly.datasets.store.writer import MARK_TYPE, MARKS_FILE
from chexnomaly.phantom import film
from tests.dicom_files import dicom_dataset, save_dicom

HEIGHT, WIDTH, SIZE = 3000, 2500, 512
PEER = "pydicom and scikit-image"
KINDS = ("uncompressed", "JPEG 2000")
SAMPLES, REPEATS, FILES = 2, 5, 12
WORKER_ROUNDS, FEW = 3, 2
LINEAR = 0.9
"""Share of the cores' number from which a speedup counts as nearly linear."""
MOST_BY_OTHERS = 0.1
"""Share of the processors that other programs may take while workers are timed."""
CPU = torch.device("cpu")


def write_samples(folder: Path) -> dict[str, list[Path]]:
    """Write phantoms at full size, enlarged and with detector noise, in both forms."""
    rng, paths = np.random.default_rng(0), {kind: [] for kind in KINDS}
    for index in range(SAMPLES):
        coarse = film(0, index, SIZE).pixels.astype(np.float32)
        low, high = coarse.min(), coarse.max()
        smooth = cv2.resize((coarse - low) / (high - low), (WIDTH, HEIGHT))
        noisy = smooth * 3900 + 60 + rng.normal(0, 12, (HEIGHT, WIDTH))
        dataset = dicom_dataset(np.clip(noisy, 0, 4095).astype("<u2"), 12)
        for kind in KINDS:
            if kind == "JPEG 2000":
                dataset.compress(JPEG2000Lossless)
            path = folder / kind / f"film{index}.dicom"
            paths[kind].append(save_dicom(dataset, path))
    return paths


def processor_seconds() -> float:
    """Return what this process and the decoding one that it started have spent."""
    others = [child.cpu_times() for child in psutil.Process().children()]
    return time.process_time() + sum(times.user + times.system for times in others)


def decode_alone(paths: list[Path]) -> None:
    """Read and decode, and nothing else."""
    for path in paths:
        _ = dcmread(path).pixel_array


def usual_way(path: Path) -> np.ndarray:
    """Prepare one film as notebooks do; (S, S), uint16."""
    dataset = dcmread(path)
    image = apply_modality_lut(dataset.pixel_array, dataset).astype(np.float64)
    image = (image - image.min()) / (image.max() - image.min())
    image = resize(image, (SIZE, SIZE), anti_aliasing=True)
    return np.rint(image * 65535).astype(np.uint16)


def usual_loop(paths: list[Path], folder: Path) -> None:
    """Prepare films one after the other, each into a file."""
    for path in paths:
        np.save(folder / f"{path.stem}.npy", usual_way(path))


def our_loop(paths: list[Path], folder: Path) -> None:
    """Prepare the same films into a store, in this process."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        prepare_store({path.stem: path for path in paths}, Path(place, "store"), SIZE)


def check_same(paths: list[Path]) -> float:
    """Compare both ways, equal up to the kernel of resizing; mean difference."""
    differences = []
    for path in paths:
        ours, _, _ = prepare_image(path, SIZE, read_image)
        other = usual_way(path)
        differences.append(np.abs(ours / 65535.0 - other / 65535.0).mean())
        assert np.corrcoef(ours.ravel(), other.ravel())[0, 1] > 0.999, path
    assert max(differences) < 0.01, differences
    return max(differences)


def time_each(paths: dict[str, list[Path]], folder: Path) -> dict:
    """Time one film of each kind, all ways in turn, in one process on one core."""
    cv2.setNumThreads(1)
    table = {}
    for kind, files in paths.items():
        difference = check_same(files)
        tasks: dict[str, Callable] = {
            "decode alone": partial(decode_alone, files),
            "chexnomaly": partial(our_loop, files, folder),
            PEER: partial(usual_loop, files, folder),
        }
        seconds = interleaved(tasks, REPEATS, CPU, processor_seconds)
        each = {k: [s / len(files) for s in v] for k, v in seconds.items()}
        share = median(each["decode alone"]) / median(each["chexnomaly"])
        table[kind] = {
            "mib_per_file": round(files[0].stat().st_size / 2**20, 2),
            "mean_difference_to_peer": round(float(difference), 5),
            "seconds_per_film": {name: spread(values) for name, values in each.items()},
            "share_of_decode_rate": round(share, 3),
            "times_as_fast_as": compare(
                seconds, "chexnomaly", ["pydicom and scikit-image"]
            ),
        }
    return table


def copies(files: list[Path], folder: Path, n: int) -> dict[str, Path]:
    """Name the sample films n times over, by links."""
    folder.mkdir(parents=True)
    images = {}
    for index in range(n):
        link = folder / f"film{index:04d}.dicom"
        os.link(files[index % len(files)], link)
        images[link.stem] = link
    return images


class Watch:
    """Time a block: wall seconds, and what share of the processors others took."""

    def __enter__(self) -> "Watch":
        self._before = self._read()
        return self

    def __exit__(self, *_) -> None:
        wall, own, busy = (
            after - before
            for after, before in zip(self._read(), self._before, strict=True)
        )
        self.seconds = wall
        self.others = max(0.0, busy - own) / (wall * os.cpu_count())

    @staticmethod
    def _read() -> tuple[float, float, float]:
        spent = os.times()
        machine = psutil.cpu_times()
        busy = sum(machine[:9]) - machine.idle - getattr(machine, "iowait", 0.0)
        return time.perf_counter(), sum(spent[:4]), busy


@contextmanager
def kept_to(cores: int) -> Iterator[None]:
    """Keep this process, and what it starts meanwhile, to some of its cores."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def time_workers(files: list[Path], folder: Path) -> dict:
    """Prepare films with one worker process on one core and one on each, in turn.

    Of two sizes, so that starting the workers does not count. Wall seconds say nothing
    where other programs keep the processors busy: then the report says so.
    """
    if not hasattr(os, "sched_setaffinity"):
        why = "this system keeps no process to a core"
        return {"speedup": None, "nearly_linear": None, "why_not": why}
    images = copies(files, folder / "many", FILES)
    cores = sorted({1, len(os.sched_getaffinity(0))})
    each: dict[int, list[float]] = {workers: [] for workers in cores}
    others = []
    for number in range(WORKER_ROUNDS):
        for workers in cores:
            taken = []
            for n in (FEW, FILES):
                some = dict(list(images.items())[:n])
                out = folder / f"store_{number}_{workers}_{n}"
                with kept_to(workers), Watch() as watch:
                    prepare_store(some, out, SIZE, workers)
                taken.append(watch.seconds)
                others.append(watch.others)
            each[workers].append((taken[1] - taken[0]) / (FILES - FEW))
    speedups = [a / b for a, b in zip(each[1], each[cores[-1]], strict=True)]
    report = {
        "films": FILES,
        "cores": cores[-1],
        "seconds_per_film": {str(w): spread(values) for w, values in each.items()},
        "others_share": round(median(others), 3),
    }
    if median(others) > MOST_BY_OTHERS:
        why = "other programs kept the processors busy"
        return report | {"speedup": None, "nearly_linear": None, "why_not": why}
    return report | {
        "speedup": round(median(speedups), 3),
        "speedup_range": [round(min(speedups), 3), round(max(speedups), 3)],
        "nearly_linear": median(speedups) >= LINEAR * cores[-1],
    }


def prepare(images: dict[str, Path], out: Path) -> None:
    prepare_store(images, out, SIZE, workers=1)


def kill_and_resume(files: list[Path], folder: Path) -> dict:
    """Kill a run in the middle; what was written must not be prepared again."""
    images = copies(files, folder / "killed", FILES)
    out = folder / "killed_store"
    process = multiprocessing.get_context("spawn").Process(
        target=prepare, args=(images, out)
    )
    process.start()
    marks = out.with_name(out.name + ".partial") / MARKS_FILE
    while not marks.exists() or len(np.fromfile(marks, MARK_TYPE)) < FILES // 2:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    done = len(np.fromfile(marks, MARK_TYPE))
    started = time.perf_counter()
    resumed, _ = prepare_store(images, out, SIZE)
    seconds = time.perf_counter() - started
    whole, _ = prepare_store(images, folder / "whole_store", SIZE)
    return {
        "films": FILES,
        "done_when_killed": done,
        "seconds_for_the_rest": round(seconds, 2),
        "lost": len(images) - len(resumed),
        "same_store": Store.open(out, verify=True).data_hash == whole.data_hash,
    }


def run() -> dict:
    """Write films, then measure."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        paths = write_samples(folder)
        each = time_each(paths, folder)
        workers = time_workers(paths["JPEG 2000"], folder)
        resume = kill_and_resume(paths["uncompressed"], folder)
    return {
        "film_px": [HEIGHT, WIDTH],
        "store_px": SIZE,
        "kinds": each,
        "workers": workers,
        "resume": resume,
    }


if __name__ == "__main__":
    report(__doc__.splitlines()[0], run, ("scikit-image", "imagecodecs"))
