"""Every trained system by its key: its recipe, how to load it, what it builds on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import nn

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.labels import FINDINGS
from chexnomaly.systems.chexnomaly import load_chexnomaly, train_chexnomaly
from chexnomaly.systems.ensembles import (
    load_max_ensemble,
    load_model_ensemble,
    train_model_ensemble,
)
from chexnomaly.systems.recipe import Options, Trained, loaded
from chexnomaly.systems.segmentation import (
    attention_unet,
    load_supermodel,
    train_attention_supermodel,
    train_specialized,
    train_supermodel,
)
from chexnomaly.systems.siamese import KINDS, load_siamese, train_siamese

Runs = Sequence[Path]


@dataclass(frozen=True)
class System:
    """How one system is made.

    Attributes:
        train: Called as train(runs of `needs`, data, run_dir, options); None where
            there is nothing to train.
        load: Called as load(runs of `needs`, run_dir, options, size).
        needs: Keys of the systems it builds on, trained before it.
    """

    train: Callable[[Runs, PreparedSet, Path, Options], Trained] | None
    load: Callable[[Runs, Path, Options, int], nn.Module]
    needs: tuple[str, ...] = ()


def _alone(recipe: Callable, *first, **arms) -> Callable:
    """Make a recipe that builds on nothing one of a table entry."""
    return lambda runs, data, run_dir, options: recipe(
        *first, data, run_dir, options, **arms
    )


def _plain(runs: Runs, run_dir: Path, options: Options, size: int) -> nn.Module:
    return load_supermodel(run_dir, options)


def _attention(runs: Runs, run_dir: Path, options: Options, size: int) -> nn.Module:
    return loaded(attention_unet(options), run_dir)


def _siamese(kind: str, **arms) -> System:
    return System(
        _alone(train_siamese, kind, **arms),
        lambda runs, run_dir, options, size: load_siamese(kind, run_dir, options, size),
    )


def _chexnomaly(kind: str, fusion: str = "only", trained_base: bool = True) -> System:
    def train(runs: Runs, data: PreparedSet, run_dir: Path, options: Options):
        base = runs[0] if trained_base else None
        return train_chexnomaly(kind, base, data, run_dir, options, fusion)

    return System(
        train,
        lambda runs, run_dir, options, size: load_chexnomaly(
            kind, run_dir, options, fusion
        ),
        (f"siamese_{kind}",) if trained_base else (),
    )


SPECIALIZED = tuple(f"specialized_{finding}" for finding in FINDINGS)
"""Keys of the fourteen specialized models, in the order of Table II."""

SYSTEMS: dict[str, System] = {
    "supermodel": System(_alone(train_supermodel), _plain),
    "supermodel__plain_focal": System(
        _alone(train_supermodel, transform=False), _plain
    ),
    "supermodel_oversampled": System(
        _alone(train_supermodel, oversampled=True), _plain
    ),
    "attention_supermodel": System(_alone(train_attention_supermodel), _attention),
    "max_ensemble": System(
        None,
        lambda runs, run_dir, options, size: load_max_ensemble(runs, options),
        SPECIALIZED,
    ),
    "model_ensemble": System(
        train_model_ensemble,
        lambda runs, run_dir, options, size: load_model_ensemble(
            runs, run_dir, options
        ),
        SPECIALIZED,
    ),
}
"""System key to how it is made; arms of a system follow it after two underscores."""

for _finding in FINDINGS:
    _name = f"specialized_{_finding}"
    _recipe = partial(_alone, train_specialized, _finding)
    SYSTEMS[_name] = System(_recipe(), _plain)
    SYSTEMS[f"{_name}__plain_focal"] = System(_recipe(transform=False), _plain)
    SYSTEMS[f"{_name}__any_negatives"] = System(_recipe(negatives="any"), _plain)

for _kind in KINDS:
    _name = f"siamese_{_kind}"
    SYSTEMS[_name] = _siamese(_kind)
    SYSTEMS[f"{_name}__contrastive_only"] = _siamese(_kind, cross_entropy=0.0)
    SYSTEMS[f"{_name}__bce_only"] = _siamese(_kind, contrastive=0.0)
    SYSTEMS[f"{_name}__random_pairs"] = _siamese(_kind, scheme="random")
    SYSTEMS[f"{_name}__random_nn_pairs"] = _siamese(_kind, scheme="random_nn")
    _name = "chexnomaly" if _kind == "unet" else f"chexnomaly_{_kind}"
    SYSTEMS[_name] = _chexnomaly(_kind)
    SYSTEMS[f"{_name}__concat"] = _chexnomaly(_kind, "concat")
    SYSTEMS[f"{_name}__random_base"] = _chexnomaly(_kind, trained_base=False)


def train_system(
    system: str, data: PreparedSet, runs: Path, options: Options
) -> Trained:
    """Train a system by its key, in the folder that bears its name.

    Args:
        system: One of `SYSTEMS`.
        data: Training and validation parts; the test part is never opened.
        runs: Folder of all runs; what the system builds on lies there already.
        options: Sizes, loss weights and schedule.

    Returns:
        The trained system.

    Raises:
        ValueError: The key is unknown, or there is nothing to train.
        CheckpointError: A run that it builds on is missing or corrupted.
    """
    entry = _entry(system)
    if entry.train is None:
        raise ValueError(f"{system} is not trained; load it")
    return entry.train([runs / k for k in entry.needs], data, runs / system, options)


def load_system(system: str, runs: Path, options: Options, size: int) -> nn.Module:
    """Load a trained system by its key.

    Args:
        system: One of `SYSTEMS`.
        runs: Folder of all runs.
        options: The options it was trained with.
        size: Side of the images, px.

    Returns:
        The network, ready for prediction.

    Raises:
        ValueError: The key is unknown.
        CheckpointError: A checkpoint is missing, corrupted or of other options.
    """
    entry = _entry(system)
    return entry.load([runs / k for k in entry.needs], runs / system, options, size)


def _entry(system: str) -> System:
    if system not in SYSTEMS:
        raise ValueError(f"system {system!r}, expected one of {sorted(SYSTEMS)}")
    return SYSTEMS[system]
