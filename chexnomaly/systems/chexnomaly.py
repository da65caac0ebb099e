"""Recipe of CheX-Nomaly: a U-Net on a frozen Siamese twin (Section IV-E, Table V)."""

from functools import partial
from pathlib import Path

from torch import nn

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.models.chexnomaly import CheXNomaly, JoiningUNet, in_channels
from chexnomaly.systems.recipe import Options, Trained, fit, key, loaded, unet
from chexnomaly.systems.segmentation import attention_unet, segmentation_loss
from chexnomaly.systems.siamese import UNITS, siamese_network
from chexnomaly.training.checkpoints import load_model
from chexnomaly.training.loop import seeded_model


def chexnomaly_network(
    base: nn.Module,
    options: Options,
    fusion: str = "only",
    frozen: str = "base",
    attention: bool = False,
    start: Path | None = None,
) -> CheXNomaly:
    """Build CheX-Nomaly on a base.

    Args:
        base: A twin; frozen here.
        options: Sizes of the U-Net.
        fusion: One of `models.chexnomaly.FUSIONS`.
        frozen: One of `models.chexnomaly.FROZEN`.
        attention: A gate on every skip of the U-Net.
        start: Run of a supermodel whose weights the U-Net begins with; from scratch
            where there is none.

    Returns:
        The network.

    Raises:
        CheckpointError: The supermodel's checkpoint is missing or of other sizes.
    """
    channels = in_channels(fusion)
    if fusion == "bottleneck":
        drawing = JoiningUNet(channels, **options.network)
    elif attention:
        drawing = attention_unet(options, in_channels=channels)
    else:
        drawing = unet(options, channels)
    if start is not None:
        load_model(start, drawing)
    return CheXNomaly(base, drawing, fusion, frozen)


def train_chexnomaly(
    kind: str,
    base_run_dir: Path | None,
    data: PreparedSet,
    run_dir: Path,
    options: Options,
    fusion: str = "only",
    transform: bool = True,
    units: int = UNITS,
    twin: str = "",
    frozen: str = "base",
    attention: bool = False,
    start: Path | None = None,
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
        fusion: See `chexnomaly_network`, like `frozen`, `attention` and `start`.
        transform: The paper's custom loss, or the plain focal loss.
        units: Numbers in the code of the CNN kind.
        twin: The arm of the Siamese network, where it is one.
        frozen: What of the base stays as it was.
        attention: A gate on every skip.
        start: Run of a supermodel to begin with.

    Returns:
        The trained system.

    Raises:
        CheckpointError: A checkpoint is missing, corrupted or of other sizes.
        ValueError: Unknown kind or fusion.
    """
    size = data.store.size
    twins = seeded_model(
        partial(siamese_network, kind, options, size, units), options.schedule.seed
    )
    trained_as = ""
    if base_run_dir is not None:
        trained_as = load_model(base_run_dir, twins)["fingerprint"]
    begun_as = (
        [] if start is None else [load_model(start, unet(options))["fingerprint"]]
    )
    arms = {
        fusion: fusion != "only",
        "random_base": base_run_dir is None,
        f"{units}_units": units != UNITS,
        "plain_focal": not transform,
        twin: bool(twin),
        f"frozen_{frozen}": frozen != "base",
        "attention": attention,
        "from_supermodel": start is not None,
    }
    return fit(
        key("chexnomaly" if kind == "unet" else f"chexnomaly_{kind}", **arms),
        partial(
            chexnomaly_network, twins.base, options, fusion, frozen, attention, start
        ),
        segmentation_loss(size, options, transform),
        (data.part("train"), data.part("val")),
        data,
        run_dir,
        options,
        depends_on=[trained_as, *begun_as],
    )


def load_chexnomaly(
    kind: str,
    run_dir: Path,
    options: Options,
    fusion: str = "only",
    units: int = UNITS,
    frozen: str = "base",
    attention: bool = False,
) -> nn.Module:
    """Load a trained CheX-Nomaly, its base included.

    Raises:
        CheckpointError: The checkpoint is missing, corrupted or of other options.
    """
    base = siamese_network(kind, options, size=1, units=units).base
    network = chexnomaly_network(base, options, fusion, frozen, attention)
    return loaded(network, run_dir)
