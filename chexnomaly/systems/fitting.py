"""Training of any system: one way for all, and the hash of what a run depends on."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from torch import nn

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.imports import ROOT, follow
from chexnomaly.systems.networks import load_system
from chexnomaly.systems.options import Options
from chexnomaly.systems.plans import plan_training
from chexnomaly.systems.recipes import Recipe, build_order, find_recipe
from chexnomaly.training.checkpoints import read_header
from chexnomaly.training.loop import train
from chexnomaly.training.schedule import History, seeded_model

DATA = ("chexnomaly.datasets.prepared", "chexnomaly.datasets.store.images")
"""What makes the data: a run's data hash speaks for it."""


@dataclass(frozen=True)
class Trained:
    """A trained system.

    Attributes:
        model: The network with its best weights.
        history: Its losses by epoch.
    """

    model: nn.Module
    history: History


def train_system(
    system: str | Recipe, data: PreparedSet, runs: Path, options: Options
) -> Trained:
    """Train a system in the folder of its name, or take up its run where it stopped.

    Args:
        system: One of `RECIPES`, or a recipe that need not be among them.
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
    recipe = find_recipe(system) if isinstance(system, str) else system
    plan = plan_training(recipe, data, runs, options)
    workers = 0 if plan.in_memory else options.schedule.workers
    schedule = replace(options.schedule, workers=workers)
    parts = [read_header(runs / key)["fingerprint"] for key in recipe.reads]
    network = seeded_model(plan.build, schedule.seed)
    history = train(
        network,
        plan.loss,
        *plan.sets,
        runs / recipe.key,
        schedule,
        augment=plan.augment if options.augment else None,
        about={
            "fingerprint": fingerprint(recipe, data, options, parts),
            "options": replace(options, schedule=schedule).flat(),
            "size": data.store.size,
        },
    )
    return Trained(plan.finish(network), history)


def train_in_order(
    system: str, data: PreparedSet, runs: Path, options: Callable[[Recipe], Options]
) -> Iterator[tuple[Recipe, Trained]]:
    """Train what a system builds on, then the system, or take up their runs.

    Args:
        system: One of `RECIPES`.
        data: Training and validation parts.
        runs: Folder of all runs.
        options: Gives the options of each recipe.

    Yields:
        Each recipe and its trained system, the one asked for last; what only joins
        others has an empty history.
    """
    for recipe in map(find_recipe, build_order(system)):
        if recipe.trains:
            yield recipe, train_system(recipe, data, runs, options(recipe))
        else:
            yield recipe, Trained(load_system(recipe, runs), History())


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
    text = repr(made) + data.data_hash + data.split_hash + _code_hash()
    return hashlib.sha256(text.encode()).hexdigest()


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
