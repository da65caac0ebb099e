"""Each system's recipe, once: its network, its loss, its data, its training.

Notebooks and the GPU runs call the same functions; a profile only changes the
`Options`. Defaults are the decision register's. `SYSTEMS` lists every system by key.
"""

from chexnomaly.systems.chexnomaly import (
    chexnomaly_network,
    load_chexnomaly,
    train_chexnomaly,
)
from chexnomaly.systems.ensembles import (
    load_max_ensemble,
    load_model_ensemble,
    train_model_ensemble,
)
from chexnomaly.systems.recipe import Options, Trained, fingerprint, unet
from chexnomaly.systems.segmentation import (
    attention_unet,
    load_supermodel,
    min_area,
    segmentation_loss,
    train_attention_supermodel,
    train_specialized,
    train_supermodel,
)
from chexnomaly.systems.siamese import (
    load_siamese,
    score_pairs,
    siamese_loss,
    siamese_network,
    train_siamese,
)
from chexnomaly.systems.table import (
    SPECIALIZED,
    SYSTEMS,
    System,
    load_system,
    train_system,
)

__all__ = [
    "SPECIALIZED",
    "SYSTEMS",
    "Options",
    "System",
    "Trained",
    "attention_unet",
    "chexnomaly_network",
    "fingerprint",
    "load_chexnomaly",
    "load_max_ensemble",
    "load_model_ensemble",
    "load_siamese",
    "load_supermodel",
    "load_system",
    "min_area",
    "score_pairs",
    "segmentation_loss",
    "siamese_network",
    "siamese_loss",
    "train_attention_supermodel",
    "train_chexnomaly",
    "train_model_ensemble",
    "train_siamese",
    "train_specialized",
    "train_supermodel",
    "train_system",
    "unet",
]
