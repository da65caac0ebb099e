"""The network of each recipe, with fresh weights (Sections IV-C to IV-F)."""

from torch import nn

from chexnomaly.models.attention_unet import AttentionUNet
from chexnomaly.models.chexnomaly import CheXNomaly, JoiningUNet, in_channels
from chexnomaly.models.ensembles import ChannelMax
from chexnomaly.models.self_attention import BottleneckAttentionUNet
from chexnomaly.models.siamese import (
    CNNBase,
    SiameseNetwork,
    UNetBase,
    euclidean_distance,
    rms_distance,
)
from chexnomaly.models.unet import UNet
from chexnomaly.systems.options import Options
from chexnomaly.systems.recipes import Recipe, find_recipe

ATTENTION = {"": UNet, "gates": AttentionUNet, "bottleneck": BottleneckAttentionUNet}
DISTANCES = {"rms": rms_distance, "euclidean": euclidean_distance}


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
        The network: image to logits; two images to a logit and a distance where it is
        Siamese; masks of the specialized models to logits where it joins those.

    Raises:
        ValueError: The recipe names a base or a joining that does not exist.
    """
    if recipe.kind == "siamese":
        return siamese_network(recipe, options, size)
    if recipe.kind == "model_ensemble":
        return joining_network(recipe, options)
    if recipe.kind == "chexnomaly":
        twin = find_recipe(recipe.twin)
        base = base or siamese_network(twin, options, size).base
        drawing = drawing_network(recipe, options, in_channels(recipe.fusion))
        return CheXNomaly(base, drawing, recipe.fusion, recipe.frozen)
    return drawing_network(recipe, options)


def drawing_network(recipe: Recipe, options: Options, in_channels: int = 1) -> UNet:
    """Build the U-Net that draws the mask, with attention where the recipe asks."""
    if recipe.fusion == "bottleneck":
        return JoiningUNet(in_channels, **options.network)
    return ATTENTION[recipe.attention](in_channels, **options.network)


def siamese_network(recipe: Recipe, options: Options, size: int) -> SiameseNetwork:
    """Build the twin; the head of the U-Net base is sized by the images."""
    distance = DISTANCES[recipe.distance]
    if recipe.base == "cnn":
        base = CNNBase(recipe.units, **options.network)
        return SiameseNetwork(base, recipe.units, distance)
    if recipe.base == "unet":
        return SiameseNetwork(UNetBase(**options.network), size**2, distance)
    raise ValueError(f"base {recipe.base!r}, expected cnn or unet")


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
