"""The paper's systems on real films, fold by fold: one cell of the study at a time.

    python -m chexnomaly.studies.real_films.run --out FOLDER

trains each arm on the films of four folds, less those that validate, and scores it on
the fifth. Fold 0 served every choice, so that verdicts rest on folds 1 to 4. The films
are those that `08_real_films` prepared, the phantoms that some arms start from those of
`02_data`. Cells that are finished are skipped.
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from chexnomaly import evaluation, results, systems
from chexnomaly.datasets import sampling
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.sources import chestx_det, nih
from chexnomaly.evaluation.evaluator import Predictor, TestSet
from chexnomaly.evaluation.films import FEW, film_sets
from chexnomaly.labels import SYNONYMS
from chexnomaly.studies.cells import Cell, pack_scores, run_cells
from chexnomaly.studies.design import command_line
from chexnomaly.systems import Options, baselines
from chexnomaly.systems.recipes import Recipe
from chexnomaly.workspace import FoldRuns, Workspace

SECTIONS = {"siamese": "real_films_twins", "classifier": "one_film"}
"""Sections of a profile with the options of each kind; others have the notebook's."""

SINGLE = ("pleural_effusion", "cardiomegaly", "pulmonary_fibrosis", "emphysema")
WITHOUT = SYNONYMS | {name: (name,) for name in SINGLE}
"""What is kept from training in turn, with the names that readers use for it."""

BLIND = ("mean_mask", "random_box", "view_alone")
"""Predictors that never look and are cells of their own, for the first seed."""

DRAWING = ("supermodel", "chexnomaly")
ASKED_UNSEEN = (*DRAWING, "mean_mask")
"""Systems whose question is what they make of findings that they never saw."""

FILM_ARMS = (
    *((system, "") for system in DRAWING),
    *(("supermodel__plain_focal", ""), ("attention_supermodel", "")),
    *(("chexnomaly__concat", ""), ("chexnomaly__random_base", "")),
    *(("chexnomaly_cnn", ""), ("chexnomaly__supermodel_start", "")),
    ("chexnomaly__from_supermodel", ""),
    *((f"{system}__from_phantoms", "") for system in DRAWING),
    *(("max_ensemble__films", ""), ("model_ensemble__films", "")),
    ("supermodel", "shuffled"),
    *product(("supermodel", "supermodel__from_phantoms"), ("25", "50", "100")),
    *((system, "") for system in BLIND),
    *product(ASKED_UNSEEN, (f"without_{name}" for name in WITHOUT)),
)
"""System, and what its films differ in; see `change_films`."""


def film_options(profile: str, recipe: Recipe, **chosen) -> Options:
    """Read the options of a recipe on real films; what is chosen wins."""
    section = SECTIONS.get(recipe.kind, "08_real_films")
    return Options.from_profile(profile, section, **chosen)


def change_films(data: PreparedSet, how: str, seed: int) -> PreparedSet:
    """Change the films that an arm learns from.

    Args:
        data: Films with one fold held out.
        how: "" for none, "shuffled" for each other's masks, "without_<finding>" of
            `WITHOUT`, or how many to train on.
        seed: Seed of the shuffling.

    Raises:
        KeyError: The finding is not one of `WITHOUT`.
    """
    if how == "shuffled":
        return sampling.shuffled_masks(data, seed)
    if how.startswith("without_"):
        return sampling.without_findings(data, WITHOUT[how.removeprefix("without_")])
    return sampling.few_films(data, int(how)) if how else data


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


