"""The studies, cell by cell: `python -m chexnomaly.studies.run phantoms --out FOLDER`.

Trains every arm of `phantoms` or `films` on the films that the demo's `02_data` and
`08_real_films` prepared, at the demo's sizes and with its recipes, so that the numbers
of a default build can be held against the study's. Finished cells are skipped, so that
a study grows over many runs; then the results files are written anew.
"""

import argparse
import fcntl
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatch
from functools import partial
from itertools import product
from pathlib import Path

from chexnomaly import evaluation, systems
from chexnomaly.datasets import sampling
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.evaluation.evaluator import Predictor
from chexnomaly.evaluation.pairs import score_pairs
from chexnomaly.studies import contrasts
from chexnomaly.studies.cells import DIGITS, Cell, pack_numbers, pack_scores, run_cells
from chexnomaly.studies.films import FilmWorld
from chexnomaly.studies.multiverse.arms import split_option
from chexnomaly.studies.phantoms import PhantomWorld
from chexnomaly.systems import Options
from chexnomaly.systems.recipes import Recipe
from chexnomaly.workspace import CELLS, FoldRuns, Workspace

STUDIED = {"phantoms": PhantomWorld, "films": FilmWorld}
"""Name on the command line to what a study is about."""


@dataclass(frozen=True)
class WorldStudy:
    """One world's study; see `cells.CellStudy`.

    Attributes:
        world: Its films, sets and arms.
        work: Receives runs.
        profile: Gives the options.
        chosen: Options that win over the profile's.
    """

    world: PhantomWorld | FilmWorld
    work: Path
    profile: str = "study"
    chosen: dict = field(default_factory=dict)

    def options(self, section: str, **changes) -> Options:
        """Give the options of one section of the profile; what changes wins."""
        return Options.from_profile(self.profile, section, **self.chosen | changes)

    def shared(self, fold: int) -> dict:
        """Give what all cells of a fold share; see `cells.FoldSets.table`."""
        whole = self.world.films(fold)
        options = {name: asdict(self.options(name)) for name in self.world.sections}
        hashes = {"data_hash": whole.data_hash, "split_hash": whole.split_hash}
        return self.world.sets(whole).table({"options": options} | hashes)

    def cells(self, folds: Sequence[int], seeds: Sequence[int]) -> list[Cell]:
        """List all cells; what is blind to the films has seed 0 alone."""
        arms = [arm for arm in self.world.arms if not self._as_default(arm[0])]
        cells = (
            Cell(system, films, fold, 0 if system in self.world.blind else seed)
            for seed, fold, (system, films) in product(seeds, folds, arms)
        )
        return [*dict.fromkeys(cells)]

    def _as_default(self, system: str) -> bool:
        """Tell whether an option that an arm changes has that value anyway."""
        name, changes = split_option(system)
        if not changes:
            return False
        options = partial(self.options, self.world.section(systems.find_recipe(name)))
        return options() == options(**changes)

    def train(
        self,
        system: str,
        data: PreparedSet,
        runs: FoldRuns,
        longer: float = 1.0,
        **changes,
    ) -> list:
        """Train a system and what it builds on; see `systems.train_in_order`.

        Args:
            system: System key.
            data: Training and validation parts.
            runs: Folder of all runs.
            longer: How many times the profile's epochs.
            **changes: Options that win over the profile's.
        """

        def options(recipe: Recipe) -> Options:
            found = self.options(self.world.section(recipe), **changes)
            epochs = round(longer * found.schedule.epochs)
            return replace(found, schedule=replace(found.schedule, epochs=epochs))

        return [*systems.train_in_order(system, data, runs, options)]

    def runs(self, cell: Cell) -> FoldRuns:
        """Say where a cell's runs lie; what it starts from is trained there first."""
        system, changes = split_option(cell.system)
        place = f"fold0_seed{cell.seed}"
        elsewhere = {"phantoms": FoldRuns(self.work / "phantoms", place)}
        collection, _, start = systems.find_recipe(system).start.rpartition(":")
        if collection:
            other = replace(self, world=PhantomWorld(self.world.workspace))
            with _one_at_a_time(self.work / f"{collection}_{place}.lock"):
                films, there = other.world.films(0), elsewhere[collection]
                other.train(start, films, there, seed=cell.seed)
        option = cell.system.removeprefix(f"{system}__") if changes else ""
        arm = "__".join(filter(None, [option, cell.films]))
        place = f"fold{cell.fold}_seed{cell.seed}"
        return FoldRuns(self.work / self.world.name, place, arm, elsewhere)

    def change(self, whole: PreparedSet, how: str, seed: int) -> PreparedSet:
        """Change the films that an arm learns from.

        Args:
            whole: The films of a fold.
            how: "" for no change; "shuffled" for each other's masks;
                "without_<family>", or "control_<family>" for as many abnormal films
                at random; how many to train on; or, of phantoms, "other_films_<k>".
            seed: Seed of what is drawn at random.

        Raises:
            KeyError: There is no such family.
        """
        kind, _, name = how.partition("_")
        match kind:
            case "":
                return whole
            case "shuffled":
                return sampling.shuffled_masks(whole, seed)
            case "without":
                return sampling.without_findings(whole, self.world.families[name])
            case "control":
                family = self.world.families[name]
                return sampling.without_as_many(whole, family, seed)
            case "other":
                with _one_at_a_time(self.work / f"{how}.lock"):  # it may be drawn
                    return self.world.other_films(int(name.removeprefix("films_")))
        return sampling.few_films(whole, int(how))

    def measure(self, cell: Cell, shared: dict) -> dict:
        """Train and score one cell; see `cells.run_cells`."""
        whole = self.world.films(cell.fold)
        data = self.change(whole, cell.films, cell.seed)
        about = {"trained_on": data.origin, "n_train": len(data.ids("train"))}
        if cell.system in self.world.blind:
            predict = self.world.blind_predictor(cell.system, data, cell.seed)
            return about | self.score(predict, cell, data, whole, shared)
        system, changes = split_option(cell.system)
        if cell.films.isdigit():  # few films are passed over more often: as many steps
            changes["longer"] = len(whole.ids("train")) / len(data.ids("train"))
        trained = self.train(system, data, self.runs(cell), seed=cell.seed, **changes)
        recipe, last = trained[-1]
        about["start"] = recipe.start
        if recipe.kind == "siamese":
            pairs = self.world.sets(whole).pairs.items()
            found = {key: score_pairs(last.model, one)["prob"] for key, one in pairs}
            packed = {key: pack_numbers(prob * DIGITS) for key, prob in found.items()}
            return about | {"pairs": packed}
        predict = partial(evaluation.predict, last.model)
        return about | self.score(predict, cell, data, whole, shared)

    def score(
        self,
        predict: Predictor,
        cell: Cell,
        data: PreparedSet,
        whole: PreparedSet,
        shared: dict,
    ) -> dict:
        """Choose a threshold on validation films and score a cell's sets."""
        val = data.part("val")
        operating = evaluation.operating_threshold(predict(val), map(val.mask, val.ids))
        levels = sorted({evaluation.PAPER_THRESHOLD, operating})
        sets = self.world.sets(whole)
        scored = {
            key: test.score(predict(test.scans), levels)
            for key, test in sets.tests.items()
            if key not in sets.parts and self.world.is_asked(cell, key)
        }
        means = {}
        for key, test in self.world.means_only(cell).items():
            found = test.score(predict(test.scans), levels)
            means[key] = evaluation.summarize(found, operating, keys=test.keys)
        told = {"operating": operating} | ({"means": means} if means else {})
        return told | pack_scores(scored, operating, shared)


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Let processes that train the same run take turns; the second finds it made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def command_line() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("world", choices=STUDIED)
    parser.add_argument("--out", type=Path, required=True, help="results folder")
    parser.add_argument("--work", type=Path, help="films and runs")
    parser.add_argument(
        "--only", nargs="+", default=["*"], help="cells by name: *_seed3"
    )
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="then begin no further cell"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--folds", type=int, nargs="+", help="which are held out")
    parser.add_argument("--processes", type=int, default=2, help="of one thread each")
    parser.add_argument("--write", action="store_true", help="write results alone")
    return parser


def main(
    arguments: Sequence[str] | None = None, study: WorldStudy | None = None
) -> None:
    """Run the missing cells that are asked for, then write results of all finished.

    Args:
        arguments: In place of the command line's.
        study: In place of the one of the checkout that the current folder lies in.

    Raises:
        SystemExit: No cell has such a name, or some failed.
        ResultError: The folder holds another study's cells.
    """
    given = command_line().parse_args(arguments)
    if study is None:
        work = given.work or Workspace.open("study").runs / "cells"
        study = WorldStudy(STUDIED[given.world](Workspace.open("demo")), work)
    folder = given.out / CELLS / given.world
    cells = study.cells(given.folds or study.world.folds, given.seeds)
    wanted = [c for c in cells if any(fnmatch(c.name, one) for one in given.only)]
    failed = []
    if not given.write:
        if not wanted:
            raise SystemExit(
                f"no cell of this study is named {' or '.join(given.only)}"
            )
        failed = run_cells(wanted, study, folder, given.processes, given.minutes)
    contrasts.write_results(given.out, folder, study.world)
    if failed:
        raise SystemExit(f"{len(failed)} of {len(wanted)} cells failed")


if __name__ == "__main__":
    main()
