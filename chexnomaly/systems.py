"""Each system's recipe, once: its network, its loss, its data, its training.

Notebooks and the GPU runs call the same functions; a profile only changes the
`Options`. Defaults are the decision register's.
"""

import hashlib
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

from torch import nn

from chexnomaly.augmentation import augment
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.losses import box_focal_loss, sigmoid_focal_loss
from chexnomaly.models.unet import UNet
from chexnomaly.training import (
    History,
    Loss,
    Schedule,
    load_model,
    seeded_model,
    train,
)

MIN_AREA_AT_512 = 16
"""Smallest component that the transform takes for a finding, px of a 512-px map."""


@dataclass(frozen=True)
class Options:
    """What a profile may change about every recipe; defaults are `paper`'s.

    Attributes:
        base_channels: Width of the U-Net's first level.
        depth: Levels of the U-Net.
        convolutions: 3x3 convolutions per level.
        batch_norm: Normalize before each ReLU.
        alpha: Focal loss, weight of the positive class.
        gamma: Focal loss, focusing exponent.
        augment: Shift, scale, rotate and brighten the training images.
        schedule: How long and how fast to train.
    """

    base_channels: int = 64
    depth: int = 5
    convolutions: int = 2
    batch_norm: bool = False
    alpha: float = 0.25
    gamma: float = 2.0
    augment: bool = True
    schedule: Schedule = field(default_factory=Schedule)

    @classmethod
    def from_parameters(cls, **parameters) -> "Options":
        """Sort a notebook's flat parameters into options and schedule.

        Raises:
            TypeError: A name belongs to neither.
        """
        own = {k: v for k, v in parameters.items() if k in cls.__dataclass_fields__}
        rest = {k: v for k, v in parameters.items() if k not in own}
        return cls(**own, schedule=Schedule(**rest))


@dataclass(frozen=True)
class Trained:
    """A trained system.

    Attributes:
        system: System key.
        model: The network with its best weights.
        history: Its losses by epoch.
    """

    system: str
    model: nn.Module
    history: History


def unet(options: Options, in_channels: int = 1) -> UNet:
    """Build the U-Net that all systems share (Section IV-F)."""
    return UNet(
        in_channels=in_channels,
        base_channels=options.base_channels,
        depth=options.depth,
        convolutions=options.convolutions,
        batch_norm=options.batch_norm,
    )


def segmentation_loss(size: int, options: Options, transform: bool = True) -> Loss:
    """Build the loss of a segmentation system.

    Args:
        size: Side of the masks, px; scales the smallest component.
        options: Gives alpha and gamma.
        transform: Rectangularize first (the paper's custom loss) or not.

    Returns:
        A loss of logits and masks, (B, 1, S, S).
    """
    weights = {"alpha": options.alpha, "gamma": options.gamma}
    if not transform:
        return partial(sigmoid_focal_loss, **weights)
    return partial(box_focal_loss, min_area=min_area(size), **weights)


def min_area(size: int) -> int:
    """Scale the smallest component with the image area; at least 1 px."""
    return max(1, round(MIN_AREA_AT_512 * (size / 512) ** 2))


def train_supermodel(
    data: PreparedSet, run_dir: Path, options: Options, transform: bool = True
) -> Trained:
    """Train the supermodel: one U-Net on all findings, merged (Section IV-D).

    Args:
        data: Training and validation parts; the test part is never opened.
        run_dir: Folder of the run; a finished or interrupted run is taken up.
        options: Sizes, loss weights and schedule.
        transform: True for `supermodel`, False for `supermodel__plain_focal`.

    Returns:
        The trained system.
    """
    system = "supermodel" if transform else "supermodel__plain_focal"
    model = seeded_model(partial(unet, options), options.schedule.seed)
    history = train(
        model,
        segmentation_loss(data.store.size, options, transform),
        data.part("train"),
        data.part("val"),
        run_dir,
        options.schedule,
        augment=augment if options.augment else None,
        fingerprint=fingerprint(system, data, options),
    )
    return Trained(system, model, history)


def load_supermodel(run_dir: Path, options: Options) -> nn.Module:
    """Load a trained supermodel, or its plain-focal arm, for prediction.

    Raises:
        CheckpointError: The checkpoint is missing, corrupted or of other options.
    """
    model = unet(options)
    load_model(run_dir, model)
    return model.eval()


def fingerprint(system: str, data: PreparedSet, options: Options) -> str:
    """Name the code, data and options of a training run.

    A run whose fingerprint changed starts anew, so that editing a loss never leaves
    weights of the old one in place. The number of workers is not part of it.

    Args:
        system: System key.
        data: Its data.
        options: Its options.

    Returns:
        A SHA-256.
    """
    same = replace(options, schedule=replace(options.schedule, workers=0))
    digest = hashlib.sha256(repr((system, asdict(same))).encode())
    digest.update((data.data_hash + data.split_hash).encode())
    package = Path(__file__).parent
    names = ("augmentation", "boxes", "losses", "systems", "training")
    files = [package / f"{name}.py" for name in names]
    files += sorted((package / "models").glob("*.py"))
    files += [package / "datasets" / "segmentation.py"]
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
