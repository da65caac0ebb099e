"""Try recipes of pair networks, never on a test part: one training after the other.

    python -m tests.twins.trials phantoms --data PREPARED --out TABLES --runs FOLDER \\
        --systems one_film_cnn siamese_cnn__warm_start --passes 14 28 --seeds 0 1

Each training is what `systems.train_system` does with the options of the demo profile.
After every epoch the network is asked about the same validation pairs, so that the
curve says what more pairs are worth. Of films, fold 0 is held out: it served every
choice. With `--entries` the networks so trained are measured, once all is chosen, on
the test pairs that the notebooks draw, for `book/reference/twins`.
"""

import argparse
import json
import shutil
import time
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import torch
from torch import nn

from chexnomaly import results, systems
from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.evaluation import pairs as scoring
from chexnomaly.files import write_atomic
from chexnomaly.studies.films import section_of
from chexnomaly.systems.fitting import Trained
from chexnomaly.systems.recipes import Recipe
from chexnomaly.training import loop

N_PAIRS, BOOKS_PAIRS = 2000, 800
"""Validation pairs that every network is asked about, the same for all, and the test
pairs of the notebooks."""


class Asked:
    """The pairs of some films, and how well a network of films or pairs knows them."""

    def __init__(self, films: SegmentationSet):
        pairs = PairsSet(films, N_PAIRS, seed=7)
        images = [films.store.image(name) for name in films.ids]
        self.images = torch.from_numpy(np.stack(images))[:, None]
        self.table = pd.DataFrame(pairs.ids, columns=["first", "second"])
        self.table["similar"] = (np.array(pairs.kinds) == 0).astype(int)
        places = {name: k for k, name in enumerate(films.ids)}
        columns = self.table[["first", "second"]]
        self.first, self.second = columns.map(places.get).to_numpy().T.copy()

    @torch.no_grad()
    def score(self, model: nn.Module) -> pd.DataFrame:
        """Give the table of `score_pairs`, each film passed through the base once."""
        model.eval()
        outputs = [model.base(part).flatten(1) for part in self.images.split(50)]
        found = torch.cat(outputs)
        if model.head.in_features == found.shape[1]:  # a classifier of one film
            chance = torch.sigmoid(model.head(found)).squeeze(1)
            prob = chance[self.first] * chance[self.second]
        else:
            both = torch.cat([found[self.first], found[self.second]], dim=1)
            prob = torch.sigmoid(model.head(both)).squeeze(1)
        return self.table.assign(prob=prob.double().numpy())

    def auc(self, model: nn.Module) -> float:
        """Area under the curve of these pairs."""
        table = self.score(model)
        return round(float(scoring.auc(table, np.ones((1, len(table))))[0]), 4)


def train_and_ask(
    recipe: Recipe, data: PreparedSet, runs: Path, options: systems.Options
) -> tuple[Trained, list[float]]:
    """Train as the book does; also give the area on validation pairs by epoch."""
    asked, areas = Asked(data.labelled_part("val")), []
    evaluate = loop.evaluate_loss

    def evaluate_and_ask(model: nn.Module, *rest) -> float:
        areas.append(asked.auc(model))
        return evaluate(model, *rest)

    with mock.patch.object(loop, "evaluate_loss", evaluate_and_ask):
        return systems.train_system(recipe, data, runs, options), areas


@dataclass(frozen=True)
class Given:
    """What one training of the command is made of.

    Attributes:
        world: "phantoms" or "films".
        data: Training and validation part, and the test part of an entry.
        passes: Of pair networks; classifiers have those of the profile.
        seed: Seed of the network and the pairs.
        out: Receives tables or entries.
        runs: Receives runs.
        started: For the wall time.
    """

    world: str
    data: PreparedSet
    passes: int
    seed: int
    out: Path
    runs: Path
    started: float

    def options(self, recipe: Recipe) -> systems.Options:
        """Give a recipe's options."""
        chosen = {"seed": self.seed}
        if recipe.kind == "siamese":
            chosen["epochs"] = self.passes
        if self.world == "films":
            return systems.Options.from_profile("demo", section_of(recipe), **chosen)
        return systems.Options.from_profile("demo", recipe.section, **chosen)

    def folder(self, recipe: Recipe) -> Path:
        """Say where a recipe's run lies, what it starts from beside it."""
        home = self.runs / f"{self.world}_{self.data.split_hash[:8]}_seed{self.seed}"
        if recipe.kind == "classifier":
            return home
        mine = home / f"{self.passes}x{recipe.pairs_per_film:g}"
        mine.mkdir(parents=True, exist_ok=True)
        for need in recipe.needs:
            if not (mine / need).exists():
                (mine / need).symlink_to((home / need).resolve())
        return mine

    def train(self, recipe: Recipe, entry: bool) -> None:
        """Train what a recipe starts from, and the recipe; write what was asked for."""
        options, pairs = self.options(recipe), recipe.kind == "siamese"
        times = f"{options.schedule.epochs}" + f"x{recipe.pairs_per_film:g}" * pairs
        name = f"{self.world}__{recipe.key}__{times}_seed{self.seed}.csv"
        file = self.out / name
        if file.exists() and not entry:
            return
        for need in map(systems.find_recipe, recipe.needs):
            systems.train_system(need, self.data, self.folder(need), self.options(need))
        asked = recipe, self.data, self.folder(recipe), options
        if entry:
            write_entry(self, recipe, systems.train_system(*asked).model)
            return
        # A run that is taken up would leave out its first epochs.
        shutil.rmtree(self.folder(recipe) / recipe.key, ignore_errors=True)
        trained, areas = train_and_ask(*asked)
        n = len(self.data.labelled_part("train"))
        rows = rows_of(recipe, options, trained, areas, n)
        rows = rows.assign(
            world=self.world, minutes=(time.perf_counter() - self.started) / 60
        )
        rows["minutes"] = rows["minutes"].round(1)
        write_atomic(file, rows.to_csv(index=False, lineterminator="\n"))


