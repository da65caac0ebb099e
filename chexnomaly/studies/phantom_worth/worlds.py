"""One cohort of phantoms in several worlds, each without one part of the phantom."""

from pathlib import Path

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.labels import FINDINGS
from chexnomaly.phantom import Switches
from chexnomaly.studies.design import Design

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
