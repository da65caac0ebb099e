"""What the training of each recipe consists of: network, loss, data sets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import ConcatDataset, Dataset

from chexnomaly.datasets import sampling
from chexnomaly.datasets.pairs import PairsSet, SinglesSet
from chexnomaly.datasets.predicted import PredictedSet
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.models import ModelEnsemble, SiameseNetwork
from chexnomaly.systems.networks import base_of, build_network, load_system
from chexnomaly.systems.objectives import segmentation_loss, siamese_loss
from chexnomaly.systems.options import Options
from chexnomaly.systems.recipes import ON_LABELS, Recipe, find_recipe
from chexnomaly.training.augmentation import augment, augment_pairs
from chexnomaly.training.checkpoints import load_model
from chexnomaly.training.schedule import Loss, seeded_model

TRAINING_PARTS = ("train", "val")
"""The test part is never opened."""

SIAMESE_TERMS = ("margin", "contrastive", "cross_entropy", "on_head")
"""Fields of a recipe that its Siamese loss takes."""


@dataclass(frozen=True)
class TrainingPlan:
    """What one training consists of.

    Attributes:
        build: Makes the network; its initial weights follow the schedule's seed.
        loss: Called as loss(prediction, target).
        sets: Training and validation set.
        augment: How to change training batches, where the options ask for it.
        in_memory: Whether the items lie in this process, so that further processes
            would make them again.
        finish: Makes the system of the trained network.
    """

    build: Callable[[], nn.Module]
    loss: Loss
    sets: tuple[Dataset, Dataset]
    augment: Callable | None
    in_memory: bool = False
    finish: Callable[[nn.Module], nn.Module] = lambda network: network


def plan_training(
    recipe: Recipe, data: PreparedSet, runs: Path, options: Options
) -> TrainingPlan:
    """Plan the training of a recipe.

    Args:
        recipe: The recipe.
        data: Training and validation parts.
        runs: Folder of all runs; what the recipe builds on lies there already.
        options: Sizes, loss weights and schedule.

    Returns:
        The plan; nothing is read or trained yet but what it builds on.

    Raises:
        CheckpointError: A run that it builds on is missing, corrupted or of other
            sizes.
        ValueError: There is nothing to train, or a part lacks films of one kind.
    """
    if not recipe.trains:
        raise ValueError(f"{recipe.key} is not trained; load it")
    size = data.store.size
    # From image to mask (Sections IV-C, IV-D); the others change what differs.
    plan = TrainingPlan(
        partial(build_network, recipe, options, size),
        segmentation_loss(size, options, recipe.loss),
        choose_films(recipe, data),
        augment if recipe.augmented else None,
    )
    match recipe.kind:
        case "classifier":
            sets = tuple(map(SinglesSet, plan.sets))
            loss = F.binary_cross_entropy_with_logits
            plan = replace(plan, loss=loss, sets=sets, augment=augment_pairs)
        case "siamese":
            plan = plan_on_pairs(plan, recipe, options.schedule.seed)
        case "chexnomaly":
            plan = plan_on_twin(plan, recipe, size, runs, options)
        case "model_ensemble":
            plan = plan_on_masks(plan, recipe, data, runs, options)
    if recipe.start:
        plan = replace(plan, build=partial(_started, plan.build, runs, recipe.start))
    return plan


def _started(build: Callable[[], nn.Module], runs: Path, start: str) -> nn.Module:
    """Build a network and load its U-Net, its encoder or a twin's base."""
    network, run_dir = build(), runs / start
    if isinstance(network, SiameseNetwork):
        load_model(run_dir, network.base, "base.")
    elif find_recipe(start.rpartition(":")[2]).kind in ON_LABELS:
        for half in ("stem", "downs"):
            load_model(run_dir, getattr(network, half), f"base.{half}.")
    else:
        load_model(run_dir, getattr(network, "unet", network))
    return network


def choose_films(
    recipe: Recipe, data: PreparedSet
) -> tuple[SegmentationSet, SegmentationSet]:
    """Choose the films that a recipe learns from and is validated on."""
    if recipe.kind in ON_LABELS:
        return tuple(map(data.labelled_part, TRAINING_PARTS))
    if recipe.left_out is not None:
        data = sampling.without_fold(data, recipe.left_out)
    choose = partial(PreparedSet.part, readers=recipe.readers)
    if recipe.finding:
        kinds = {"finding": recipe.finding, "negatives": recipe.negatives}
        choose = partial(sampling.specialized_part, **kinds)
    train, val = (choose(data, part) for part in TRAINING_PARTS)
    if recipe.oversampled:
        train = sampling.oversampled_part(data, "train")
    return train, val


def plan_on_pairs(plan: TrainingPlan, recipe: Recipe, seed: int) -> TrainingPlan:
    """Plan a Siamese network: other pairs each epoch, validated on the same ones."""
    terms = {name: getattr(recipe, name) for name in SIAMESE_TERMS}
    train, val = (
        partial(PairsSet, films, max(1, round(recipe.pairs_per_film * len(films))))
        for films in plan.sets
    )
    sets = (train(recipe.pairs, seed, fresh=True), val(recipe.pairs))
    loss = partial(siamese_loss, **terms)
    return replace(plan, loss=loss, sets=sets, augment=augment_pairs)


def plan_on_twin(
    plan: TrainingPlan, recipe: Recipe, size: int, runs: Path, options: Options
) -> TrainingPlan:
    """Plan CheX-Nomaly on the base of a twin (Section IV-E, Table V)."""
    twin = partial(build_network, find_recipe(recipe.twin), options, size)
    # An untrained base is the one that the same seed would have begun to train.
    pair = seeded_model(twin, options.schedule.seed)
    if recipe.trained_twin:
        load_model(runs / recipe.twin, pair)
    return replace(plan, build=partial(plan.build, base=base_of(pair)))


def plan_on_masks(
    plan: TrainingPlan, recipe: Recipe, data: PreparedSet, runs: Path, options: Options
) -> TrainingPlan:
    """Plan what joins the masks of specialized models (Section IV-C).

    The masks of the training and validation films are predicted once and not
    augmented. Out of fold, a training film's masks come from models that never saw it.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    layout = {"device": device, "memory_format": torch.channels_last}

    def join(keys: Sequence[str]) -> ModelEnsemble:
        models = [load_system(key, runs) for key in keys]
        return ModelEnsemble(models, nn.Identity()).to(**layout)

    def predicted(films: SegmentationSet, joined: ModelEnsemble) -> Dataset:
        def predict(image: Tensor) -> Tensor:  # (B, 1, S, S) to (B, models, S, S)
            return joined.stack(image.to(**layout))

        workers = options.schedule.workers
        return PredictedSet(films, predict, runs / recipe.key, workers=workers)

    def finish(network: nn.Module) -> nn.Module:
        ensemble.unet = network
        return ensemble.eval()

    ensemble = join(recipe.specialists)
    train, val = (predicted(films, ensemble) for films in plan.sets)
    if recipe.out_of_fold:
        folds = (
            SegmentationSet(data.store, data.findings, sampling.fold_ids(data, fold))
            for fold in range(sampling.FOLDS)
        )
        train = ConcatDataset(map(predicted, folds, map(join, recipe.folds)))
    sets = (train, val)
    return replace(plan, sets=sets, augment=None, in_memory=True, finish=finish)
