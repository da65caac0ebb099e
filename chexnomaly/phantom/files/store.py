"""Render a cohort straight into a store: no files in between, no pydicom."""

from functools import partial
from pathlib import Path

import numpy as np

from chexnomaly.phantom.records import Film, Switches
from chexnomaly.phantom.request import Request, each_index


def write_store(
    out: str | Path,
    n: int,
    seed: int,
    size: int,
    *,
    layout: str = "vindr",
    size_px: tuple[int, int] = (192, 288),
    workers: int = 1,
    enriched: bool = False,
    positive_share: float | None = None,
    switches: Switches | None = None,
) -> list[Film]:
    """Render a cohort straight into a store, without files in between.

    The pixels equal those that go through the files of `write_dataset`: the same
    integers, scaled from their minimum to their maximum, resized by the same code.

    Args:
        out: Folder of the store.
        n: Number of films.
        seed: Seed of the cohort.
        size: Side of the stored images, px.
        layout: As in `write_dataset`, like all further arguments.
        size_px: Smallest and largest longer side of a film, px.
        workers: Processes that render at the same time.
        enriched: Even out the findings among positives.
        positive_share: Share of positives in place of the layout's own.
        switches: Parts turned off for an ablation.

    Returns:
        The films without pixels, in the order of their index; rows of the store are
        in the order of the sorted image ids.
    """
    from chexnomaly.datasets.store.writer import StoreWriter

    fixed = (enriched, positive_share, switches or Switches())
    request = Request(n, seed, layout, tuple(size_px), *fixed)
    films = [request.film(index, pixels=False) for index in range(n)]
    order = sorted(range(n), key=lambda index: films[index].image_id)
    ids = [films[index].image_id for index in order]
    writer = StoreWriter(Path(out), ids, size, origin=request.dump().decode())
    try:
        rows = list(writer.missing)
        task = partial(_square_film, request, size, tuple(order[row] for row in rows))
        for row, image in zip(rows, each_index(task, len(rows), workers), strict=True):
            height, width = films[order[row]].size_px
            writer.write(row, image, width, height)
        writer.finish()
    finally:
        writer.close()
    return films


def _square_film(request: Request, size: int, order: tuple[int, ...], row: int):
    """Render one film for a store: min-max of its integers, resized. (S, S)."""
    from chexnomaly.datasets.store.resize import resize_square

    made = request.film(order[row])
    return resize_square(brightness(made), size)


def brightness(made: Film) -> np.ndarray:
    """Undo the file form: air dark, bone bright, minimum 0, maximum 1. (H, W)."""
    form = made.form
    values = made.pixels.astype(np.float64)
    if form.slope is not None:
        values = values * form.slope + form.intercept
    low, high = values.min(), values.max()
    scaled = (values - low) / max(high - low, 1e-12)
    return (1 - scaled if form.inverted else scaled).astype(np.float32)
