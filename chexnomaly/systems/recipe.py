"""What all recipes share: options, the U-Net, one way to train and to load."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path

from torch import nn
from torch.utils.data import Dataset

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.imports import ROOT, follow
from chexnomaly.models.unet import UNet
from chexnomaly.profiles import open_profile
from chexnomaly.training.augmentation import augment
from chexnomaly.training.checkpoints import load_model
from chexnomaly.training.loop import seeded_model, train
from chexnomaly.training.schedule import History, Loss, Schedule

DATA = ("chexnomaly.datasets.prepared", "chexnomaly.datasets.store.images")
"""What makes the data: a run's data hash speaks for it."""


def sources(root: Path = ROOT) -> list[Path]:
    """List the code that a training run depends on, found from imports.

    Args:
        root: The folder that the package lies in.

    Returns:
        Every file that importing the recipes runs, less what only makes the data.
    """
    package = root / "chexnomaly"
    recipes = sorted((package / "systems").rglob("*.py"))
    names = [".".join(f.relative_to(root).with_suffix("").parts) for f in recipes]
    return sorted(follow(names, root, without=DATA))


@cache
def _code_hash() -> str:
    """Hash that code by place and content, once per process."""
    digest = hashlib.sha256()
    for file in sources():
        digest.update(file.relative_to(ROOT).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()


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

    @classmethod
    def from_profile(cls, profile: str, notebook: str, **chosen) -> "Options":
        """Read a profile's options for the systems that one notebook trains.

        Args:
            profile: Its name, such as "demo".
            notebook: The notebook's name, such as "03_supermodels".
            **chosen: Options that win over the profile's.

        Raises:
            ProfileError: There is no such profile, or it cannot be read.
            TypeError: What is chosen is no option.
        """
        given = vars(open_profile(profile).settings(notebook))
        names = cls.__dataclass_fields__ | Schedule.__dataclass_fields__
        known = {name: value for name, value in given.items() if name in names}
        return cls.from_parameters(**{**known, **chosen})

    @property
    def network(self) -> dict:
        """The arguments that every network of `models` takes."""
        names = ("base_channels", "depth", "convolutions", "batch_norm")
        return {name: getattr(self, name) for name in names}


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
    return UNet(in_channels, **options.network)


def key(system: str, **arms: bool) -> str:
    """Name a system and those of its arms that are on, as in `a__x__y`."""
    return "__".join([system, *(arm for arm, on in arms.items() if on)])


def fit(
    system: str,
    build: Callable[[], nn.Module],
    loss: Loss,
    sets: tuple[Dataset, Dataset],
    data: PreparedSet,
    run_dir: Path,
    options: Options,
    augment: Callable | None = augment,
    depends_on: Sequence[str] = (),
) -> Trained:
    """Train one system, or take up its run where it stopped.

    Args:
        system: System key.
        build: Makes the network; its initial weights follow the schedule's seed.
        loss: Called as loss(prediction, target).
        sets: Training and validation set.
        data: What the sets are made from.
        run_dir: Folder of the run.
        options: Sizes, loss weights and schedule.
        augment: How to change training batches, where the options ask for it.
        depends_on: What else the run depends on; see `fingerprint`.

    Returns:
        The trained system.

    Raises:
        CheckpointError: A checkpoint is corrupted.
    """
    model = seeded_model(build, options.schedule.seed)
    history = train(
        model,
        loss,
        *sets,
        run_dir,
        options.schedule,
        augment=augment if options.augment else None,
        fingerprint=fingerprint(system, data, options, depends_on),
    )
    return Trained(system, model, history)


def loaded(model: nn.Module, run_dir: Path) -> nn.Module:
    """Give a network the weights of a run, ready for prediction.

    Raises:
        CheckpointError: The checkpoint is missing, corrupted or of other options.
    """
    load_model(run_dir, model)
    return model.eval()


def fingerprint(
    system: str, data: PreparedSet, options: Options, depends_on: Sequence[str] = ()
) -> str:
    """Name the code, data and options of a training run.

    A run whose fingerprint changed starts anew, so that editing a loss never leaves
    weights of the old one in place. The number of workers is not part of it.

    Args:
        system: System key.
        data: Its data.
        options: Its options.
        depends_on: What else the run depends on, such as further arguments or the
            fingerprints of the runs that it builds on.

    Returns:
        A SHA-256.
    """
    same = replace(options, schedule=replace(options.schedule, workers=0))
    digest = hashlib.sha256(repr((system, asdict(same), [*depends_on])).encode())
    digest.update((data.data_hash + data.split_hash).encode())
    digest.update(_code_hash().encode())
    return digest.hexdigest()
