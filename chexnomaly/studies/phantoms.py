"""The study's phantoms: the demo's films to learn from, and more to be asked about.

The plan's 700 test films, half of them abnormal; three findings that no training film
shows: the demo's pneumonia and, drawn here in the layouts of the sources that they
stand for, rib fractures and COVID-19; and each family of the fourteen findings that
readers use for one another, held out together. Of the demo's own test films means are
kept, beside which a live number can be held.
"""

from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np

from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.evaluation.evaluator import Predictor, TestSet
from chexnomaly.labels import FINDINGS, SYNONYMS
from chexnomaly.phantom.files.prepared import write_prepared
from chexnomaly.profiles import open_profile
from chexnomaly.studies.cells import Cell, FoldSets, unseen_sets
from chexnomaly.studies.multiverse.arms import ARMS
from chexnomaly.systems import baselines
from chexnomaly.systems.recipes import Recipe
from chexnomaly.workspace import Workspace

_JOINED = {k: kin for k, kin in SYNONYMS.items() if {*kin} & {*FINDINGS}}
HELD_TOGETHER = _JOINED | {
    finding: (finding,)
    for finding in FINDINGS
    if not any(finding in kin for kin in _JOINED.values())
}
"""What is held out together, by the name of the family."""

DRAWN = {"rib_fracture": ("candid", 3), "covid": ("covid", 4)}
"""Finding to the layout of its source, and the seed of its films."""

N_DRAWN = 200
N_TEST = 700
TEST_SEED, OTHER_SEED = 5, 10
"""Seed of the test films; added to k, that of the other films k to learn from. The
demo's films have seeds 0 to 2."""

PHANTOM_SYSTEMS = (
    *("supermodel", "siamese_unet", "siamese_cnn", "chexnomaly"),
    *("chexnomaly__random_base", "chexnomaly__concat", "chexnomaly__from_supermodel"),
    *("chexnomaly_cnn", "supermodel__plain_focal", "attention_supermodel"),
    *("max_ensemble", "model_ensemble"),
)
"""Systems that are compared with one another; the others with their default alone."""

ASKED_FAMILIES = ("supermodel", "chexnomaly", "chexnomaly__random_base", "mean_mask")
"""Systems that are asked about a family that they never saw."""

PHANTOM_FLOOR = ("mean_mask", "random_box")
"""Predictors that never look."""


@dataclass(frozen=True)
class PhantomWorld:
    """The world of phantoms; see `studies.run.WorldStudy`.

    Attributes:
        workspace: Where `02_data` prepared films.
    """

    workspace: Workspace
    name = "phantoms"
    folds = (0,)
    families = HELD_TOGETHER
    systems, blind = PHANTOM_SYSTEMS, PHANTOM_FLOOR
    held_out = "study_without_"
    arms_on = ("study_test", "study_unseen_pneumonia")
    sections = (
        *("03_supermodels", "04_specialized_models", "model_ensemble"),
        *("06_siamese_networks", "07_chexnomaly"),
    )
    arms = tuple(
        dict.fromkeys(
            [
                *product((*PHANTOM_SYSTEMS, *PHANTOM_FLOOR), ("",)),
                *product(ASKED_FAMILIES, [f"without_{name}" for name in HELD_TOGETHER]),
                *product(ASKED_FAMILIES, [f"control_{name}" for name in HELD_TOGETHER]),
                *(arm.cells for arm in ARMS),
            ]
        )
    )

    def section(self, recipe: Recipe) -> str:
        """Name the section of a profile with a recipe's options."""
        return recipe.section

    def films(self, fold: int) -> PreparedSet:
        """Open the demo's films; they have one split.

        Raises:
            ValueError: Another fold than 0.
        """
        if fold:
            raise ValueError(f"fold {fold}, expected 0: phantoms have one split")
        return PreparedSet.open(self.workspace.data / "vindr")

    def other_films(self, k: int) -> PreparedSet:
        """Draw other films to learn from, as many as the demo's, or open them."""
        whole = self.films(0)
        counts = [len(whole.ids(part)) for part in ("train", "val")]
        parts, size = np.repeat(["train", "val"], counts), whole.store.size
        options = {"enriched": True, "size_px": self._sides()}
        root = self.workspace.data / "study" / f"other_films_{k}"
        return write_prepared(root, parts, OTHER_SEED + k, size, **options)

    def _sides(self) -> tuple[int, int]:
        """Give the smallest and the largest longer side of a film, px."""
        given = open_profile(self.workspace.profile).settings("02_data")
        return given.shortest_px, given.longest_px

    def unseen(self, finding: str) -> PreparedSet:
        """Draw films with a finding that no training film shows, or open them."""
        layout, seed = DRAWN[finding]
        options = {"layout": layout, "positive_share": 1.0, "size_px": self._sides()}
        root, size = self.workspace.data / "study" / finding, self.films(0).store.size
        return write_prepared(root, ["test"] * N_DRAWN, seed, size, **options)

    def test_films(self) -> PreparedSet:
        """Draw the films that networks are tested on, or open them."""
        options = {"enriched": True, "positive_share": 0.5, "size_px": self._sides()}
        root, size = self.workspace.data / "study" / "test", self.films(0).store.size
        return write_prepared(root, ["test"] * N_TEST, TEST_SEED, size, **options)

    def sets(self, whole: PreparedSet) -> FoldSets:
        """Give every set that some cell is scored on."""
        test = self.test_films()
        pneumonia = PreparedSet.open(self.workspace.data / "other")
        sets = {"study_test": test, "study_unseen_pneumonia": pneumonia}
        sets |= {f"study_unseen_{name}": self.unseen(name) for name in DRAWN}
        tests = {
            key: TestSet(one.part("test"), one.origin) for key, one in sets.items()
        }
        tests |= unseen_sets(test, self.families, self.held_out)
        given = open_profile(self.workspace.profile).settings("06_siamese_networks")
        pairs = {"study_pairs": PairsSet(test.part("test"), given.n_pairs)}
        return FoldSets(tests, pairs)

    def is_asked(self, cell: Cell, key: str) -> bool:
        """Tell whether a cell is scored on a set."""
        kind, _, name = cell.films.partition("_")
        if kind in ("without", "control"):
            return key == f"{self.held_out}{name}"
        return not key.startswith(self.held_out)

    def means_only(self, cell: Cell) -> dict[str, TestSet]:
        """Give the demo's test films, of which means alone are kept."""
        if cell.films.startswith(("without_", "control_")):
            return {}
        whole = self.films(0)
        keys = ("iou_c", "mae_soft", "f1_any_pixel")
        return {"vindr_test": TestSet(whole.part("test"), whole.origin, keys=keys)}

    def blind_predictor(self, name: str, data: PreparedSet, seed: int) -> Predictor:
        """Fit what never looks, on the training part."""
        train = data.part("train")
        if name == "random_box":
            return partial(baselines.random_box, train_set=train, seed=seed)
        return partial(baselines.fixed_map, probs=baselines.mean_mask(train))