def rows_of(
    recipe: Recipe,
    options: systems.Options,
    trained: Trained,
    areas: list[float],
    n: int,
) -> pd.DataFrame:
    """One row for each epoch: pairs seen so far, area under the curve, and loss.

    Two films count as a pair where a classifier sees one at a time.
    """
    history, schedule = trained.history, options.schedule
    table = pd.DataFrame({"epoch": range(1, len(areas) + 1), "auc": areas})
    share = recipe.pairs_per_film if recipe.kind == "siamese" else None
    told = {"system": recipe.key, "passes": schedule.epochs, "seed": schedule.seed}
    told["pairs_per_film"] = share
    table["pairs_seen"] = ((share or 0.5) * n * table["epoch"]).round().astype(int)
    table["val_loss"] = [round(loss, 5) for loss in history.val_loss]
    table["kept"] = (table["epoch"] == history.best_epoch).astype(int)
    return table.assign(**told)


def write_entry(given: Given, recipe: Recipe, model: nn.Module) -> None:
    """Score one network on the pairs that the book's notebooks draw, after all."""
    films, data = given.world == "films", given.data
    singly = recipe.kind == "classifier"
    judge = scoring.score_singly if singly else scoring.score_pairs
    tables = {
        part: judge(model, PairsSet(data.labelled_part(part), BOOKS_PAIRS))
        for part in ("val", "test")
    }
    cut = scoring.choose_cut(tables["val"])
    patients = data.films["patient"].to_dict() if films else None
    results.write_result(
        given.out,
        recipe.key,
        "nih_pairs" if films else "siamese_pairs",
        profile="demo",
        notebook="08_real_films" if films else "06_siamese_networks",
        trained_on=data.origin,
        scored_on=data.origin,
        seeds=[given.seed],
        n=BOOKS_PAIRS,
        values=scoring.summarize_pairs(tables["test"], 2000, patients, cut),
        threshold={"operating": cut},
        data_hash=data.data_hash,
        split_hash=data.split_hash,
        started=given.started,
        parameters=asdict(given.options(recipe)),
    )


def main() -> None:
    """Run what the command line names; a trial whose file is there is skipped."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("world", choices=["phantoms", "films"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--systems", nargs="+", required=True)
    parser.add_argument("--passes", type=int, nargs="+", default=[14])
    parser.add_argument("--pairs-per-film", type=float, nargs="+", default=[2.0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument(
        "--entries", action="store_true", help="measure on test pairs; of films, fold 1"
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    data = PreparedSet.open(given.data)
    data = data.hold_out(int(given.entries)) if given.world == "films" else data
    asked = product(given.seeds, given.passes, given.pairs_per_film, given.systems)
    for seed, passes, share, key in asked:
        recipe = replace(systems.find_recipe(key), pairs_per_film=share)
        told = (
            given.world,
            data,
            passes,
            seed,
            given.out,
            given.runs,
            time.perf_counter(),
        )
        Given(*told).train(recipe, given.entries)
        print(key, passes, share, seed, "done", flush=True)
    if not given.entries:  # an entry's stamp lies beside it
        made = {"data_hash": data.data_hash, "split_hash": data.split_hash}
        stamp = made | results.stamp({"profile": "demo", "pairs": N_PAIRS}, None)
        text = json.dumps(stamp, indent=1, sort_keys=True) + "\n"
        write_atomic(given.out / f"{given.world}.stamp.json", text)


if __name__ == "__main__":
    main()
