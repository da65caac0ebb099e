"""Render a cohort straight into a store: no files in between, no pydicom."""

from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np

from chexnomaly.datasets.store.preparing import work_in_order
from chexnomaly.datasets.store.resize import resize_square
from chexnomaly.datasets.store.writer import StoreWriter
from chexnomaly.phantom.films import Film
from chexnomaly.phantom.request import Request


def write_store(
    out: str | Path,
    n: int,
    seed: int,
    size: int,
    *,
    workers: int = 1,
    **options,
) -> list[Film]:
    """Render a cohort straight into a store, without files in between.

    The pixels equal those that go through the files of `write_dataset`: the same
    integers, scaled from their minimum to their maximum, resized by the same code.

    Args:
        out: Folder of the store.
        n: Number of films.
        seed: Seed of the cohort.
        size: Side of the stored images, px.
        workers: Processes that render at the same time.
        options: Further fields of `Request`: layout, size_px, enriched, ...

    Returns:
        The films without pixels, in the order of their index; rows of the store are
        in the order of the sorted image ids.
    """
    request = Request(n, seed, **options)
    films = [request.film(index, pixels=False) for index in range(n)]
    order = sorted(range(n), key=lambda index: films[index].image_id)
    ids = [films[index].image_id for index in order]
    origin = request.dump().decode()
    with closing(StoreWriter(Path(out), ids, size, origin)) as writer:
        rows = list(writer.missing)
        wanted = [order[row] for row in rows]
        task = partial(_square_film, request, size)
        images = work_in_order(task, wanted, workers)
        for row, index, image in zip(rows, wanted, images, strict=True):
            height, width = films[index].size_px
            writer.write(row, image, width, height)
        writer.finish()
    return films


def _square_film(request: Request, size: int, index: int) -> np.ndarray:
    """Render a film as a square. Shape (S, S)."""
    return resize_square(brightness(request.film(index)), size)


def brightness(made: Film) -> np.ndarray:
    """Undo the file form: air dark, bone bright, minimum 0, maximum 1. (H, W)."""
    values = made.pixels.astype(np.float64)
    low, high = values.min(), values.max()
    scaled = (values - low) / max(high - low, 1e-12)
    return (1 - scaled if made.form.inverted else scaled).astype(np.float32)
