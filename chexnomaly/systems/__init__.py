"""Each system's recipe, once: its network, its loss, its data, its training.

Notebooks and the GPU runs call the same functions; a profile only changes the
`Options`. Defaults are the decision register's. `RECIPES` lists every system by key.
"""

from chexnomaly.systems.fitting import (
    Trained,
    fingerprint,
    fit,
    train_recipe,
    train_system,
)
from chexnomaly.systems.loading import load_system
from chexnomaly.systems.networks import build_network, unet
from chexnomaly.systems.objectives import min_area, segmentation_loss, siamese_loss
from chexnomaly.systems.options import Options
from chexnomaly.systems.pairs import score_pairs
from chexnomaly.systems.plans import plan_training
from chexnomaly.systems.recipes import (
    RECIPES,
    SPECIALIZED,
    Recipe,
    build_order,
    find_recipe,
)

__all__ = [
    "RECIPES",
    "SPECIALIZED",
    "Options",
    "Recipe",
    "Trained",
    "build_network",
    "build_order",
    "find_recipe",
    "fingerprint",
    "fit",
    "load_system",
    "min_area",
    "plan_training",
    "score_pairs",
    "segmentation_loss",
    "siamese_loss",
    "train_recipe",
    "train_system",
    "unet",
]
