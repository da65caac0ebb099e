"""Each system's recipe, once: its network, its loss, its data, its training.

Notebooks and the GPU runs call the same functions; a profile only changes the
`Options`. Defaults are the decision register's. `RECIPES` lists every system by key.
"""

from chexnomaly.systems.fitting import fingerprint, train_in_order, train_system
from chexnomaly.systems.networks import build_network, load_system, unet
from chexnomaly.systems.objectives import min_area, segmentation_loss, siamese_loss
from chexnomaly.systems.options import Options
from chexnomaly.systems.plans import plan_training
from chexnomaly.systems.recipes import RECIPES, SPECIALIZED, build_order, find_recipe
