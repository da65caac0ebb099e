"""One cohort of phantoms in several worlds, each without one part of the phantom."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from chexnomaly import systems
from chexnomaly.datasets.findings import save_findings
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.splits import save_split
from chexnomaly.labels import FINDINGS
from chexnomaly.phantom import Switches, write_store
from chexnomaly.studies.phantom_audit import findings_of
from chexnomaly.training import Schedule

GROUPS = {
    "shape": ("aortic_enlargement", "atelectasis", "cardiomegaly"),
    "lung": (
        *("consolidation", "ild", "infiltration", "lung_opacity"),
        "pulmonary_fibrosis",
    ),
    "pleura": ("pleural_effusion", "pleural_thickening", "pneumothorax"),
    "focal": ("calcification", "nodule_mass", "other_lesion"),
}
"""Findings that work alike, painted together."""

NATURAL = "natural"
WORLDS = {
    NATURAL: Switches(),
    "no_anatomy_variation": Switches(anatomy_variation=0.0),
    "no_reader_noise": Switches(reader_noise=0.0),
    "painted_all": Switches(painted=frozenset(FINDINGS)),
} | {f"painted_{k}": Switches(painted=frozenset(v)) for k, v in GROUPS.items()}
"""World to what is turned off in it."""

RECIPE = systems.Options(
    base_channels=8,
    depth=4,
    convolutions=1,
    batch_norm=True,
    augment=False,
    schedule=Schedule(epochs=12, learning_rate=0.006, one_cycle=True, patience=100),
)
"""The demo's supermodel."""


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

    counts: tuple[int, int, int] = (800, 100, 400)
    size: int = 64
    cohort: int = 14
    seeds: tuple[int, ...] = (0, 1, 2, 3)
    options: systems.Options = field(default_factory=lambda: RECIPE)
    workers: int = 1


def make_world(root: Path, study: Study, switches: Switches) -> PreparedSet:
    """Render a cohort without some parts, or open it where it is finished.

    Film i is the same patient in every world.

    Args:
        root: Folder to write.
        study: Sizes and seed.
        switches: What is turned off.

    Returns:
        The films, split by their number.
    """
    films = write_store(
        root / "store",
        sum(study.counts),
        study.cohort,
        study.size,
        enriched=True,
        workers=study.workers,
        switches=switches,
    )
    save_findings(findings_of(films), root / "findings.csv")
    parts = np.repeat(["train", "val", "test"], study.counts)
    split = pd.Series(parts, index=[made.image_id for made in films])
    save_split(split, root / "splits.csv")
    return PreparedSet.open(root)
