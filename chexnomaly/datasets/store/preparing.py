"""Files to store: decode, resize and write, in as many processes as asked for.

Each worker writes its images by itself; the parent only hears what became of them, so
memory does not grow with the data set, and the bytes depend on nothing but the files.
"""

import json
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from chexnomaly.datasets.store.resize import resize_square
from chexnomaly.datasets.store.store import Mark, Store
from chexnomaly.datasets.store.writer import StoreWriter, quantize, write_pixels
from chexnomaly.errors import InputError, Refusal, StoreError


def prepare_store(
    images: Mapping[str, Path],
    out: Path,
    size: int,
    workers: int = 1,
    read: Callable[[Path], np.ndarray] | None = None,
) -> tuple[Store, list[Refusal]]:
    """Read, resize and store every image that can be read.

    Run again after a kill, it goes on where it was; run again on a finished store of
    the same files, it does nothing. The bytes do not depend on `workers`.

    Args:
        images: Image id to file; rows are in the order of the sorted ids.
        out: Where the store is to appear; an older store there is replaced.
        size: Side of the stored images, px.
        workers: Processes that decode at the same time.
        read: File to float32 (H, W) in [0, 1]; `images.read_image` by default. It
            must be importable by name where workers > 1.

    Returns:
        The store, and a refusal for each image that could not be read.

    Raises:
        StoreError: The folder is in use, no store, or on a full disk; or a worker
            died.
    """
    if read is None:
        from chexnomaly.datasets.store.images import read_image

        read = read_image
    ids = sorted(images)
    paths = [Path(images[name]) for name in ids]
    about = f"{read.__module__}.{read.__qualname__}"
    origin = json.dumps([about, [_stamp(path) for path in paths]])
    with closing(StoreWriter(out, ids, size, origin)) as writer:
        work = partial(_prepare_row, writer.folder, size, read)
        tasks = [(row, paths[row]) for row in writer.missing]
        results = work_in_order(work, tasks, workers)
        for (row, _), result in zip(tasks, results, strict=True):
            writer.note(row, result)
        store = writer.finish()
    refused = store.refused.items()
    return store, [replace(why, file=str(images[name])) for name, why in refused]


def prepare_image(
    path: Path, size: int, read: Callable[[Path], np.ndarray]
) -> tuple[np.ndarray, int, int] | Refusal:
    """Read, resize and quantize one image.

    Args:
        path: Its file.
        size: Side of the result, px.
        read: As in `prepare_store`.

    Returns:
        Pixels (S, S), uint16, with the source's width and height; a refusal where it
        cannot be read.
    """
    try:
        image = read(path)
    except InputError as error:
        return Refusal.from_error(error)
    height, width = image.shape
    return quantize(resize_square(image, size)), width, height


def _prepare_row(
    folder: Path, size: int, read: Callable, task: tuple[int, Path]
) -> Mark | Refusal:
    """Prepare one source file and write it to its row."""
    row, path = task
    result = prepare_image(path, size, read)
    if isinstance(result, Refusal):
        return result
    return write_pixels(folder, row, *result)


def _stamp(path: Path) -> list[int]:
    """Tell a file from what it was before: size in bytes, time of its last change."""
    with suppress(OSError):
        stat = path.stat()
        return [stat.st_size, stat.st_mtime_ns]
    return [0, 0]


def work_in_order(work: Callable, tasks: Sequence, workers: int) -> Iterator:
    """Yield each task's result, in order; at most a thousand parcels wait.

    Args:
        work: Done to each task; importable by name where workers > 1.
        tasks: What to do it to.
        workers: Processes that work at the same time.

    Raises:
        StoreError: A worker died.
    """
    if workers <= 1 or len(tasks) < 2:
        yield from map(work, tasks)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_one_thread) as pool:
        try:
            yield from pool.map(work, tasks, chunksize=1 + len(tasks) // 1000)
        except BrokenProcessPool:
            expected = "enough memory for the workers; run again to go on"
            raise StoreError("a worker process died", expected=expected) from None


def _one_thread() -> None:
    with suppress(ImportError):  # films that are made here may need no OpenCV
        import cv2

        cv2.setNumThreads(1)
