"""Every system and how it is made, once (Section IV, Tables I to V).

An arm is a system with one thing changed. `recipes.toml` lists most of them, with
their words and their item of the decision register beside the change.
`studies.multiverse` trains every arm that has words and draws masks.
"""

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from chexnomaly.datasets.sampling import FOLDS
from chexnomaly.labels import FINDINGS

_ARMS = tomllib.loads(Path(__file__).with_name("recipes.toml").read_text("utf-8"))


@dataclass(frozen=True)
class Recipe:
    """How one system is made. The defaults are the register's.

    Attributes:
        key: The system's name in runs, results files and tables.
        kind: "segmentation" (image to mask), "siamese", "classifier" (of one film),
            "chexnomaly", "max_ensemble" or "model_ensemble".
        section: The section of a profile that holds its options.
        arm: Name of the arm; "" where it is none.
        default: Key of the system whose arm it is.
        item: Number of the decision in the register.
        says: What the arm does differently, in words.
        loss: Of a network that draws masks; see `objectives.segmentation_loss`.
        readers: Whose pixels are abnormal in training: "union" (any reader's), 2 (at
            least two readers'), or "first" (one reader's).
        attention: "" for none, "gates" on every skip, or "bottleneck" for a
            transformer's block below.
        finding: Draw this finding alone, on its balanced films; "" for all, merged.
        negatives: Who stands against that finding; see `sampling.NEGATIVES`.
        left_out: A fold of the training films to learn without.
        oversampled: Repeat the abnormal training films until both kinds are even.
        augmented: False where training is never augmented, whatever the options say.
        base: Half of a Siamese network, or the classifier's: "cnn" (a code) or "unet"
            (a map).
        units: Numbers in the code of the CNN base (Section V-C).
        distance: Between two outputs: "rms", or "euclidean" as printed.
        pairs: Which films are paired; see `pairs.SCHEMES`.
        pairs_per_film: Pairs for each film of a part.
        contrastive: Weight of the contrastive loss.
        cross_entropy: Weight of the cross-entropy of the head.
        margin: Of the contrastive loss.
        on_head: Take the head's sigmoid for the distance in the contrastive loss.
        twin: Key of the Siamese network whose base CheX-Nomaly freezes; of the
            supermodel in the positive control, which shows what a base can be worth.
        trained_twin: False for a base with its initial weights, as a control.
        fusion: Where the base's features join the U-Net; one of `FUSIONS`.
        frozen: What of the base is frozen; one of `FROZEN`.
        start: Key of a system whose weights the U-Net, or the twin's base, starts
            with, of a classifier those of its encoder; "phantoms:" before it for a run
            on phantoms, or another name of films that are not the system's own.
        specialists: Keys of the specialized models that an ensemble joins.
        joining: How they are joined: "unet" with a channel for each, "convolution"
            with one weight for each, or "unet_on_max" of their maximum.
        out_of_fold: Join masks of training films that the models never saw.
    """

    key: str
    kind: str
    section: str
    arm: str = ""
    default: str = ""
    item: str = ""
    says: str = ""
    loss: str = "box_focal"
    readers: str | int = "union"
    attention: str = ""
    finding: str = ""
    negatives: str = "no_finding"
    left_out: int | None = None
    oversampled: bool = False
    augmented: bool = True
    base: str = "unet"
    units: int = 128
    distance: str = "rms"
    pairs: str = "balanced"
    pairs_per_film: float = 2.0
    contrastive: float = 1.0
    cross_entropy: float = 1.0
    margin: float = 1.0
    on_head: bool = False
    twin: str = ""
    trained_twin: bool = True
    fusion: str = "only"
    frozen: str = "base"
    start: str = ""
    specialists: tuple[str, ...] = ()
    joining: str = "unet"
    out_of_fold: bool = False

    def change(self, arm: str, about: str = "", **changes) -> "Recipe":
        """Make an arm of this system.

        Args:
            arm: Its name.
            about: Number of the decision in the register, a colon, and the change in
                words; without any it is not studied.
            **changes: Fields that differ.
        """
        item, _, says = about.partition(": ")
        named = {"key": f"{self.key}__{arm}", "arm": arm, "default": self.key}
        return replace(self, item=item, says=says, **named | changes)

    def arms(self, of: str = "") -> "list[Recipe]":
        """Make the arms that `recipes.toml` lists under a name, by default its key."""
        return [self.change(arm, **how) for arm, how in _ARMS[of or self.key].items()]

    def on(self, twin: "Recipe") -> "Recipe":
        """Make the arm that freezes another twin."""
        return self.change(twin.arm, f"{twin.item}: {twin.says}", twin=twin.key)

    @property
    def trains(self) -> bool:
        """Whether there is anything to train."""
        return self.kind != "max_ensemble"

    @property
    def folds(self) -> list[list[str]]:
        """For each fold, the keys of the specialized models that learned without it."""
        n = FOLDS if self.out_of_fold else 0
        return [[f"{key}__fold_{k}" for key in self.specialists] for k in range(n)]

    @property
    def needs(self) -> tuple[str, ...]:
        """Keys of the systems that it builds on, trained before it."""
        twin = [self.twin] if self.trained_twin else []
        start = "" if ":" in self.start else self.start
        parts = [*twin, start, *self.specialists, *sum(self.folds, [])]
        return tuple(filter(None, parts))

    @property
    def reads(self) -> tuple[str, ...]:
        """Every run whose weights it takes, also of a system trained on other films."""
        return tuple(dict.fromkeys([*self.needs, *filter(None, [self.start])]))


