"""The sizes of the study: leave one finding out, and the multiverse of readings.

They are those of `notebooks/profiles/study.yml`, so that the notebooks run at the
study's sizes under that profile.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.phantom.files.prepared import write_prepared
from chexnomaly.studies.phantom_worth.worlds import NETWORK
from chexnomaly.systems import Options

UNET = replace(NETWORK, schedule=replace(NETWORK.schedule, epochs=6))
"""Every segmentation network of the study."""


@dataclass(frozen=True)
class Design:
    """How large the study is.

    Attributes:
        counts: Films to train on, to choose thresholds on, and to test on.
        n_unseen: Films with pneumonia, which no training film shows.
        size: Side of the images, px.
        cohort: Seed of the films.
        seeds: Seeds of the networks.
        options: Recipe of the U-Nets.
        twin_epochs: Passes over the pairs of a Siamese network.
        twin_rate: Its peak learning rate.
        specialized_epochs: Passes over a specialized model's balanced scans.
        joining_epochs: Passes over the maps that the Model Ensemble joins.
        workers: Processes that render films.
    """

    counts: tuple[int, int, int] = (800, 150, 900)
    n_unseen: int = 200
    size: int = 48
    cohort: int = 21
    seeds: tuple[int, ...] = (0, 1, 2)
    options: Options = field(default_factory=lambda: UNET)
    twin_epochs: int = 2
    twin_rate: float = 3e-4
    specialized_epochs: int = 10
    joining_epochs: int = 5
    workers: int = 1

    def unet(self, seed: int) -> Options:
        """Give the recipe of a U-Net under a seed."""
        return self._scheduled(seed=seed)

    def twin(self, seed: int) -> Options:
        """Give the recipe of a Siamese network under a seed."""
        return self._scheduled(
            seed=seed, epochs=self.twin_epochs, learning_rate=self.twin_rate
        )

    def specialized(self, seed: int) -> Options:
        """Give the recipe of a specialized model under a seed."""
        return self._scheduled(seed=seed, epochs=self.specialized_epochs)

    def joining(self, seed: int) -> Options:
        """Give the recipe of the U-Net that joins specialized models."""
        return self._scheduled(seed=seed, epochs=self.joining_epochs)

    def _scheduled(self, **changes) -> Options:
        return replace(self.options, schedule=replace(self.options.schedule, **changes))


@dataclass(frozen=True)
class World:
    """The films of the study.

    Attributes:
        data: Training, validation and test films with the 14 findings.
        unseen: Test films with a finding that none of those shows.
    """

    data: PreparedSet
    unseen: PreparedSet


def make_world(root: Path, design: Design) -> World:
    """Render the films of the study, or open them where they are finished.

    Args:
        root: Folder to write.
        design: Sizes and seed.

    Returns:
        The films; the findings among abnormal ones are evened out.
    """
    parts = np.repeat(["train", "val", "test"], design.counts)
    common = {"size": design.size, "workers": design.workers}
    data = write_prepared(root / "vindr", parts, design.cohort, enriched=True, **common)
    parts, asked = ["test"] * design.n_unseen, {"layout": "rsna", "positive_share": 1.0}
    unseen = write_prepared(
        root / "unseen", parts, design.cohort + 1, **asked, **common
    )
    return World(data, unseen)


def other_films(root: Path, design: Design, draw: int) -> PreparedSet:
    """Render films to learn from in place of the study's, or open finished ones.

    Args:
        root: Folder of the study.
        design: Sizes and seed.
        draw: From 1; names the folder and moves the seed.

    Returns:
        Training and validation films. There are no test films.
    """
    n_train, n_val, _ = design.counts
    parts = np.repeat(["train", "val"], (n_train, n_val))
    return write_prepared(
        root / f"films_{draw}",
        parts,
        design.cohort + 1 + draw,
        design.size,
        workers=design.workers,
        enriched=True,
    )
