"""One cohort of phantoms in several worlds, each without one part of the phantom."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from chexnomaly import systems
from chexnomaly.datasets.annotations.findings import save_findings
from chexnomaly.datasets.annotations.splits import save_split
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.store.resize import resize_square
from chexnomaly.datasets.store.writer import StoreWriter
from chexnomaly.labels import FINDINGS
from chexnomaly.phantom import Film, Switches, write_store
from chexnomaly.phantom.files.findings_table import findings_of
from chexnomaly.phantom.files.store import brightness
from chexnomaly.phantom.request import Request
from chexnomaly.training.schedule import Schedule

NATURAL = "natural"
WHOLE = {
    NATURAL: Switches(),
    "no_anatomy_variation": Switches(anatomy_variation=0.0),
    "no_reader_noise": Switches(reader_noise=0.0),
    "painted_all": Switches(painted=frozenset(FINDINGS)),
}
"""World to what is turned off in it, for all findings at once."""

PAINTED = {f"painted_{key}": key for key in FINDINGS}
"""World to the one finding that is painted in it."""

WORLDS = WHOLE | {
    world: Switches(painted=frozenset([finding])) for world, finding in PAINTED.items()
}
"""World to what is turned off in it."""

SIZE_PX = (192, 288)
"""Smallest and largest longer side of a film before it is resized, px."""

RECIPE = systems.Options(
    base_channels=8,
    depth=4,
    convolutions=1,
    batch_norm=True,
    augment=False,
    schedule=Schedule(
        epochs=8, batch_size=8, learning_rate=0.012, one_cycle=True, patience=100
    ),
)
"""The demo's supermodel, for fewer epochs."""


@dataclass(frozen=True)
class Study:
    """Sizes of the study.

    Attributes:
        counts: Films to train on, to choose thresholds on, and to test on.
        size: Side of the images, px.
        cohort: Seed of the films.
        seeds: Seeds of the networks; scores are averaged over them.
        options: The supermodel's recipe.
        workers: Processes that render.
    """

    counts: tuple[int, int, int] = (700, 100, 600)
    size: int = 64
    cohort: int = 14
    seeds: tuple[int, ...] = (0, 1, 2)
    options: systems.Options = field(default_factory=lambda: RECIPE)
    workers: int = 1


def make_world(
    root: Path, study: Study, switches: Switches, natural: PreparedSet | None = None
) -> PreparedSet:
    """Render a cohort without some parts, or open it where it is finished.

    Film i is the same patient in every world.

    Args:
        root: Folder to write.
        study: Sizes and seed.
        switches: What is turned off.
        natural: The world with nothing turned off, whose pixels are copied where
            nothing on the film changes; None renders every film.

    Returns:
        The films, split by their number.
    """
    films = _write_films(root / "store", study, switches, natural)
    save_findings(findings_of(films), root / "findings.csv")
    parts = np.repeat(["train", "val", "test"], study.counts)
    split = pd.Series(parts, index=[made.image_id for made in films])
    save_split(split, root / "splits.csv")
    return PreparedSet.open(root)


def _write_films(
    out: Path, study: Study, switches: Switches, natural: PreparedSet | None
) -> list[Film]:
    """Render the films that differ from the natural ones, copy the others."""
    n, same_body = sum(study.counts), switches.anatomy_variation == 1
    options = {"enriched": True, "switches": switches, "workers": study.workers}
    options |= {"size_px": SIZE_PX}
    if natural is None or not same_body:
        return write_store(out, n, study.cohort, study.size, **options)
    request = Request(n, study.cohort, "vindr", SIZE_PX, True, None, switches)
    films = [request.film(index, pixels=False) for index in range(n)]
    rows = sorted(range(n), key=lambda index: films[index].image_id)
    ids = [films[index].image_id for index in rows]
    writer = StoreWriter(out, ids, study.size, origin=request.dump().decode())
    try:
        for row in writer.missing:
            made = films[rows[row]]
            if switches.painted & set(made.plan.findings):
                shown = brightness(request.film(rows[row]))
                image = resize_square(shown, study.size)
            else:
                image = natural.store.image(made.image_id)
            writer.write(row, image, made.size_px[1], made.size_px[0])
        writer.finish()
    finally:
        writer.close()
    return films