ON_LABELS = ("siamese", "classifier")
"""Kinds that learn from whole films and what these are called, not from masks."""

SUPERMODEL = Recipe("supermodel", "segmentation", "03_supermodels")
SPECIALISTS = [
    Recipe(f"specialized_{f}", "segmentation", "04_specialized_models", finding=f)
    for f in FINDINGS
]
SPECIALIZED = tuple(one.key for one in SPECIALISTS)
"""Keys of the fourteen specialized models, in the order of Table II."""

# Of the findings that enough of the shipped real films show, Table II has all but one.
PNEUMONIA = Recipe(
    "specialized_pneumonia__films",
    *("segmentation", "04_specialized_models", "films"),
    finding="pneumonia",
)
ON_FILMS = (PNEUMONIA.key, "specialized_consolidation", "specialized_pleural_effusion")

MAXIMUM = Recipe(
    "max_ensemble", "max_ensemble", "04_specialized_models", specialists=SPECIALIZED
)
JOINED = replace(
    MAXIMUM, key="model_ensemble", kind="model_ensemble", section="model_ensemble"
)
SEES_OTHERS = "22: specialists see other findings' scans as negatives"
ANY_NEGATIVES = tuple(f"{key}__any_negatives" for key in SPECIALIZED)

TWIN = Recipe("siamese_unet", "siamese", "06_siamese_networks")
TWIN_ARMS = TWIN.arms("siamese")
CODE_TWIN = replace(TWIN, key="siamese_cnn", base="cnn")
CODES = CODE_TWIN.arms()
WARM, _ = WARM_TWINS = [
    twin.change("warm_start", start=f"one_film_{twin.base}")
    for twin in (TWIN, CODE_TWIN)
]

CHEXNOMALY = Recipe("chexnomaly", "chexnomaly", "07_chexnomaly", twin="siamese_unet")
ON_CODE = CHEXNOMALY.change(
    *("cnn", "39: the CNN twin's 128 numbers"), key="chexnomaly_cnn", twin="siamese_cnn"
)

PRACTICE_CONTROLS = SUPERMODEL.arms("practice")
"""What stands against practice on phantoms."""

EVERY = [
    *(SUPERMODEL, *SUPERMODEL.arms(), *SPECIALISTS, PNEUMONIA),
    *(
        arm
        for one in SPECIALISTS
        for arm in (
            *one.arms("specialized"),
            *(one.change(f"fold_{k}", left_out=k) for k in range(FOLDS)),
        )
    ),
    *(MAXIMUM, JOINED),
    *(one.change("films", specialists=ON_FILMS) for one in (MAXIMUM, JOINED)),
    *(
        one.change(
            *(f"{name}_any_negatives", f"{SEES_OTHERS} ({name})"),
            key=f"{one.key}__any_negatives",
            specialists=ANY_NEGATIVES,
        )
        for name, one in (("max", MAXIMUM), ("model", JOINED))
    ),
    *JOINED.arms(),
    *(TWIN, *TWIN_ARMS, CODE_TWIN, *CODE_TWIN.arms("siamese"), *CODES),
    *(
        replace(one, key=f"one_film_{one.base}", kind="classifier", section="one_film")
        for one in (TWIN, CODE_TWIN)
    ),
    *(*WARM_TWINS, CHEXNOMALY, ON_CODE, *ON_CODE.arms(), *map(ON_CODE.on, CODES)),
    *(*map(CHEXNOMALY.on, [*TWIN_ARMS, WARM]), *CHEXNOMALY.arms()),
    # trained on real films; the weights at the start were trained on phantoms
    *(
        one.change("from_phantoms", start="phantoms:supermodel")
        for one in (SUPERMODEL, CHEXNOMALY)
    ),
    *PRACTICE_CONTROLS,
]
RECIPES: dict[str, Recipe] = {recipe.key: recipe for recipe in EVERY}
"""Every system by its key."""


def find_recipe(key: str) -> Recipe:
    """Look a system up.

    Raises:
        ValueError: There is no such system.
    """
    if key not in RECIPES:
        raise ValueError(f"system {key!r}, expected one of {sorted(RECIPES)}")
    return RECIPES[key]


def build_order(key: str) -> list[str]:
    """List a system after everything that it builds on, each once."""
    parts = [one for need in find_recipe(key).needs for one in build_order(need)]
    return [*dict.fromkeys([*parts, key])]
