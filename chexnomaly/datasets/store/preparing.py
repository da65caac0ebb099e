"""Files to store: decode and resize in processes, write in order.

Workers only decode and resize; the parent alone writes, in row order, so the bytes do
not depend on their number. At most two images per worker wait at any time, so memory
does not grow with the data set.
"""

import hashlib
import json
import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from chexnomaly.datasets.store.partial_store import PartialStore
from chexnomaly.datasets.store.resize import resize_square
from chexnomaly.datasets.store.store_format import SCHEMA, quantize, read_manifest
from chexnomaly.errors import InputError, Refusal, StoreError

Prepared = tuple[np.ndarray, int, int] | Refusal
"""Pixels (S, S), uint16, with the source's width and height; or why there are none."""


def fill_partial_store(
    images: dict[str, Path],
    out: Path,
    size: int,
    workers: int,
    read: Callable[[Path], np.ndarray] | None,
) -> list[Refusal]:
    """Do the work of `store.prepare_store`; see there."""
    if read is None:
        from chexnomaly.datasets.store.images import read_image

        read = read_image
    ids = sorted(images)
    paths = [Path(images[name]) for name in ids]
    store = PartialStore(out, ids, size, _request(ids, paths, size, read))
    rows = store.missing
    try:
        results = _prepare([paths[row] for row in rows], size, workers, read)
        for row, result in zip(rows, results, strict=True):
            if isinstance(result, Refusal):
                store.refuse(row, asdict(result) | {"file": None})
            else:
                store.write(row, *result)
        store.finish()
    finally:
        store.close()
    return _refusals(out, images)


def prepare_image(
    path: Path, size: int, read: Callable[[Path], np.ndarray]
) -> Prepared:
    """Read, resize and quantize one image; what cannot be read is a Refusal."""
    try:
        image = read(path)
    except InputError as error:
        return Refusal.from_error(error)
    height, width = image.shape
    return quantize(resize_square(image, size)), width, height


def _request(ids: list[str], paths: list[Path], size: int, read: Callable) -> str:
    """Hash what the store depends on: ids, files as they are now, size, reader."""
    files = [_stamp(path) for path in paths]
    text = json.dumps([SCHEMA, size, _name(read), ids, files])
    return hashlib.sha256(text.encode()).hexdigest()


def _name(read: Callable) -> str:
    if isinstance(read, partial):
        return f"{_name(read.func)}{read.args}{sorted(read.keywords.items())}"
    return f"{read.__module__}.{read.__qualname__}"


def _stamp(path: Path) -> list[int]:
    try:
        stat = path.stat()
    except OSError:
        return [0, 0]
    return [stat.st_size, stat.st_mtime_ns]


def _prepare(
    paths: list[Path], size: int, workers: int, read: Callable
) -> Iterator[Prepared]:
    """Yield each path's result, in order."""
    work = partial(prepare_image, size=size, read=read)
    if workers <= 1 or len(paths) < 2:
        yield from map(work, paths)
        return
    context = multiprocessing.get_context("spawn")
    waiting: deque = deque()
    with ProcessPoolExecutor(workers, context, initializer=_one_thread) as pool:
        try:
            for path in paths:
                waiting.append(pool.submit(work, path))
                if len(waiting) >= 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            expected = "enough memory for the workers; run again to go on"
            raise StoreError("a worker process died", expected=expected) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _one_thread() -> None:
    import cv2

    cv2.setNumThreads(1)


def _refusals(out: Path, images: dict[str, Path]) -> list[Refusal]:
    """Read back which images the finished store does without."""
    refused = read_manifest(out)["refused"]
    return [
        Refusal(**(fields | {"file": str(images[name])}))
        for name, fields in refused.items()
        if name in images
    ]
