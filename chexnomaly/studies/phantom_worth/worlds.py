"""One cohort of phantoms in several worlds, each without one part of the phantom."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from chexnomaly import systems
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.labels import FINDINGS
from chexnomaly.phantom import Switches
from chexnomaly.phantom.files.prepared import write_prepared
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

NETWORK = systems.Options(
    base_channels=8,
    depth=4,
    convolutions=1,
    batch_norm=True,
    augment=False,
    schedule=Schedule(epochs=8, learning_rate=0.012, one_cycle=True, patience=100),
)
"""The demo's supermodel, for fewer epochs."""


@dataclass(frozen=True)
class Ablation:
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
    options: systems.Options = field(default_factory=lambda: NETWORK)
    workers: int = 1


def make_world(
    root: Path, study: Ablation, switches: Switches, natural: PreparedSet | None = None
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
    parts = np.repeat(["train", "val", "test"], study.counts)
    same_body = switches.anatomy_variation == 1
    return write_prepared(
        root,
        parts,
        study.cohort,
        study.size,
        workers=study.workers,
        natural=natural.store if natural is not None and same_body else None,
        enriched=True,
        switches=switches,
    )
