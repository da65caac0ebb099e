"""How far do results move with what the paper never states? Arms that need training.

    python -m chexnomaly.studies.multiverse.run --out FOLDER

trains every arm of `arms` on the study's films beside its default, and writes one
results file per test set, anew after each arm. A run that was interrupted goes on where
it stopped.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import torch

from chexnomaly import evaluation, results, systems
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.metrics import Scores
from chexnomaly.studies.design import Design, World, command_line, make_world
from chexnomaly.studies.maps import batches, best_threshold, masks_of, predict_maps
from chexnomaly.studies.multiverse.arms import ARMS, Arm
from chexnomaly.studies.multiverse.effects import Effects
from chexnomaly.systems.recipes import Recipe
from chexnomaly.workspace import Workspace

REPORTED = ("iou_c@operating", "iou_c", "mae_soft", "f1_any_pixel")
"""What is reported of every arm."""


Measured = dict[str, dict[str, Scores]]
"""Scores of one system by test set and threshold: "operating" or, as printed, ""."""


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
    operating = best_threshold(predict_maps(model, val), masks_of(val))
    levels = {"": evaluation.PAPER_THRESHOLD, "operating": operating}
    scored = {}
    for key, scans in sets_of(world).items():
        maps = batches(predict_maps(model, scans))
        scores = evaluation.score_set(maps, scans, sorted({*levels.values()})).scores
        scored[key] = {name: scores[level] for name, level in levels.items()}
    return scored


def sets_of(world: World) -> dict[str, SegmentationSet]:
    """Give the films that every arm is tested on."""
    return {
        "study_test": world.data.part("test"),
        "unseen_study": world.unseen.part("test"),
    }


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
    world, seed = make_world(work / "data", design), design.seeds[0]
    sets = sets_of(world)
    found = {key: Effects(resamples=1000) for key in sets}
    defaults: dict[str, Measured] = {}

    def measured(arm: Arm) -> Measured:
        other = work / f"films_{arm.draw}"
        data = design.films(other, arm.draw) if arm.draw else world.data
        runs, chosen = work / "arms" / arm.folder(seed), arm.options(seed)

        def options(recipe: Recipe) -> systems.Options:
            return design.options(recipe.key, **chosen)

        *_, (_, trained) = systems.train_in_order(arm.system, data, runs, options)
        return measure(trained.model, data, world)

    for arm in arms:
        if arm.default not in defaults:
            defaults[arm.default] = measured(arm.as_registered)
        one, default = measured(arm), defaults[arm.default]
        about = design.about("11_beyond_the_paper", world.data, started)
        for key, effects in found.items():
            add_arm(effects, arm, one[key], default[key])
            results.write_result(
                out,
                "multiverse",
                key,
                n=len(sets[key]),
                n_positive=int(sets[key].is_abnormal().sum()),
                values=effects.values,
                paired={"default": effects.paired},
                arms=effects.told,
                seeds=[seed],
                **about,
            )
        print(f"{arm.stem} done", flush=True)


def add_arm(
    effects: Effects, arm: Arm, one: dict[str, Scores], default: dict[str, Scores]
) -> None:
    """Add what an arm changes on one test set."""
    table = evaluation.statistics()
    for metric in REPORTED:
        name, _, at = metric.partition("@")
        own, base = (table[name], one[at]), (table[name], default[at])
        effects.compare(arm.stem, arm.default_stem, metric, own, base)
    told = {"system": arm.system, "default": arm.default_stem, "says": arm.says}
    effects.told[arm.stem] = told


def main() -> None:
    """Run the study with its own sizes."""
    torch.set_num_threads(1)
    given = command_line(__doc__, Workspace.open("study").runs).parse_args()
    run_study(given.work, given.out, Design(workers=given.workers))


if __name__ == "__main__":
    main()
