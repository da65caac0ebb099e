"""Readings of the paper that need a training of their own: the arms of the register.

Each arm changes one decision of the register (`item`) and nothing else. Its default is
the system that the register's reading gives.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Arm:
    """One reading that is not the register's.

    Attributes:
        item: The register's number of the decision.
        name: Key of the reading.
        system: Key of the system that takes it.
        default: Key of the system under the register's reading.
        says: The reading, in words.
        changes: Options that differ.
        seed: Added to the study's seed.
        draw: 0 for the study's films; else which other films take the place of those
            it is trained and tuned on. The test films stay.
    """

    item: str
    name: str
    system: str
    default: str
    says: str
    changes: dict = field(default_factory=dict)
    seed: int = 0
    draw: int = 0

    @property
    def key(self) -> str:
        """`<item>.<name>`; the name holds no point."""
        return f"{self.item}.{self.name}"


def _arms(item: str, default: str, *readings: tuple[str, str]) -> list[Arm]:
    """Arms that are systems of their own: name of the arm of `default`, and words."""
    return [
        Arm(item, name, f"{default}__{name}", default, says) for name, says in readings
    ]


def _options(
    item: str, system: str, says: str, option: str, *values: float | bool
) -> list[Arm]:
    """Arms that change one option of the same system."""
    return [
        Arm(
            item,
            f"{option}_{v}".replace(".", "_"),
            system,
            system,
            f"{says} {v}",
            {option: v},
        )
        for v in values
    ]


ARMS: tuple[Arm, ...] = (
    *(
        Arm("8", f"seed_{k}", system, system, f"another seed ({k})", seed=k)
        for system in ("supermodel", "chexnomaly")
        for k in (1, 2)
    ),
    *(
        Arm(
            "17",
            f"films_{k}",
            system,
            system,
            f"learned from films {k}",
            draw=k,
        )
        for system in ("supermodel", "chexnomaly")
        for k in (1, 2)
    ),
    Arm(
        "18",
        "two_readers",
        "supermodel__two_readers",
        "supermodel",
        "trained on pixels that two readers marked",
    ),
    Arm(
        "18",
        "first_reader",
        "supermodel__first_reader",
        "supermodel",
        "trained on one reader's boxes",
    ),
    Arm(
        "29",
        "oversampled",
        "supermodel_oversampled",
        "supermodel",
        "abnormal scans repeated",
    ),
    *_arms(
        "30",
        "supermodel",
        ("straight_through", "boxes of 0 and 1, the identity as gradient"),
        ("soft_boxes", "soft boxes from row and column maxima"),
    ),
    *_arms("31", "supermodel", ("plain_focal", "no transform: the plain focal loss")),
    *_arms("27", "supermodel", ("printed_focal", "the focal loss as printed, clipped")),
    *_arms("61", "supermodel", ("cross_entropy", "cross-entropy, no transform")),
    *_options("32", "supermodel", "alpha", "alpha", 0.5, 0.75),
    Arm(
        "33",
        "gates",
        "attention_supermodel",
        "supermodel",
        "attention gates on every skip",
    ),
    Arm(
        "33",
        "bottleneck",
        "attention_supermodel__bottleneck",
        "supermodel",
        "self-attention at the bottleneck",
    ),
    *_options("34", "supermodel", "first level as wide as", "base_channels", 4, 16),
    *_options("36", "supermodel", "augmentation", "augment", True),
    *_arms(
        "46",
        "chexnomaly",
        ("concat", "the twin's map beside the scan"),
        ("bottleneck", "the twin's map joined at the bottleneck"),
    ),
    *_arms(
        "45",
        "chexnomaly",
        ("frozen_encoder", "only the twin's contracting half is frozen"),
        ("random_base", "a twin that was never trained"),
    ),
    *_arms(
        "47", "chexnomaly", ("from_supermodel", "starts with the supermodel's weights")
    ),
    *_arms("48", "chexnomaly", ("attention", "gates in its U-Net")),
    *_arms(
        "41",
        "chexnomaly",
        ("contrastive_only", "twin trained by the contrastive term alone"),
        ("bce_only", "twin trained by cross-entropy alone"),
        ("on_head", "contrastive term on the sigmoid's output"),
    ),
    *_arms("42", "chexnomaly", ("euclidean", "plain Euclidean distance")),
    *_arms(
        "43",
        "chexnomaly",
        ("random_pairs", "pairs drawn at random, no (healthy, healthy)"),
        ("random_nn_pairs", "pairs drawn at random, (healthy, healthy) as class 0"),
    ),
    Arm("39", "cnn", "chexnomaly_cnn", "chexnomaly", "the CNN twin's 128 numbers"),
    *_arms(
        "38",
        "chexnomaly_cnn",
        ("8_units", "a code of 8 numbers, not 128"),
        ("32_units", "a code of 32 numbers, not 128"),
    ),
    Arm(
        "22",
        "max_any_negatives",
        "max_ensemble__any_negatives",
        "max_ensemble",
        "specialists see other findings' scans as negatives (max)",
    ),
    *_arms(
        "25",
        "model_ensemble",
        ("out_of_fold", "joined on masks of unseen training scans"),
        ("convolution", "joined by one weight for each mask"),
        ("unet_on_max", "a U-Net on the maximum of the masks"),
    ),
    Arm(
        "22",
        "model_any_negatives",
        "model_ensemble__any_negatives",
        "model_ensemble",
        "specialists see other findings' scans as negatives (model)",
    ),
)
"""Every arm, the cheapest to train first within the systems of Table I."""
