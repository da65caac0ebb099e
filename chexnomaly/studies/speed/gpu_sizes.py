"""How large the reference grid is, and which bundle trains which system."""

from dataclasses import dataclass, field, replace

from chexnomaly.labels import NAMED_IN_FIGURE_14
from chexnomaly.studies.speed.step_cost import StepSizes
from chexnomaly.systems import SPECIALIZED, Options
from chexnomaly.training.schedule import Schedule

BEFORE = tuple(
    f"specialized_{finding}__cross_entropy" for finding in NAMED_IN_FIGURE_14
)
"""The "before" of Fig. 14, for the findings that its caption names."""

BUNDLES: tuple[tuple[str, ...], ...] = (
    (),
    (
        *("supermodel", "supermodel__plain_focal", "supermodel_oversampled"),
        "attention_supermodel",
    ),
    (
        *("siamese_unet", "chexnomaly", "chexnomaly__concat"),
        "chexnomaly__random_base",
    ),
    ("siamese_cnn", "chexnomaly_cnn"),
    (*SPECIALIZED, *BEFORE, "max_ensemble", "model_ensemble"),
)
"""Systems of each bundle, each after what it builds on."""

TEST, SPECIALIZED_TEST = "reference_test", "reference_specialized_test"
"""Keys of the sets, of which no other study has any."""

HALF_WIDTH = Options(
    base_channels=32,
    batch_norm=True,
    schedule=Schedule(
        epochs=12,
        batch_size=16,
        learning_rate=3e-3,
        one_cycle=True,
        patience=100,
        precision="bf16-mixed",
        workers=8,
    ),
)
"""Half the paper's width; rates follow the demo's, nothing was tuned at this size."""


@dataclass(frozen=True)
class Sizes:
    """How large the grid is.

    Attributes:
        counts: Films to train on, to choose thresholds on, and to test on.
        size: Side of the images and longer side of the films, px.
        cohort: Seed of the films.
        options: Recipe of all systems.
        twin: Passes over the pairs of a Siamese network, and its peak rate.
        specialized_epochs: Passes over a specialized model's balanced films.
        resamples: Bootstrap samples per interval.
        workers: Processes that render films.
        step: What bundle 0 measures.
    """

    counts: tuple[int, int, int] = (1000, 100, 300)
    size: int = 512
    cohort: int = 31
    options: Options = field(default_factory=lambda: HALF_WIDTH)
    twin: tuple[int, float] = (3, 3e-4)
    specialized_epochs: int = 20
    resamples: int = 1000
    workers: int = 16
    step: StepSizes = field(default_factory=StepSizes)

    def recipe(self, system: str) -> Options:
        """Give a system's own options."""
        changes = {}
        if system.startswith("siamese"):
            changes = {"epochs": self.twin[0], "learning_rate": self.twin[1]}
        elif system.startswith("specialized"):
            changes = {"epochs": self.specialized_epochs}
        return replace(self.options, schedule=replace(self.options.schedule, **changes))


TINY = Sizes(
    counts=(160, 80, 80),
    size=32,
    options=Options(
        base_channels=2,
        depth=3,
        batch_norm=True,
        schedule=Schedule(epochs=1, learning_rate=3e-3, precision="bf16-mixed"),
    ),
    twin=(1, 3e-4),
    specialized_epochs=1,
    resamples=50,
    workers=1,
    step=StepSizes(widths=(2,), size=32, batch=2, depth=3, matrix=64, repeats=2),
)
"""The same way in seconds on a processor; its numbers mean nothing."""
