"""Every trained system by its key: its recipe, how to load it, what it builds on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import nn

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.sampling import FOLDS
from chexnomaly.labels import FINDINGS
from chexnomaly.systems.chexnomaly import load_chexnomaly, train_chexnomaly
from chexnomaly.systems.ensembles import (
    JOINING,
    load_max_ensemble,
    load_model_ensemble,
    train_model_ensemble,
)
from chexnomaly.systems.readings import READINGS
from chexnomaly.systems.recipe import Options, Trained, loaded
from chexnomaly.systems.segmentation import (
    MASKS,
    attention_unet,
    load_supermodel,
    train_attention_supermodel,
    train_specialized,
    train_supermodel,
)
from chexnomaly.systems.siamese import KINDS, UNITS, load_siamese, train_siamese

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


def _supermodel(**arms) -> System:
    return System(_alone(train_supermodel, **arms), _plain)


def _attention(attention: str = "gates") -> System:
    return System(
        _alone(train_attention_supermodel, attention=attention),
        lambda runs, run_dir, options, size: loaded(
            attention_unet(options, attention), run_dir
        ),
    )


def _siamese(kind: str, units: int = UNITS, euclidean: bool = False, **arms) -> System:
    arms |= {"units": units, "euclidean": euclidean}
    return System(
        _alone(train_siamese, kind, **arms),
        lambda runs, run_dir, options, size: load_siamese(
            kind, run_dir, options, size, units, euclidean
        ),
    )


def _chexnomaly(
    kind: str,
    fusion: str = "only",
    twin: str | None = "",
    from_supermodel: bool = False,
    units: int = UNITS,
    **arms,
) -> System:
    """Make an entry; the twin is an arm of the Siamese network, or None for random."""
    own = f"{units}_units" if units != UNITS else twin
    needs = [] if twin is None else ["__".join(filter(None, [f"siamese_{kind}", own]))]
    needs += ["supermodel"] if from_supermodel else []

    def train(runs: Runs, data: PreparedSet, run_dir: Path, options: Options):
        base = None if twin is None else runs[0]
        start = runs[-1] if from_supermodel else None
        fixed = {"units": units, "twin": twin or "", "start": start} | arms
        return train_chexnomaly(kind, base, data, run_dir, options, fusion, **fixed)

    return System(
        train,
        lambda runs, run_dir, options, size: load_chexnomaly(
            kind, run_dir, options, fusion, units, **arms
        ),
        tuple(needs),
    )


def _ensemble(
    arm: str = "", joining: str = "unet", n_folds: int = 0
) -> tuple[System, System]:
    """Make the two ensembles of an arm of the specialized models."""
    suffix = f"__{arm}" if arm else ""
    needs = [f"specialized_{f}{suffix}" for f in FINDINGS]
    folds = [f"specialized_{f}__fold_{k}" for k in range(n_folds) for f in FINDINGS]
    n = len(FINDINGS)

    def train(runs: Runs, data: PreparedSet, run_dir: Path, options: Options):
        by_fold = [runs[n * (k + 1) : n * (k + 2)] for k in range(n_folds)]
        fixed = {"joining": joining, "folds": by_fold, "specialists": arm}
        return train_model_ensemble(runs[:n], data, run_dir, options, **fixed)

    maximum = System(
        None,
        lambda runs, run_dir, options, size: load_max_ensemble(runs, options),
        tuple(needs),
    )
    learned = System(
        train,
        lambda runs, run_dir, options, size: load_model_ensemble(
            runs[:n], run_dir, options, joining
        ),
        tuple(needs + folds),
    )
    return maximum, learned


SPECIALIZED = tuple(f"specialized_{finding}" for finding in FINDINGS)
"""Keys of the fourteen specialized models, in the order of Table II."""

SYSTEMS: dict[str, System] = {
    "supermodel": _supermodel(),
    "supermodel__plain_focal": _supermodel(transform=False),
    "supermodel_oversampled": _supermodel(oversampled=True),
    "attention_supermodel": _attention(),
    "attention_supermodel__bottleneck": _attention("bottleneck"),
}
"""System key to how it is made; arms of a system follow it after two underscores."""

for _reading in READINGS:
    SYSTEMS[f"supermodel__{_reading}"] = _supermodel(reading=_reading)
for _masks in MASKS:
    if _masks != "union":
        SYSTEMS[f"supermodel__{_masks}"] = _supermodel(masks=_masks)

SYSTEMS["max_ensemble"], SYSTEMS["model_ensemble"] = _ensemble()
(
    SYSTEMS["max_ensemble__any_negatives"],
    SYSTEMS["model_ensemble__any_negatives"],
) = _ensemble("any_negatives")
for _joining in JOINING[1:]:
    SYSTEMS[f"model_ensemble__{_joining}"] = _ensemble(joining=_joining)[1]
SYSTEMS["model_ensemble__out_of_fold"] = _ensemble(n_folds=FOLDS)[1]

for _finding in FINDINGS:
    _name = f"specialized_{_finding}"
    _recipe = partial(_alone, train_specialized, _finding)
    SYSTEMS[_name] = System(_recipe(), _plain)
    SYSTEMS[f"{_name}__plain_focal"] = System(_recipe(transform=False), _plain)
    SYSTEMS[f"{_name}__any_negatives"] = System(_recipe(negatives="any"), _plain)
    SYSTEMS[f"{_name}__cross_entropy"] = System(
        _recipe(reading="cross_entropy"), _plain
    )
    for _fold in range(FOLDS):
        SYSTEMS[f"{_name}__fold_{_fold}"] = System(_recipe(left_out=_fold), _plain)

TWINS = {
    "contrastive_only": {"cross_entropy": 0.0},
    "bce_only": {"contrastive": 0.0},
    "on_head": {"cross_entropy": 0.0, "on_head": True},
    "euclidean": {"euclidean": True},
    "random_pairs": {"scheme": "random"},
    "random_nn_pairs": {"scheme": "random_nn"},
}
"""Arm of the Siamese networks to how it is trained (register items 41 to 43)."""

FEWER_UNITS = (8, 32)
"""Numbers in the CNN twin's code beside 128 (register item 38)."""

for _kind in KINDS:
    _twin = f"siamese_{_kind}"
    _name = "chexnomaly" if _kind == "unet" else f"chexnomaly_{_kind}"
    SYSTEMS[_twin] = _siamese(_kind)
    SYSTEMS[_name] = _chexnomaly(_kind)
    SYSTEMS[f"{_name}__concat"] = _chexnomaly(_kind, "concat")
    SYSTEMS[f"{_name}__random_base"] = _chexnomaly(_kind, twin=None)
    for _arm, _how in TWINS.items():
        SYSTEMS[f"{_twin}__{_arm}"] = _siamese(_kind, **_how)
for _arm in TWINS:
    SYSTEMS[f"chexnomaly__{_arm}"] = _chexnomaly("unet", twin=_arm)
SYSTEMS["chexnomaly__bottleneck"] = _chexnomaly("unet", "bottleneck")
for _units in FEWER_UNITS:
    SYSTEMS[f"siamese_cnn__{_units}_units"] = _siamese("cnn", units=_units)
    SYSTEMS[f"chexnomaly_cnn__{_units}_units"] = _chexnomaly("cnn", units=_units)
SYSTEMS["chexnomaly__frozen_encoder"] = _chexnomaly("unet", frozen="encoder")
SYSTEMS["chexnomaly__attention"] = _chexnomaly("unet", attention=True)
SYSTEMS["chexnomaly__from_supermodel"] = _chexnomaly("unet", from_supermodel=True)


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
