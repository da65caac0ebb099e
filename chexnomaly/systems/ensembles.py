"""Recipes of the two ensembles of specialized models (Section IV-C, Fig. 7)."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from chexnomaly.datasets.predicted import PredictedSet
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.models.ensembles import MaxEnsemble, ModelEnsemble
from chexnomaly.systems.recipe import Options, Trained, fit, key, loaded, unet
from chexnomaly.systems.segmentation import load_supermodel, segmentation_loss
from chexnomaly.training import load_model


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


def train_model_ensemble(
    specialized: Sequence[Path],
    data: PreparedSet,
    run_dir: Path,
    options: Options,
    transform: bool = True,
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

    Returns:
        The trained system; its model maps images to logits, like any other.

    Raises:
        CheckpointError: A checkpoint is missing, corrupted or of other options.
    """
    models = [unet(options) for _ in specialized]
    runs = zip(specialized, models, strict=True)
    trained_as = [load_model(run, model)["fingerprint"] for run, model in runs]
    ensemble = ModelEnsemble(models, nn.Identity())
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    ensemble.to(device, memory_format=torch.channels_last)

    def predict(image: Tensor) -> Tensor:
        moved = image.to(device, memory_format=torch.channels_last)
        return ensemble.stack(moved)

    workers = options.schedule.workers
    train_set, val_set = (
        PredictedSet(data.part(part), predict, run_dir, workers=workers)
        for part in ("train", "val")
    )
    # The maps lie in this process; further ones would predict them again.
    alone = replace(options, schedule=replace(options.schedule, workers=0))
    trained = fit(
        key("model_ensemble", plain_focal=not transform),
        partial(unet, options, len(models)),
        segmentation_loss(data.store.size, options, transform),
        (train_set, val_set),
        data,
        run_dir,
        alone,
        augment=None,
        depends_on=trained_as,
    )
    ensemble.unet = trained.model
    return replace(trained, model=ensemble.eval())


def load_model_ensemble(
    specialized: Sequence[Path], run_dir: Path, options: Options
) -> ModelEnsemble:
    """Load the specialized models and the U-Net that joins them.

    Args:
        specialized: Run of each specialized model, in the order of the channels.
        run_dir: Run of the joining U-Net.
        options: Sizes of all of them.

    Returns:
        The ensemble, ready for prediction.

    Raises:
        CheckpointError: A checkpoint is missing, corrupted or of other options.
    """
    models = [load_supermodel(run, options) for run in specialized]
    joining = loaded(unet(options, len(models)), run_dir)
    return ModelEnsemble(models, joining).eval()
