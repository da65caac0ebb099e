"""The study's real films: each fold of patients held out in turn.

Fold 0 served every choice, so that verdicts rest on folds 1 to 4. The films are those
that `08_real_films` prepared, the phantoms that some arms start from those of
`02_data`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from pathlib import Path

import numpy as np

from chexnomaly.datasets import sampling
from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.datasets.sources import chestx_det, nih
from chexnomaly.evaluation.evaluator import Predictor, TestSet
from chexnomaly.evaluation.films import UNION, VIEWS, film_sets
from chexnomaly.labels import SYNONYMS
from chexnomaly.profiles import open_profile
from chexnomaly.studies.cells import FoldSets, sets_by_finding
from chexnomaly.studies.phantoms import CENTRAL, DRAWING, ONE_CHANGE, apart, whole
from chexnomaly.systems import baselines, find_recipe
from chexnomaly.systems.recipes import ON_FILMS, PRACTICE_CONTROLS, Recipe
from chexnomaly.workspace import Workspace

SECTIONS = ("08_real_films", "real_films_twins", "one_film")
"""Sections of a profile with the options of networks that draw, of twins, and of
classifiers."""

SINGLE = ("pleural_effusion", "cardiomegaly", "pulmonary_fibrosis", "emphysema")
WITHOUT = SYNONYMS | {name: (name,) for name in SINGLE}
"""What is kept from training in turn, with the names that readers use for it."""

FOUR_BY_THREE = [(fold, seed) for seed in range(3) for fold in (1, 2, 3, 4)]
ONE_EACH = [(fold, fold - 1) for fold in (1, 2, 3, 4)]
"""Fold and seed of each network of an arm: of three seeds a fold, and of one."""

ON_SOME = ("25", "50", "100")
"""Numbers of films that some arms learn from; "0" for practice alone."""

CONTROLS = ("supermodel__longer", *(one.key for one in PRACTICE_CONTROLS))
"""What stands against practice on phantoms."""

FILM_ENSEMBLES = ("max_ensemble__films", "model_ensemble__films")
PRACTISED = [f"{system}__from_phantoms" for system in DRAWING]


def section_of(recipe: Recipe) -> str:
    """Name the section of a profile with a recipe's options on real films."""
    kinds = {"siamese": "real_films_twins", "classifier": "one_film"}
    return kinds.get(recipe.kind, SECTIONS[0])


def blind_predictors(
    data: PreparedSet, seed: int, finding: str = ""
) -> dict[str, Predictor]:
    """Give the predictors that never look, fitted on the training part.

    Args:
        data: Training part, and views where they are known.
        seed: Of random boxes.
        finding: Fit on this finding's balanced films, as a specialized model is.

    Returns:
        By key; "view_alone" where views are known.
    """
    train = specialized_or_all(data, "train", finding)
    found = {
        "all_empty": partial(baselines.constant, value=0.0),
        "all_ones": partial(baselines.constant, value=1.0),
        "mean_mask": partial(baselines.fixed_map, probs=baselines.mean_mask(train)),
        "random_box": partial(baselines.random_box, train_set=train, seed=seed),
    }
    if data.films is not None:
        labels = data.films["view"].to_dict()
        about = {"labels": labels, "train_set": train}
        found["view_alone"] = partial(baselines.label_alone, **about)
    return found


def specialized_or_all(data: PreparedSet, part: str, finding: str) -> SegmentationSet:
    """Give a part's balanced films of a finding; all its films for ""."""
    if not finding:
        return data.part(part)
    return sampling.specialized_part(data, part, finding)


def covid_sets(folder: Path) -> dict[str, TestSet]:
    """Give films of other hospitals, where they lie ready: means alone leave them."""
    if not (folder / "findings.csv").exists():
        return {}
    data = PreparedSet.open(folder)
    return {"nih_covid": TestSet(data.part("test"), data.origin, keys=("iou_c",))}


def outline_masks(root: Path, size: int) -> dict[str, np.ndarray]:
    """Fill the outlines of a folder's films; image id to mask, (S, S), bool."""
    outlines = nih.read_outlines(root)
    return {name: chestx_det.polygon_mask(one, size) for name, one in outlines.items()}


def pair_sets(data: PreparedSet, n_pairs: int) -> dict[str, PairsSet]:
    """Give pairs of held-out films: of all, and of those of patients who stand (PA)."""
    labelled, views = data.labelled_part("test"), data.films["view"]
    standing = labelled.subset([i for i in labelled.ids if views[i] == "PA"])
    sets = {"nih_pairs": labelled, "nih_pairs_pa": standing}
    return {key: PairsSet(scans, n_pairs) for key, scans in sets.items()}


@dataclass(frozen=True)
class FilmWorld:
    """The world of real films; see `studies.world_study.WorldStudy`.

    Attributes:
        workspace: Where films and phantoms were prepared.
    """

    workspace: Workspace
    name = "films"
    families, findings = WITHOUT, tuple(find_recipe(key).finding for key in ON_FILMS)
    blind = ("mean_mask", "random_box", "view_alone")
    held_out, specialized = "nih_unseen_", "nih_specialized_"
    seen, arms_on, repeats = UNION, (), (f"{UNION}_", "nih_polygons")
    sections, section = SECTIONS, staticmethod(section_of)
    plan = {
        "central": (FOUR_BY_THREE, whole(CENTRAL)),
        "practice": (
            FOUR_BY_THREE,
            [
                *product(DRAWING, ON_SOME),
                *product(PRACTISED, ("0", *ON_SOME, "")),
                *product(CONTROLS, ("100", "")),
            ],
        ),
        "others": (
            ONE_EACH,
            [
                *whole([*ONE_CHANGE, *ON_FILMS, *FILM_ENSEMBLES]),
                ("supermodel", "shuffled"),
            ],
        ),
        "held out": (ONE_EACH, apart(DRAWING, WITHOUT)),
        "blind": (
            [(fold, 0) for fold in (1, 2, 3, 4)],
            whole([*blind, *(f"mean_mask__{finding}" for finding in findings)])
            + apart(["mean_mask"], WITHOUT),
        ),
    }

    def films(self, fold: int) -> PreparedSet:
        """Open the films with one fold held out."""
        return PreparedSet.open(self.workspace.data / "nih").hold_out(fold)

    @cached_property
    def outlines(self) -> Mapping[str, np.ndarray]:
        """Masks of outlined findings by image id."""
        size = PreparedSet.open(self.workspace.data / "nih").store.size
        return outline_masks(nih.folder(), size)

    def sets(self, whole: PreparedSet) -> FoldSets:
        """Give every set that some cell is scored on."""
        tests = film_sets(whole, self.outlines)
        keys = (self.families, self.held_out, self.findings, self.specialized)
        tests |= sets_by_finding(whole, *keys)
        settings = open_profile(self.workspace.profile).settings(SECTIONS[0])
        views = (f"{UNION}_{view.lower()}" for view in VIEWS)
        parts = {key: UNION for key in views if key in tests}
        patients = whole.films["patient"].to_dict()
        return FoldSets(tests, pair_sets(whole, settings.n_pairs), parts, patients)

    def means_only(self) -> dict[str, TestSet]:
        """Give films of other hospitals, of which means alone are kept."""
        return covid_sets(self.workspace.data / "covid_lesions")