def unseen_sets(
    data: PreparedSet, names: Collection[str] = tuple(WITHOUT)
) -> dict[str, TestSet]:
    """Give held-out films with a finding beside healthy ones, by set key.

    Whoever saw the finding in training is scored on them too, as the control.
    """
    patients = data.films["patient"].to_dict()
    sets = {n: sampling.unseen_part(data, WITHOUT[n]) for n in names}
    return {
        f"nih_unseen_{name}": TestSet(scans, data.origin, patients, FEW)
        for name, scans in sets.items()
        if scans.is_abnormal().any()
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


@dataclass(frozen=True)
class FilmStudy:
    """What all cells have in common.

    Attributes:
        workspace: Where films and phantoms were prepared.
        work: Receives runs.
        profile: Gives the options.
        chosen: Options that win over the profile's.
        outlines: From `outline_masks`.
    """

    workspace: Workspace
    work: Path
    profile: str = "study"
    chosen: dict = field(default_factory=dict)
    outlines: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def settings(self) -> dict:
        """The options of every cell, for `cells.run_cells`."""
        kinds = map(systems.find_recipe, ("supermodel", "siamese_unet"))
        return {k.kind: asdict(self.options(k, seed=0)) for k in kinds}

    def options(self, recipe: Recipe, seed: int) -> Options:
        """Give a recipe's options."""
        return film_options(self.profile, recipe, **self.chosen, seed=seed)

    def runs(self, cell: Cell) -> FoldRuns:
        """Say where a cell's runs lie; its start is trained there if it has one."""
        start, other = systems.find_recipe(cell.system).start, self.work / "phantoms"
        elsewhere = {"phantoms": other / f"seed{cell.seed}"}
        if start.startswith("phantoms:"):
            phantoms = PreparedSet.open(self.workspace.data / "vindr")
            recipe = systems.find_recipe(start.partition(":")[2])
            chosen = {**self.chosen, "seed": cell.seed}
            name, section = self.workspace.profile, recipe.section
            options = Options.from_profile(name, section, **chosen)
            systems.train_system(recipe, phantoms, elsewhere["phantoms"], options)
        name = f"fold{cell.fold}_seed{cell.seed}"
        return FoldRuns(self.work / "films", name, cell.films, elsewhere)

    def predictor(self, cell: Cell, data: PreparedSet) -> tuple[Predictor, str]:
        """Train a cell's system, or fit what never looks; also say where it started."""
        if cell.system in BLIND:
            return blind_predictors(data, cell.seed)[cell.system], ""
        options = partial(self.options, seed=cell.seed)
        trained = systems.train_in_order(cell.system, data, self.runs(cell), options)
        *_, (recipe, last) = trained
        return partial(evaluation.predict, last.model), recipe.start

    def measure(self, cell: Cell) -> dict:
        """Train and score one cell; see `cells.run_cells`."""
        started, processor = time.perf_counter(), time.process_time()
        whole = PreparedSet.open(self.workspace.data / "nih").hold_out(cell.fold)
        data = change_films(whole, cell.films, cell.seed)
        predict, start = self.predictor(cell, data)
        val = data.part("val")
        operating = evaluation.operating_threshold(predict(val), map(val.mask, val.ids))
        levels = sorted({evaluation.PAPER_THRESHOLD, operating})
        sets = film_sets(whole, self.outlines)
        if cell.system in ASKED_UNSEEN:  # who saw a finding is asked about it too
            without = cell.films.partition("without_")[2]
            sets |= unseen_sets(whole, [without] if without else tuple(WITHOUT))
        scored = {
            key: test.score(predict(test.scans), levels)
            for key, test in sets.items()
            if not key.endswith(("_pa", "_ap"))  # a film's view tells
        }
        means = {}
        if cell.system != "view_alone":  # whose films have no view
            for key, test in covid_sets(self.workspace.data / "covid_lesions").items():
                found = test.score(predict(test.scans), levels)
                means[key] = evaluation.summarize(found, operating, keys=test.keys)
        stamp = results.stamp({}, started)
        stamp["processor_s"] = round(time.process_time() - processor, 1)
        about = {"trained_on": data.origin, "scored_on": whole.origin}
        about |= {"data_hash": data.data_hash, "split_hash": data.split_hash}
        about |= {"start": start, "n_train": len(data.part("train"))}
        about |= {"operating": operating, "means": means, "stamp": stamp}
        return about | pack_scores(scored, operating)


def main() -> None:
    """Run the cells that are missing."""
    workspace = Workspace.open("demo")
    parser = command_line(__doc__, Workspace.open("study").runs / "real_films")
    parser.add_argument("--folds", type=int, nargs="+", default=[1, 2, 3, 4])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    given = parser.parse_args()
    size = PreparedSet.open(workspace.data / "nih").store.size
    outlines = outline_masks(nih.folder(), size)
    study = FilmStudy(workspace, given.work, outlines=outlines)
    order = product(given.seeds, given.folds, FILM_ARMS)
    cells = [
        Cell(*arm, fold, seed)
        for seed, fold, arm in order
        if arm[0] not in BLIND or seed == given.seeds[0]
    ]
    made = (study.measure, given.out, study.settings, given.workers)
    if failed := run_cells(cells, *made):
        raise SystemExit(f"{len(failed)} of {len(cells)} cells failed")


if __name__ == "__main__":
    main()
