"""Recipes of the systems that go straight from image to mask (Sections IV-C, IV-D)."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from torch import nn

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.sampling import (
    oversampled_part,
    specialized_part,
    without_fold,
)
from chexnomaly.losses import box_focal_loss, sigmoid_focal_loss
from chexnomaly.models.attention_unet import AttentionUNet
from chexnomaly.models.self_attention import BottleneckAttentionUNet
from chexnomaly.models.unet import UNet
from chexnomaly.systems.readings import reading_loss
from chexnomaly.systems.recipe import Options, Trained, fit, key, loaded, unet
from chexnomaly.training.schedule import Loss

MIN_AREA_AT_512 = 16
"""Smallest component that the transform takes for a finding, px of a 512-px map."""


ATTENTION = {"gates": AttentionUNet, "bottleneck": BottleneckAttentionUNet}
"""Readings of "attention": a gate on every skip, or a transformer's block below."""

MASKS = {"union": "union", "two_readers": 2, "first_reader": "first"}
"""Which pixels are abnormal: any reader's, two readers', or one reader's."""


def attention_unet(
    options: Options, attention: str = "gates", in_channels: int = 1
) -> UNet:
    """Build the U-Net with attention (Section IV-F); by default gates on all skips."""
    return ATTENTION[attention](in_channels, **options.network)


def segmentation_loss(
    size: int, options: Options, transform: bool = True, reading: str = ""
) -> Loss:
    """Build the loss of a segmentation system.

    Args:
        size: Side of the masks, px; scales the smallest component.
        options: Gives alpha and gamma.
        transform: Rectangularize first (the paper's custom loss) or not.
        reading: One of `readings.READINGS` in place of both.

    Returns:
        A loss of logits and masks, (B, 1, S, S).
    """
    if reading:
        return reading_loss(reading, options, min_area(size))
    weights = {"alpha": options.alpha, "gamma": options.gamma}
    if not transform:
        return partial(sigmoid_focal_loss, **weights)
    return partial(box_focal_loss, min_area=min_area(size), **weights)


def min_area(size: int) -> int:
    """Scale the smallest component with the image area; at least 1 px."""
    return max(1, round(MIN_AREA_AT_512 * (size / 512) ** 2))


def train_supermodel(
    data: PreparedSet,
    run_dir: Path,
    options: Options,
    transform: bool = True,
    oversampled: bool = False,
    factor: float | None = None,
    reading: str = "",
    masks: str = "union",
) -> Trained:
    """Train the supermodel: one U-Net on all findings, merged (Section IV-D).

    Args:
        data: Training and validation parts; the test part is never opened.
        run_dir: Folder of the run; a finished or interrupted run is taken up.
        options: Sizes, loss weights and schedule.
        transform: True for `supermodel`, False for `supermodel__plain_focal`.
        oversampled: Repeat the abnormal training scans: `supermodel_oversampled`.
        factor: How often; see `sampling.oversampled_part`.
        reading: One of `readings.READINGS`; an arm of its own.
        masks: One of `MASKS`, for training and validation; an arm of its own.

    Returns:
        The trained system.
    """
    name = "supermodel_oversampled" if oversampled else "supermodel"
    train_set, val_set = (
        data.part(part, readers=MASKS[masks]) for part in ("train", "val")
    )
    if oversampled:
        train_set = oversampled_part(data, "train", factor)
    arms = {"plain_focal": not transform, reading: bool(reading)}
    return fit(
        key(name, **arms, **{masks: masks != "union"}),
        partial(unet, options),
        segmentation_loss(data.store.size, options, transform, reading),
        (train_set, val_set),
        data,
        run_dir,
        options,
        depends_on=[f"factor {factor}"] if oversampled else [],
    )


def load_supermodel(run_dir: Path, options: Options) -> nn.Module:
    """Load a trained plain U-Net: the supermodel, an arm of it, or a specialized model.

    Raises:
        CheckpointError: The checkpoint is missing, corrupted or of other options.
    """
    return loaded(unet(options), run_dir)


def train_attention_supermodel(
    data: PreparedSet,
    run_dir: Path,
    options: Options,
    transform: bool = True,
    attention: str = "gates",
) -> Trained:
    """Train the supermodel with attention (Section IV-D).

    Args:
        data: As in `train_supermodel`, like all further arguments.
        run_dir: Folder of the run.
        options: Sizes, loss weights and schedule.
        transform: The paper's custom loss, or the plain focal loss.
        attention: One of `ATTENTION`.

    Returns:
        The trained system.
    """
    arms = {"plain_focal": not transform, attention: attention != "gates"}
    return fit(
        key("attention_supermodel", **arms),
        partial(attention_unet, options, attention),
        segmentation_loss(data.store.size, options, transform),
        (data.part("train"), data.part("val")),
        data,
        run_dir,
        options,
    )


def train_specialized(
    finding: str,
    data: PreparedSet,
    run_dir: Path,
    options: Options,
    transform: bool = True,
    negatives: str = "no_finding",
    reading: str = "",
    left_out: int | None = None,
) -> Trained:
    """Train one specialized model on one finding's balanced data (Section IV-C).

    Args:
        finding: Key of the finding.
        data: As in `train_supermodel`, like `run_dir`, `options` and `transform`.
        run_dir: Folder of the run.
        options: Sizes, loss weights and schedule.
        transform: The paper's custom loss, or the plain focal loss.
        negatives: Who stands against the finding; see `sampling.specialized_part`.
        reading: One of `readings.READINGS`; an arm of its own. "cross_entropy", the
            "before" of Fig. 14, is trained without augmentation.
        left_out: A fold of the training scans to learn without; see
            `sampling.fold_ids`.

    Returns:
        The trained system.

    Raises:
        ValueError: A part has no scan with the finding, or none without.
    """
    if left_out is not None:
        data = without_fold(data, left_out)
    if reading == "cross_entropy":
        options = replace(options, augment=False)
    sets = [specialized_part(data, p, finding, negatives) for p in ("train", "val")]
    arms = {"plain_focal": not transform, "any_negatives": negatives == "any"}
    arms |= {reading: bool(reading), f"fold_{left_out}": left_out is not None}
    return fit(
        key(f"specialized_{finding}", **arms),
        partial(unet, options),
        segmentation_loss(data.store.size, options, transform, reading),
        (sets[0], sets[1]),
        data,
        run_dir,
        options,
    )
