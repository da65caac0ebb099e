"""One world's study: which cells it has, how each is trained, on what it is scored."""

from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path

from torch.nn import Module

from chexnomaly import evaluation, systems
from chexnomaly.datasets import sampling
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.evaluation.evaluator import Predictor
from chexnomaly.evaluation.pairs import score_pairs, score_singly
from chexnomaly.studies.cells import PILOT_SET, PILOTS, Cell, one_at_a_time
from chexnomaly.studies.films import FilmWorld, blind_predictors, specialized_or_all
from chexnomaly.studies.multiverse.arms import LONGER, split_option
from chexnomaly.studies.packing import DIGITS, pack_numbers, pack_scores
from chexnomaly.studies.phantoms import SIMPLER, PhantomWorld
from chexnomaly.systems import Options
from chexnomaly.systems.recipes import ON_LABELS, Recipe
from chexnomaly.workspace import FoldRuns


@dataclass(frozen=True)
class WorldStudy:
    """One world's study; see `cells.run_cells`.

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

    def cells(self) -> dict[Cell, str]:
        """Give the plan's cells, each with the kind of arm that it is one of."""
        cells = {}
        for kind, (networks, arms) in self.world.plan.items():
            for network, arm in product(networks, arms):
                cells.setdefault(Cell(*arm, *network), kind)
        return cells

    def train(
        self,
        system: str,
        data: PreparedSet,
        runs: FoldRuns,
        longer: float = 1.0,
        **changes,
    ) -> tuple[Recipe, Module]:
        """Train a system and what it builds on; see `systems.train_in_order`.

        Args:
            system: System key.
            data: Training and validation parts.
            runs: Folder of all runs.
            longer: How many times the profile's epochs; then all are run.
            **changes: Options that win over the profile's.

        Returns:
            The recipe and the trained network.
        """

        def options(recipe: Recipe) -> Options:
            found = self.options(self.world.section(recipe), **changes)
            if longer == 1:
                return found
            epochs = round(longer * found.schedule.epochs)
            schedule = replace(found.schedule, epochs=epochs, patience=epochs)
            return replace(found, schedule=schedule)

        *_, last = systems.train_in_order(system, data, runs, options)
        return last[0], last[1].model

    def practise(
        self, collection: str, system: str, cell: Cell
    ) -> tuple[PreparedSet, FoldRuns, Module]:
        """Train what a cell starts from, on other films; see `systems.Recipe.start`.

        Args:
            collection: "labels" for the labels of all films of the fold, else as in
                `PhantomWorld.practice`.
            system: System key.
            cell: Gives fold and seed.

        Returns:
            The films that it learned from, the folder of its runs, and the network.
        """
        own = self.world.films(cell.fold)
        with one_at_a_time(self.work / f"{collection}_seed{cell.seed}.lock"):
            if collection == "labels":
                place = f"fold{cell.fold}_seed{cell.seed}"
                runs = FoldRuns(self.work / self.world.name, place)
                return own, runs, self.train(system, own, runs, seed=cell.seed)[1]
            there = replace(self, world=PhantomWorld(self.world.workspace))
            films = there.world.practice(collection, own.findings.finding.unique())
            runs = FoldRuns(self.work / collection, f"fold0_seed{cell.seed}")
            longer = _times_fewer(there.world.films(0), films)
            how = {"longer": longer, "seed": cell.seed}
            return films, runs, there.train(system, films, runs, **how)[1]

    def runs(self, cell: Cell) -> FoldRuns:
        """Say where a cell's runs lie; what it starts from is trained there first."""
        system, _ = split_option(cell.system)
        collection, _, start = systems.find_recipe(system).start.rpartition(":")
        elsewhere = {}
        if collection:
            elsewhere[collection] = self.practise(collection, start, cell)[1]
        option = cell.system.removeprefix(system).removeprefix("__")
        arm = "__".join(filter(None, [option, cell.films]))
        place = f"fold{cell.fold}_seed{cell.seed}"
        return FoldRuns(self.work / self.world.name, place, arm, elsewhere)

    def change(self, whole: PreparedSet, how: str, seed: int) -> PreparedSet:
        """Change the films that an arm learns from.

        Args:
            whole: The films of a fold.
            how: "" for no change; "shuffled" for each other's masks;
                "without_<family>", or "control_<family>" for as many abnormal films
                at random; how many to train on; or, of phantoms, "other_films_<k>"
                or a key of `SIMPLER`.
            seed: Seed of what is drawn at random.

        Raises:
            KeyError: There is no such family.
        """
        if how in SIMPLER or how.startswith("other_films_"):
            return self.world.other_films(how)
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
        return sampling.few_films(whole, int(how))

    def finding(self, cell: Cell) -> str:
        """Name the one finding that a cell's system marks; "" for all."""
        name, _, rest = cell.system.partition("__")
        if name in self.world.blind:
            return rest
        return systems.find_recipe(split_option(cell.system)[0]).finding

    def own_set(self, cell: Cell) -> str:
        """Name the one set that a cell is scored on; "" for all that every arm is."""
        if cell.seed in PILOTS:
            return PILOT_SET
        if finding := self.finding(cell):
            return self.world.specialized + finding
        return self.world.held_out + cell.held if cell.held else ""

    def longer(self, cell: Cell, whole: PreparedSet, data: PreparedSet) -> float:
        """Say how many times the profile's epochs a cell is trained.

        Few films are passed over more often, so that as many are seen; "longer" sees as
        many more as practice on phantoms would.
        """
        times = _times_fewer(whole, data) if cell.films.isdigit() else 1.0
        if not cell.system.endswith(LONGER):
            return times
        there = replace(self, world=PhantomWorld(self.world.workspace))
        recipe, phantoms = systems.find_recipe("supermodel"), there.world.films(0)
        passes, own = (
            one.options(one.world.section(recipe)).schedule.epochs
            for one in (there, self)
        )
        return times + passes / own / _times_fewer(data, phantoms)

    def measure(self, cell: Cell, shared: dict) -> dict:
        """Train and score one cell; see `cells.run_cells`.

        Where its fold has no film that it would be scored on, nothing is trained.
        """
        own = self.own_set(cell)
        if own and own not in shared["sets"]:
            return {"sets": {}}
        whole = self.world.films(cell.fold)
        if cell.films == "0":
            recipe = systems.find_recipe(cell.system)
            data, _, model = self.practise("phantoms", recipe.default, cell)
            predict = partial(evaluation.predict, model)
            return self.score(predict, cell, data, whole, shared)
        data = self.change(whole, cell.films, cell.seed)
        name, _, finding = cell.system.partition("__")
        if name in self.world.blind:
            predict = blind_predictors(data, cell.seed, finding)[name]
            return self.score(predict, cell, data, whole, shared)
        system, changes = split_option(cell.system)
        changes |= {"longer": self.longer(cell, whole, data), "seed": cell.seed}
        recipe, model = self.train(system, data, self.runs(cell), **changes)
        if recipe.kind not in ON_LABELS:
            predict = partial(evaluation.predict, model)
            found = self.score(predict, cell, data, whole, shared)
            return found | {"start": recipe.start}
        score = score_pairs if recipe.kind == "siamese" else score_singly
        pairs = self.world.sets(whole).pairs.items()
        found = {key: score(model, one)["prob"] * DIGITS for key, one in pairs}
        packed = {key: pack_numbers(probs) for key, probs in found.items()}
        return _about(data) | {"pairs": packed, "start": recipe.start}

    def score(
        self,
        predict: Predictor,
        cell: Cell,
        data: PreparedSet,
        whole: PreparedSet,
        shared: dict,
    ) -> dict:
        """Choose a threshold on validation films and score a cell's sets."""
        val = specialized_or_all(data, "val", self.finding(cell))
        operating = evaluation.operating_threshold(predict(val), map(val.mask, val.ids))
        levels = sorted({evaluation.PAPER_THRESHOLD, operating})
        sets, own = self.world.sets(whole), self.own_set(cell)
        apart = (self.world.held_out, self.world.specialized, PILOT_SET)
        scored = {
            key: test.score(predict(test.scans), levels)
            for key, test in sets.tests.items()
            if key not in sets.parts
            and (key == own if own else not key.startswith(apart))
        }
        means, asked = {}, self.world.means_only()
        if cell.films in SIMPLER:  # do numbers look better where the test is as simple?
            natural = asked["vindr_test"]
            asked["own_test"] = replace(natural, scans=data.part("test"))
        plain = not own and cell.system != "view_alone"
        for key, test in asked.items() if plain else ():
            found = test.score(predict(test.scans), levels)
            means[key] = evaluation.summarize(found, operating, keys=test.keys)
        told = _about(data) | {"operating": operating, "means": means}
        return told | pack_scores(scored, operating, shared)


def _about(data: PreparedSet) -> dict:
    return {"trained_on": data.origin, "n_train": len(data.ids("train"))}


def _times_fewer(whole: PreparedSet, data: PreparedSet) -> float:
    return len(whole.ids("train")) / len(data.ids("train"))
