"""How large the reference grid is, and which bundle trains which system."""

from dataclasses import dataclass, field

from chexnomaly.labels import NAMED_IN_FIGURE_14
from chexnomaly.studies.design import Design
from chexnomaly.studies.speed.step_cost import StepSizes
from chexnomaly.systems import SPECIALIZED, Options, find_recipe

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
        "siamese_unet",
        *(f"chexnomaly{arm}" for arm in ("", "__concat", "__random_base")),
    ),
    ("siamese_cnn", "chexnomaly_cnn"),
    (*SPECIALIZED, *BEFORE, "max_ensemble", "model_ensemble"),
)
"""Systems of each bundle, each after what it builds on."""

TEST, SPECIALIZED_TEST = "reference_test", "reference_specialized_test"
"""Keys of the sets, of which no other study has any."""

HALF_WIDTH = {
    "base_channels": 32,
    "batch_norm": True,
    "epochs": 12,
    "batch_size": 16,
    "learning_rate": 3e-3,
    "one_cycle": True,
    "patience": 100,
    "precision": "bf16-mixed",
    "workers": 8,
}
"""Half the paper's width; rates follow the demo's, nothing was tuned at this size."""

OWN_OPTIONS = {
    "04_specialized_models": {"epochs": 20},
    "06_siamese_networks": {"epochs": 3, "learning_rate": 3e-4},
}
"""Section of a recipe to the options that win over those of all."""


@dataclass(frozen=True)
class Sizes(Design):
    """How large the grid is. A bare machine reads no profile: its options stand here.

    Attributes:
        resamples: Bootstrap samples per interval.
        step: What bundle 0 measures.
    """

    counts: tuple[int, int, int] = (1000, 100, 300)
    size: int = 512
    cohort: int = 31
    workers: int = 16
    resamples: int = 1000
    step: StepSizes = field(default_factory=StepSizes)

    def options(self, system: str, **chosen) -> Options:
        """Give a system's options; what is chosen wins."""
        own = OWN_OPTIONS.get(find_recipe(system).section, {})
        given = {**HALF_WIDTH, **own, **self.chosen, **chosen}
        return Options.from_parameters(**given)
