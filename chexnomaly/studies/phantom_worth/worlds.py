"""One cohort of phantoms in several worlds, each without one part of the phantom."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.labels import FINDINGS
from chexnomaly.phantom import Switches
from chexnomaly.phantom.files.prepared import write_prepared
from chexnomaly.systems import Options, find_recipe

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


@dataclass(frozen=True)
class Design:
    """How large a study with films of its own is.

    Attributes:
        counts: Films to train on, to choose thresholds on, and to test on.
        size: Side of the images, px.
        cohort: Seed of the films.
        seeds: Seeds of the networks.
        chosen: Options that win over those of the profile `study`.
        workers: Processes that render films.
    """

    counts: tuple[int, int, int] = (800, 150, 900)
    size: int = 48
    cohort: int = 21
    seeds: tuple[int, ...] = (0, 1, 2)
    chosen: dict = field(default_factory=dict)
    workers: int = 1

    def options(self, system: str, **chosen) -> Options:
        """Give a system's options; what is chosen here wins."""
        section = find_recipe(system).section
        return Options.from_profile("study", section, **{**self.chosen, **chosen})

    def films(self, root: Path, **options) -> PreparedSet:
        """Render training, validation and test films, or open finished ones.

        Args:
            root: Folder to write.
            options: Further arguments of `write_store`.

        Returns:
            The films; the findings among abnormal ones are evened out.
        """
        parts = np.repeat(["train", "val", "test"], self.counts)
        options = {"enriched": True, "workers": self.workers, **options}
        return write_prepared(root, parts, self.cohort, self.size, **options)


ABLATION = Design((700, 100, 600), size=64, cohort=14, chosen={"epochs": 8})
"""The study's sizes; scores are averaged over its seeds."""


def make_world(root: Path, study: Design, world: str) -> PreparedSet:
    """Render a cohort without some parts, or open it where it is finished.

    Film i is the same patient in every world.

    Args:
        root: Folder to write.
        study: Sizes and seed.
        world: Key of `WORLDS`.

    Returns:
        The films, split by their number.
    """
    return study.films(root, switches=WORLDS[world])
