"""The network of each recipe (Sections IV-C to IV-F), fresh or as it was trained."""

from pathlib import Path

from torch import nn

from chexnomaly.errors import CheckpointError
from chexnomaly.models import (
    AttentionUNet,
    BottleneckAttentionUNet,
    CheXNomaly,
    MaxEnsemble,
    ModelEnsemble,
    UNet,
    siamese,
)
from chexnomaly.models.chexnomaly import JoiningUNet, in_channels
from chexnomaly.models.ensembles import ChannelMax
from chexnomaly.systems.options import Options
from chexnomaly.systems.recipes import ON_LABELS, Recipe, find_recipe
from chexnomaly.training.checkpoints import load_model, read_header

ATTENTION = {"": UNet, "gates": AttentionUNet, "bottleneck": BottleneckAttentionUNet}
DISTANCES = {"rms": siamese.rms_distance, "euclidean": siamese.euclidean_distance}


def unet(options: Options, in_channels: int = 1) -> UNet:
    """Build the U-Net that all systems share (Section IV-F)."""
    return UNet(in_channels, **options.network)


def build_network(
    recipe: Recipe, options: Options, size: int, base: nn.Module | None = None
) -> nn.Module:
    """Build what a recipe trains, with fresh weights.

    Args:
        recipe: The recipe.
        options: Gives the sizes of the network.
        size: Side of the images, px.
        base: Base of the twin that CheX-Nomaly freezes; a fresh one by default.

    Returns:
        The network: image to logits, to one alone where it classifies films; two
        images to a logit and a distance where it is Siamese; masks of the specialized
        models to logits where it joins those.

    Raises:
        ValueError: The recipe names a base or a joining that does not exist.
    """
    if recipe.kind in ON_LABELS:
        return siamese_network(recipe, options, size)
    if recipe.kind == "model_ensemble":
        return joining_network(recipe, options)
    kind = JoiningUNet if recipe.fusion == "bottleneck" else ATTENTION[recipe.attention]
    if recipe.kind == "segmentation":
        return kind(1, **options.network)
    base = base or base_of(build_network(find_recipe(recipe.twin), options, size))
    drawing = kind(in_channels(recipe.fusion), **options.network)
    return CheXNomaly(base, drawing, recipe.fusion, recipe.frozen)


def base_of(network: nn.Module) -> nn.Module:
    """Take what CheX-Nomaly freezes: a twin's base, or a whole network of one image."""
    return network.base if isinstance(network, siamese.SiameseNetwork) else network


def siamese_network(recipe: Recipe, options: Options, size: int) -> nn.Module:
    """Build a twin, or its base under a head for one film.

    The head of the U-Net base is sized by the images.
    """
    if recipe.base == "cnn":
        base, inputs = siamese.CNNBase(recipe.units, **options.network), recipe.units
    elif recipe.base == "unet":
        base, inputs = siamese.UNetBase(**options.network), size**2
    else:
        raise ValueError(f"base {recipe.base!r}, expected cnn or unet")
    if recipe.kind == "classifier":
        return siamese.FilmClassifier(base, inputs)
    return siamese.SiameseNetwork(base, inputs, DISTANCES[recipe.distance])


def joining_network(recipe: Recipe, options: Options) -> nn.Module:
    """Build what joins the masks of the specialized models, (B, models, S, S)."""
    n = len(recipe.specialists)
    if recipe.joining == "unet":
        return unet(options, n)
    if recipe.joining == "convolution":
        return nn.Conv2d(n, 1, 1)
    if recipe.joining == "unet_on_max":
        return nn.Sequential(ChannelMax(), unet(options))
    raise ValueError(
        f"joining {recipe.joining!r}, expected unet, convolution or unet_on_max"
    )


def load_system(system: str | Recipe, runs: Path) -> nn.Module:
    """Load a trained system; its options and sizes are read from its run.

    Args:
        system: One of `RECIPES`, or a recipe that need not be among them.
        runs: Folder of all runs.

    Returns:
        The network, ready for prediction.

    Raises:
        ValueError: The key is unknown.
        CheckpointError: A checkpoint is missing, corrupted or of another program.
    """
    recipe = find_recipe(system) if isinstance(system, str) else system
    specialists = [load_system(one, runs) for one in recipe.specialists]
    if not recipe.trains:
        return MaxEnsemble(specialists).eval()
    folder = runs / recipe.key
    header = read_header(folder)
    try:
        options = Options.from_parameters(**header["options"])
        network = build_network(recipe, options, header["size"])
    except (KeyError, TypeError) as error:
        problem = f"a header of another program ({error})"
        expected = "the options and the image size of the run"
        raise CheckpointError(problem, file=folder, expected=expected) from error
    load_model(folder, network)
    return (ModelEnsemble(specialists, network) if specialists else network).eval()
