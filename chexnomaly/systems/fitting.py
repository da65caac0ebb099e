"""Training of any system: one way for all, and the hash of what a run depends on."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from torch import nn

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.imports import ROOT, follow
from chexnomaly.systems.options import Options
from chexnomaly.systems.plans import TrainingPlan, plan_training
from chexnomaly.systems.recipes import Recipe, find_recipe
from chexnomaly.training.checkpoints import read_header
from chexnomaly.training.loop import train
from chexnomaly.training.schedule import History, seeded_model

DATA = ("chexnomaly.datasets.prepared", "chexnomaly.datasets.store.images")
"""What makes the data: a run's data hash speaks for it."""


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


def train_system(key: str, data: PreparedSet, runs: Path, options: Options) -> Trained:
    """Train a system in the folder of its name, or take up its run where it stopped.

    Args:
        key: One of `RECIPES`.
        data: Training and validation parts; the test part is never opened.
        runs: Folder of all runs; what the system builds on lies there already.
        options: Sizes, loss weights and schedule.

    Returns:
        The trained system.

    Raises:
        ValueError: The key is unknown, or there is nothing to train.
        CheckpointError: A run that it builds on is missing, corrupted or of other
            sizes.
    """
    return train_recipe(find_recipe(key), data, runs, options)


def train_recipe(
    recipe: Recipe, data: PreparedSet, runs: Path, options: Options
) -> Trained:
    """Train by a recipe that need not be one of `RECIPES`; else as `train_system`."""
    plan = plan_training(recipe, data, runs, options)
    return fit(recipe, plan, data, runs, options)


def fit(
    recipe: Recipe,
    plan: TrainingPlan,
    data: PreparedSet,
    runs: Path,
    options: Options,
    depends_on: Sequence[str] = (),
) -> Trained:
    """Train as planned.

    Args:
        recipe: Names the run and what it builds on.
        plan: Network, loss and data sets.
        data: What the data sets are made from.
        runs: Folder of all runs.
        options: Sizes, loss weights and schedule.
        depends_on: What else the run depends on; see `fingerprint`.

    Returns:
        The trained system.

    Raises:
        CheckpointError: A checkpoint is corrupted.
    """
    schedule = options.schedule
    if plan.in_memory:
        schedule = replace(schedule, workers=0)
    parts = [read_header(runs / key)["fingerprint"] for key in recipe.needs]
    network = seeded_model(plan.build, schedule.seed)
    history = train(
        network,
        plan.loss,
        *plan.sets,
        runs / recipe.key,
        schedule,
        augment=plan.augment if options.augment else None,
        about={
            "fingerprint": fingerprint(recipe, data, options, [*parts, *depends_on]),
            "options": replace(options, schedule=schedule).flat(),
            "size": data.store.size,
        },
    )
    return Trained(recipe.key, plan.finish(network), history)


def fingerprint(
    recipe: Recipe, data: PreparedSet, options: Options, depends_on: Sequence[str] = ()
) -> str:
    """Name the code, data and options of a training run.

    A run whose fingerprint changed starts anew, so that editing a loss never leaves
    weights of the old one in place. The number of workers is not part of it.

    Args:
        recipe: Its recipe.
        data: Its data.
        options: Its options.
        depends_on: What else the run depends on, such as the fingerprints of the runs
            that it builds on.

    Returns:
        A SHA-256.
    """
    same = replace(options, schedule=replace(options.schedule, workers=0))
    made = (asdict(recipe), asdict(same), [*depends_on])
    digest = hashlib.sha256(repr(made).encode())
    digest.update((data.data_hash + data.split_hash).encode())
    digest.update(_code_hash().encode())
    return digest.hexdigest()


def sources(root: Path = ROOT) -> list[Path]:
    """List the code that a training run depends on, found from imports.

    Args:
        root: The folder that the package lies in.

    Returns:
        Every file that importing the systems runs, less what only makes the data.
    """
    package = root / "chexnomaly"
    files = sorted((package / "systems").rglob("*.py"))
    names = [".".join(f.relative_to(root).with_suffix("").parts) for f in files]
    return sorted(follow(names, root, without=DATA))


@cache
def _code_hash() -> str:
    """Hash that code by place and content, once per process."""
    digest = hashlib.sha256()
    for file in sources():
        digest.update(file.relative_to(ROOT).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()
