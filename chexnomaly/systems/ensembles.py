"""Recipes of the two ensembles of specialized models (Section IV-C, Fig. 7)."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import ConcatDataset

from chexnomaly.datasets.predicted import PredictedSet
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.sampling import fold_ids
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.models.ensembles import ChannelMax, MaxEnsemble, ModelEnsemble
from chexnomaly.systems.recipe import Options, Trained, fit, key, loaded, unet
from chexnomaly.systems.segmentation import load_supermodel, segmentation_loss
from chexnomaly.training.checkpoints import load_model


def load_max_ensemble(specialized: Sequence[Path], options: Options) -> MaxEnsemble:
    """Join trained specialized models by their maximum; there is nothing to train.

    Args:
        specialized: Run of each specialized model.
        options: Their options.

    Returns:
        The ensemble, ready for prediction.

    Raises:
        CheckpointError: A checkpoint is missing, corrupted or of other options.
    """
    return MaxEnsemble(load_supermodel(run, options) for run in specialized).eval()


JOINING = ("unet", "convolution", "unet_on_max")
"""How masks are joined: the same U-Net with a channel for each, one weight for each,
or the U-Net on their maximum."""


def joining_network(options: Options, n: int, joining: str = "unet") -> nn.Module:
    """Build what joins n masks.

    Args:
        options: Sizes of the U-Net.
        n: Number of masks.
        joining: One of `JOINING`.

    Returns:
        A network of n channels to logits.

    Raises:
        ValueError: `joining` is unknown.
    """
    if joining not in JOINING:
        raise ValueError(f"joining {joining!r}, expected one of {JOINING}")
    if joining == "convolution":
        return nn.Conv2d(n, 1, 1)
    if joining == "unet_on_max":
        return nn.Sequential(ChannelMax(), unet(options))
    return unet(options, n)


def train_model_ensemble(
    specialized: Sequence[Path],
    data: PreparedSet,
    run_dir: Path,
    options: Options,
    transform: bool = True,
    joining: str = "unet",
    folds: Sequence[Sequence[Path]] = (),
    specialists: str = "",
) -> Trained:
    """Fit the U-Net that joins the specialized models' masks (Section IV-C).

    The masks of the training and validation scans are predicted once and not
    augmented; the run holds the joining U-Net alone.

    Args:
        specialized: Run of each specialized model, in the order of the channels.
        data: Training and validation parts; the test part is never opened.
        run_dir: Folder of the run; a finished or interrupted run is taken up.
        options: Sizes, loss weights and schedule.
        transform: The paper's custom loss, or the plain focal loss.
        joining: One of `JOINING`.
        folds: For each fold of the training scans, the runs that learned without it,
            in the same order. A training scan's masks then come from models that
            never saw it; validation and later scans are left to `specialized`.
        specialists: Name of the specialized models' arm, where they are one.

    Returns:
        The trained system; its model maps images to logits, like any other.

    Raises:
        CheckpointError: A checkpoint is missing, corrupted or of other options.
    """
    groups = [_Specialists(runs, options) for runs in (specialized, *folds)]
    workers = options.schedule.workers
    parts = [data.part(part) for part in ("train", "val")]
    train_set, val_set = (
        PredictedSet(part, groups[0].predict, run_dir, workers=workers)
        for part in parts
    )
    if folds:
        train_set = ConcatDataset(
            PredictedSet(
                SegmentationSet(data.store, data.findings, fold_ids(data, fold)),
                group.predict,
                run_dir,
                workers=workers,
            )
            for fold, group in enumerate(groups[1:])
        )
    # The maps lie in this process; further ones would predict them again.
    alone = replace(options, schedule=replace(options.schedule, workers=0))
    arms = {"plain_focal": not transform, joining: joining != "unet"}
    arms |= {"out_of_fold": bool(folds), specialists: bool(specialists)}
    trained = fit(
        key("model_ensemble", **arms),
        partial(joining_network, options, len(specialized), joining),
        segmentation_loss(data.store.size, options, transform),
        (train_set, val_set),
        data,
        run_dir,
        alone,
        augment=None,
        depends_on=[name for group in groups for name in group.trained_as],
    )
    ensemble = groups[0].ensemble
    ensemble.unet = trained.model
    return replace(trained, model=ensemble.eval())


class _Specialists:
    """Trained specialized models that predict together, on the GPU where there is one.

    Args:
        runs: Run of each.
        options: Their options.
    """

    def __init__(self, runs: Sequence[Path], options: Options):
        models = [unet(options) for _ in runs]
        pairs = zip(runs, models, strict=True)
        self.trained_as = [
            load_model(run, model)["fingerprint"] for run, model in pairs
        ]
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.ensemble = ModelEnsemble(models, nn.Identity())
        self.ensemble.to(self._device, memory_format=torch.channels_last)

    def predict(self, image: Tensor) -> Tensor:
        """Predict a batch's masks, (B, models, S, S)."""
        moved = image.to(self._device, memory_format=torch.channels_last)
        return self.ensemble.stack(moved)


def load_model_ensemble(
    specialized: Sequence[Path],
    run_dir: Path,
    options: Options,
    joining: str = "unet",
) -> ModelEnsemble:
    """Load the specialized models and the U-Net that joins them.

    Args:
        specialized: Run of each specialized model, in the order of the channels.
        run_dir: Run of the joining U-Net.
        options: Sizes of all of them.
        joining: One of `JOINING`.

    Returns:
        The ensemble, ready for prediction.

    Raises:
        CheckpointError: A checkpoint is missing, corrupted or of other options.
    """
    models = [load_supermodel(run, options) for run in specialized]
    network = loaded(joining_network(options, len(models), joining), run_dir)
    return ModelEnsemble(models, network).eval()
