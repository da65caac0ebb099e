"""Recipe of CheX-Nomaly: a U-Net on a frozen Siamese twin (Section IV-E, Table V)."""

from functools import partial
from pathlib import Path

from torch import nn

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.models.chexnomaly import CheXNomaly, in_channels
from chexnomaly.systems.recipe import Options, Trained, fit, key, loaded, unet
from chexnomaly.systems.segmentation import segmentation_loss
from chexnomaly.systems.siamese import UNITS, siamese_network
from chexnomaly.training import load_model, seeded_model


def chexnomaly_network(
    base: nn.Module, options: Options, fusion: str = "only"
) -> CheXNomaly:
    """Build CheX-Nomaly on a base.

    Args:
        base: A twin; frozen here.
        options: Sizes of the U-Net.
        fusion: "only" or "concat"; see `models.chexnomaly`.

    Returns:
        The network; the U-Net starts from scratch.
    """
    return CheXNomaly(base, unet(options, in_channels(fusion)), fusion)


def train_chexnomaly(
    kind: str,
    base_run_dir: Path | None,
    data: PreparedSet,
    run_dir: Path,
    options: Options,
    fusion: str = "only",
    transform: bool = True,
    units: int = UNITS,
) -> Trained:
    """Train CheX-Nomaly on a trained twin, or on a random one as control.

    Args:
        kind: Kind of the base, "cnn" or "unet".
        base_run_dir: Run of the Siamese network, trained on the same data and with
            the same sizes. None freezes a base that was never trained: the one that
            the same seed would have begun to train.
        data: Training and validation parts; the test part is never opened.
        run_dir: Folder of the run; a finished or interrupted run is taken up.
        options: Sizes, loss weights and schedule.
        fusion: "only" or "concat".
        transform: The paper's custom loss, or the plain focal loss.
        units: Numbers in the code of the CNN kind.

    Returns:
        The trained system.

    Raises:
        CheckpointError: The base's checkpoint is missing, corrupted or of other sizes.
        ValueError: Unknown kind or fusion.
    """
    size = data.store.size
    twins = seeded_model(
        partial(siamese_network, kind, options, size, units), options.schedule.seed
    )
    trained_as = ""
    if base_run_dir is not None:
        trained_as = load_model(base_run_dir, twins)["fingerprint"]
    arms = {
        "concat": fusion == "concat",
        "random_base": base_run_dir is None,
        f"{units}_units": units != UNITS,
        "plain_focal": not transform,
    }
    return fit(
        key("chexnomaly" if kind == "unet" else f"chexnomaly_{kind}", **arms),
        partial(chexnomaly_network, twins.base, options, fusion),
        segmentation_loss(size, options, transform),
        (data.part("train"), data.part("val")),
        data,
        run_dir,
        options,
        depends_on=[trained_as],
    )


def load_chexnomaly(
    kind: str,
    run_dir: Path,
    options: Options,
    fusion: str = "only",
    units: int = UNITS,
) -> nn.Module:
    """Load a trained CheX-Nomaly, its base included.

    Raises:
        CheckpointError: The checkpoint is missing, corrupted or of other options.
    """
    base = siamese_network(kind, options, size=1, units=units).base
    return loaded(chexnomaly_network(base, options, fusion), run_dir)
