"""What the training of each recipe consists of: network, loss, data sets."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import nn
from torch.utils.data import ConcatDataset, Dataset

from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.datasets.predicted import PredictedSet
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.sampling import (
    fold_ids,
    oversampled_part,
    specialized_part,
    without_fold,
)
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.systems.loading import join_specialists, predict_masks
from chexnomaly.systems.networks import build_network
from chexnomaly.systems.objectives import segmentation_loss, siamese_loss
from chexnomaly.systems.options import Options
from chexnomaly.systems.recipes import Recipe, find_recipe
from chexnomaly.training.augmentation import augment, augment_pairs
from chexnomaly.training.checkpoints import load_model
from chexnomaly.training.schedule import Loss, seeded_model

TRAINING_PARTS = ("train", "val")
"""The test part is never opened."""


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
    augment: Callable | None = augment
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
    plans = {
        "segmentation": plan_segmentation,
        "siamese": plan_siamese,
        "chexnomaly": plan_chexnomaly,
        "model_ensemble": plan_model_ensemble,
    }
    if recipe.kind not in plans:
        raise ValueError(f"{recipe.key} is not trained; load it")
    return plans[recipe.kind](recipe, data, runs, options)


def plan_segmentation(
    recipe: Recipe, data: PreparedSet, runs: Path, options: Options
) -> TrainingPlan:
    """Plan a system that goes straight from image to mask (Sections IV-C, IV-D)."""
    size = data.store.size
    return TrainingPlan(
        partial(build_network, recipe, options, size),
        segmentation_loss(size, options, recipe.loss),
        choose_films(recipe, data),
        augment if recipe.augmented else None,
    )


def choose_films(
    recipe: Recipe, data: PreparedSet
) -> tuple[SegmentationSet, SegmentationSet]:
    """Choose the films that a recipe learns from and is validated on."""
    if recipe.left_out is not None:
        data = without_fold(data, recipe.left_out)
    if recipe.finding:
        choose = partial(specialized_part, finding=recipe.finding)
        train, val = (
            choose(data, part, negatives=recipe.negatives) for part in TRAINING_PARTS
        )
        return train, val
    train, val = (data.part(part, readers=recipe.readers) for part in TRAINING_PARTS)
    if recipe.oversampled:
        train = oversampled_part(data, "train", recipe.factor)
    return train, val


def plan_siamese(
    recipe: Recipe, data: PreparedSet, runs: Path, options: Options
) -> TrainingPlan:
    """Plan a Siamese network; an epoch passes over all pairs once (Section IV-E)."""
    loss = partial(
        siamese_loss,
        margin=recipe.margin,
        contrastive=recipe.contrastive,
        cross_entropy=recipe.cross_entropy,
        on_head=recipe.on_head,
    )
    films = [data.part(part) for part in TRAINING_PARTS]
    train, val = (
        PairsSet(part, max(1, round(recipe.pairs_per_film * len(part))), recipe.pairs)
        for part in films
    )
    build = partial(build_network, recipe, options, data.store.size)
    return TrainingPlan(build, loss, (train, val), augment_pairs)


def plan_chexnomaly(
    recipe: Recipe, data: PreparedSet, runs: Path, options: Options
) -> TrainingPlan:
    """Plan CheX-Nomaly on the base of a twin (Section IV-E, Table V)."""
    size, twin = data.store.size, find_recipe(recipe.twin)
    # An untrained base is the one that the same seed would have begun to train.
    pair = seeded_model(
        partial(build_network, twin, options, size), options.schedule.seed
    )
    if recipe.trained_twin:
        load_model(runs / twin.key, pair)

    def build() -> nn.Module:
        network = build_network(recipe, options, size, base=pair.base)
        if recipe.start:
            load_model(runs / recipe.start, network.unet)
        return network

    loss = segmentation_loss(size, options, recipe.loss)
    return TrainingPlan(build, loss, choose_films(recipe, data))


def plan_model_ensemble(
    recipe: Recipe, data: PreparedSet, runs: Path, options: Options
) -> TrainingPlan:
    """Plan what joins the masks of specialized models (Section IV-C).

    The masks of the training and validation films are predicted once and not
    augmented. Out of fold, a training film's masks come from models that never saw it.
    """
    size, place = data.store.size, runs / recipe.key
    ensemble = join_specialists(recipe.specialists, runs)
    made = partial(PredictedSet, folder=place, workers=options.schedule.workers)
    films, val = choose_films(recipe, data)
    train: Dataset = made(films, partial(predict_masks, ensemble))
    if recipe.out_of_fold:
        train = ConcatDataset(
            made(
                SegmentationSet(data.store, data.findings, fold_ids(data, fold)),
                partial(predict_masks, join_specialists(keys, runs)),
            )
            for fold, keys in enumerate(recipe.folds)
        )

    def finish(network: nn.Module) -> nn.Module:
        ensemble.unet = network
        return ensemble.eval()

    return TrainingPlan(
        partial(build_network, recipe, options, size),
        segmentation_loss(size, options, recipe.loss),
        (train, made(val, partial(predict_masks, ensemble))),
        augment=None,
        in_memory=True,
        finish=finish,
    )
