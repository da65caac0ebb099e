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

from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.sources import chestx_det, nih
from chexnomaly.evaluation.evaluator import Predictor, TestSet
from chexnomaly.evaluation.films import UNION, VIEWS, film_sets
from chexnomaly.labels import SYNONYMS
from chexnomaly.profiles import open_profile
from chexnomaly.studies.cells import Cell, FoldSets, unseen_sets
from chexnomaly.systems import Options, baselines
from chexnomaly.systems.recipes import Recipe
from chexnomaly.workspace import Workspace

SECTIONS = ("08_real_films", "real_films_twins", "one_film")
"""Sections of a profile with the options of networks that draw, of twins, and of
classifiers."""

SINGLE = ("pleural_effusion", "cardiomegaly", "pulmonary_fibrosis", "emphysema")
WITHOUT = SYNONYMS | {name: (name,) for name in SINGLE}
"""What is kept from training in turn, with the names that readers use for it."""

FILM_FLOOR = ("mean_mask", "random_box", "view_alone")
"""Predictors that never look and are cells of their own, for the first seed."""

DRAWING = ("supermodel", "chexnomaly")
ASKED_UNSEEN = (*DRAWING, "mean_mask")
"""Systems whose question is what they make of findings that they never saw."""

FILM_SYSTEMS = (
    *("supermodel", "siamese_unet", "siamese_cnn", "chexnomaly"),
    *("supermodel__plain_focal", "attention_supermodel", "chexnomaly__concat"),
    *("chexnomaly__random_base", "chexnomaly_cnn", "chexnomaly__supermodel_start"),
    "chexnomaly__from_supermodel",
    *(f"{system}__from_phantoms" for system in DRAWING),
    *("max_ensemble__films", "model_ensemble__films"),
    *(f"{system}__alpha_0_25" for system in DRAWING),
)
"""Systems that are compared with one another, trained on all films."""


def section_of(recipe: Recipe) -> str:
    """Name the section of a profile with a recipe's options on real films."""
    kinds = {"siamese": "real_films_twins", "classifier": "one_film"}
    return kinds.get(recipe.kind, SECTIONS[0])


def film_options(profile: str, recipe: Recipe, **chosen) -> Options:
    """Read the options of a recipe on real films; what is chosen wins."""
    return Options.from_profile(profile, section_of(recipe), **chosen)


def blind_predictors(data: PreparedSet, seed: int) -> dict[str, Predictor]:
    """Give the predictors that never look, fitted on the training part, by key."""
    train, views = data.part("train"), data.films["view"].to_dict()
    prior = baselines.mean_mask(train)
    return {
        "all_empty": partial(baselines.constant, value=0.0),
        "all_ones": partial(baselines.constant, value=1.0),
        "mean_mask": partial(baselines.fixed_map, probs=prior),
        "random_box": partial(baselines.random_box, train_set=train, seed=seed),
        "view_alone": partial(baselines.label_alone, labels=views, train_set=train),
    }


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
    """The world of real films; see `studies.run.WorldStudy`.

    Attributes:
        workspace: Where films and phantoms were prepared.
    """

    workspace: Workspace
    name = "films"
    folds = (1, 2, 3, 4)
    families = WITHOUT
    systems, blind = FILM_SYSTEMS, FILM_FLOOR
    held_out = "nih_unseen_"
    arms_on = ()
    sections = SECTIONS
    arms = (
        *product((*FILM_SYSTEMS, *FILM_FLOOR), ("",)),
        ("supermodel", "shuffled"),
        *product(("supermodel", "supermodel__from_phantoms"), ("25", "50", "100")),
        *product(ASKED_UNSEEN, [f"without_{name}" for name in WITHOUT]),
    )

    def section(self, recipe: Recipe) -> str:
        """Name the section of a profile with a recipe's options."""
        return section_of(recipe)

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
        tests |= unseen_sets(whole, self.families, self.held_out)
        settings = open_profile(self.workspace.profile).settings(SECTIONS[0])
        views = (f"{UNION}_{view.lower()}" for view in VIEWS)
        parts = {key: UNION for key in views if key in tests}
        patients = whole.films["patient"].to_dict()
        return FoldSets(tests, pair_sets(whole, settings.n_pairs), parts, patients)

    def is_asked(self, cell: Cell, key: str) -> bool:
        """Tell whether a cell is scored on a set; who saw a finding is its control."""
        if cell.films.startswith("without_"):
            return key == self.held_out + cell.films.removeprefix("without_")
        control = cell.system in ASKED_UNSEEN and not cell.films
        return control or not key.startswith(self.held_out)

    def means_only(self, cell: Cell) -> dict[str, TestSet]:
        """Give sets of which means alone are kept; their films have no view."""
        if cell.system == "view_alone" or cell.films.startswith("without_"):
            return {}
        return covid_sets(self.workspace.data / "covid_lesions")

    def blind_predictor(self, name: str, data: PreparedSet, seed: int) -> Predictor:
        """Fit what never looks, on the training part."""
        return blind_predictors(data, seed)[name]
