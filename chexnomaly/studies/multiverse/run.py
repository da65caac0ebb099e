"""How far do results move with what the paper never states? Arms that need training.

    python -m chexnomaly.studies.multiverse.run --out FOLDER

trains every arm of `arms` on the study's films beside its default, and writes one
results file per test set, anew after each arm. A run that was interrupted goes on where
it stopped.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from chexnomaly import evaluation, results, systems
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.evaluation.scores import PAPER_THRESHOLD, ScoredSet
from chexnomaly.studies.generalization.design import (
    Design,
    World,
    make_world,
    other_films,
)
from chexnomaly.studies.generalization.scores import best_threshold
from chexnomaly.studies.multiverse.arms import ARMS, Arm
from chexnomaly.studies.multiverse.scoring import Effects
from chexnomaly.studies.phantom_worth.scores import predict_maps
from chexnomaly.systems import Options
from chexnomaly.workspace import Workspace

REPORTED = ("iou_c@operating", "iou_c", "mae_soft", "f1_any_pixel")
"""What is reported of every arm."""

RESAMPLES = 1000


@dataclass(frozen=True)
class Runner:
    """Trains systems with all that they build on.

    Attributes:
        data: Training and validation films.
        root: Folder of all runs.
        design: Sizes.
        changes: Options that differ.
        seed: Seed of the networks.
        draw: Which films `data` holds, as of `Arm`.
    """

    data: PreparedSet
    root: Path
    design: Design
    changes: tuple[tuple[str, float], ...] = ()
    seed: int = 0
    draw: int = 0

    @property
    def runs(self) -> Path:
        """Folder of the runs under these options."""
        names = [f"seed_{self.seed}", *(f"{k}_{v}" for k, v in self.changes)]
        names += [f"films_{self.draw}"] * (self.draw > 0)
        return self.root / "__".join(names)

    def options(self, system: str) -> Options:
        """Give a system's options."""
        recipe, design = systems.find_recipe(system), self.design
        kinds = {"siamese": design.twin, "model_ensemble": design.joining}
        made = design.specialized if recipe.finding else kinds.get(recipe.kind)
        return replace((made or design.unet)(self.seed), **dict(self.changes))

    def model(self, system: str) -> torch.nn.Module:
        """Train a system and what it builds on, or take up its run."""
        *parts, last = systems.build_order(system)
        for key in parts:
            systems.train_system(key, self.data, self.runs, self.options(key))
        if not systems.find_recipe(last).trains:
            return systems.load_system(last, self.runs)
        options = self.options(last)
        return systems.train_system(last, self.data, self.runs, options).model


@dataclass(frozen=True)
class Measured:
    """One system's scores on the study's test sets.

    Attributes:
        scored: Set key to per-scan scores.
        operating: Threshold chosen on validation.
    """

    scored: dict[str, ScoredSet]
    operating: float


def measure(model: torch.nn.Module, data: PreparedSet, world: World) -> Measured:
    """Score a system on the test films and on the unseen finding.

    Args:
        model: Trained.
        data: The films it was trained on; their validation part chooses a threshold.
        world: The test films.

    Returns:
        Its scores.
    """
    val = data.part("val")
    masks = torch.cat([val.mask(i) for i in val.ids]).numpy() > 0
    maps = predict_maps(model, val)
    operating = best_threshold(maps, masks, masks | True)
    thresholds = sorted({PAPER_THRESHOLD, operating})
    scored = {
        key: evaluation.score_set(
            torch.from_numpy(predict_maps(model, scans)).unsqueeze(1).split(64),
            scans,
            thresholds,
        )
        for key, scans in _tests(world).items()
    }
    return Measured(scored, operating)


def _tests(world: World) -> dict:
    return {
        "study_test": world.data.part("test"),
        "unseen_study": world.unseen.part("test"),
    }


def entries(one: Measured, dataset: str) -> dict[str, dict]:
    """Give a system's values on one set by `REPORTED`."""
    table, scores = evaluation.statistics(), one.scored[dataset].scores
    levels = {"": PAPER_THRESHOLD, "operating": one.operating}
    asked = {metric: metric.partition("@") for metric in REPORTED}
    return {
        metric: evaluation.interval(
            table[name], scores[levels[at]], resamples=RESAMPLES
        )
        for metric, (name, _, at) in asked.items()
    }


def differences(one: Measured, default: Measured, dataset: str) -> dict[str, dict]:
    """Give an arm minus its default, scan by scan, by `REPORTED`."""
    found = evaluation.paired_differences(
        one.scored[dataset],
        default.scored[dataset],
        (one.operating, default.operating),
        RESAMPLES,
    )
    return {metric: found[metric] for metric in REPORTED}


def run_study(
    work: Path, out: Path, design: Design, arms: Sequence[Arm] = ARMS
) -> None:
    """Run the arms; results are written anew after each.

    Args:
        work: Receives films and runs.
        out: Receives results files.
        design: Sizes; its first seed is every arm's.
        arms: Which.
    """
    started = time.perf_counter()
    world = make_world(work / "data", design)
    seed, root = design.seeds[0], work / "arms"
    defaults: dict[str, Measured] = {}
    effects = {key: Effects() for key in _tests(world)}
    for arm in arms:
        if arm.default not in defaults:
            runner = Runner(world.data, root, design, seed=seed)
            model = runner.model(arm.default)
            defaults[arm.default] = measure(model, world.data, world)
        data = other_films(work, design, arm.draw) if arm.draw else world.data
        changes = tuple(arm.changes.items())
        runner = Runner(data, root, design, changes, seed + arm.seed, arm.draw)
        one = measure(runner.model(arm.system), data, world)
        for key, found in effects.items():
            add_arm(found, arm, one, defaults[arm.default], key)
            write_effects(out, found, key, world, design, started)
        print(f"{arm.stem} done", flush=True)


def add_arm(
    effects: Effects, arm: Arm, one: Measured, default: Measured, dataset: str
) -> None:
    """Add what an arm changes on one test set."""
    told = {"system": arm.system, "default": arm.default_stem, "says": arm.says}
    effects.told[arm.stem] = told
    effects.values |= _named(arm.default_stem, entries(default, dataset))
    effects.values |= _named(arm.stem, entries(one, dataset))
    effects.paired |= _named(arm.stem, differences(one, default, dataset))


def _named(stem: str, values: dict[str, dict]) -> dict[str, dict]:
    return {f"{stem}.{metric}": entry for metric, entry in values.items()}


def write_effects(
    out: Path, effects: Effects, key: str, world: World, design: Design, started: float
) -> None:
    """Write what was found so far on one test set."""
    scans = _tests(world)[key]
    results.write_result(
        out,
        "multiverse",
        key,
        profile="study",
        notebook="11_beyond_the_paper",
        trained_on="phantom",
        scored_on="phantom",
        n=len(scans),
        n_positive=int(scans.is_abnormal().sum()),
        values=effects.values,
        paired={"default": effects.paired},
        arms=effects.told,
        seeds=[design.seeds[0]],
        data_hash=world.data.data_hash,
        started=started,
        parameters=asdict(design),
    )


def main() -> None:
    """Run the study with its own sizes."""
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="results folder")
    work = Workspace.open("study").runs
    parser.add_argument("--work", type=Path, default=work, help="films and runs")
    parser.add_argument("--workers", type=int, default=1, help="that render films")
    options = parser.parse_args()
    run_study(options.work, options.out, Design(workers=options.workers))


if __name__ == "__main__":
    main()
