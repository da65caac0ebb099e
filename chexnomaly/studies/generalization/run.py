"""Does it generalize? Each finding in turn is kept from training, then looked for.

    python -m chexnomaly.studies.generalization.run --out FOLDER

trains the supermodel, CheX-Nomaly and CheX-Nomaly on a twin that was never trained,
once without each finding and once, as a control, without as many boxes and scans
chosen at random; scores them on the boxes of that finding alone; and writes results
files after each seed. A run that was interrupted goes on where it stopped.
"""

import argparse
import hashlib
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from chexnomaly import systems
from chexnomaly.labels import FINDINGS
from chexnomaly.studies.generalization import held_out
from chexnomaly.studies.generalization.answers import SystemScores, write_generalization
from chexnomaly.studies.generalization.design import Design, World, make_world
from chexnomaly.studies.generalization.held_out import CountedSet, HeldOut, counted_loss
from chexnomaly.studies.generalization.scores import (
    Target,
    best_threshold,
    score_target,
    target_of,
)
from chexnomaly.studies.phantom_worth.scores import FilmScores, masks_of, predict_maps
from chexnomaly.systems import baselines, find_recipe, fit, plan_training
from chexnomaly.workspace import Workspace

ASKED = ("supermodel", "chexnomaly", "chexnomaly__random_base")
"""Systems that the question is put to."""

HELD_OUT = {"held_out": ASKED, "held_out_control": ASKED[:2]}
"""Set to the systems trained for it: without one finding; and, as a control, without as
many boxes chosen at random, which shows what not having seen a finding costs."""


def train_without(
    system: str, world: World, held: HeldOut, runs: Path, design: Design, seed: int
) -> nn.Module:
    """Train one system without what is held out, or take up its run.

    Args:
        system: One of `ASKED`.
        world: The films.
        held: What must not be learned.
        runs: Folder of the runs of this choice.
        design: Sizes.
        seed: Seed of the network.

    Returns:
        The network.
    """
    data, options, recipe = world.data, design.unet(seed), find_recipe(system)
    if recipe.needs:
        smaller = held_out.without_scans(data, held)
        systems.train_system(recipe.twin, smaller, runs, design.twin(seed))
    whole = plan_training(recipe, data, runs, options)
    sets = (CountedSet(data, "train", held), CountedSet(data, "val", held))
    plan = replace(whole, loss=counted_loss(whole.loss), sets=sets)
    code = hashlib.sha256(Path(held_out.__file__).read_bytes()).hexdigest()
    return fit(recipe, plan, data, runs, options, [held.digest, code]).model


def threshold_without(model: nn.Module, world: World, held: HeldOut) -> float:
    """Choose the operating threshold on validation scans, without held-out boxes."""
    scans = CountedSet(world.data, "val", held)
    targets = np.array([scans[i][1].numpy() > 0 for i in range(len(scans))])
    maps = predict_maps(model, scans)
    return best_threshold(maps, targets[:, 0], targets[:, 1])


def run_finding(
    finding: str, dataset: str, world: World, root: Path, design: Design, seed: int
) -> SystemScores:
    """Train every system without one choice of boxes; score it on one finding.

    Args:
        finding: Key of the finding that is scored.
        dataset: Key of `HELD_OUT`.
        world: The films.
        root: Folder of all runs.
        design: Sizes.
        seed: Seed of the networks, and of the control's choice.

    Returns:
        Scores by system; "mean_mask" is fitted on the same films.
    """
    held = held_out.hold_out(world.data, finding)
    if dataset == "held_out_control":
        number = 1000 * (1 + seed) + FINDINGS.index(finding)
        held = held_out.hold_out_at_random(world.data, held, number)
    target = target_of(world.data, finding)
    runs = root / f"seed_{seed}" / finding / dataset
    return _run(HELD_OUT[dataset], target, world, held, runs, design, seed)


def run_unseen(world: World, root: Path, design: Design, seed: int) -> SystemScores:
    """Train every system on all findings; score it on the finding none of them shows.

    Args:
        world: The films.
        root: Folder of all runs.
        design: Sizes.
        seed: Seed of the networks.

    Returns:
        Scores by system, on the unseen set.
    """
    nothing = HeldOut(world.data.findings.iloc[:0], frozenset())
    target = target_of(world.unseen, "pneumonia")
    return _run(ASKED, target, world, nothing, root / f"seed_{seed}/all", design, seed)


def _run(
    asked: Sequence[str],
    target: Target,
    world: World,
    held: HeldOut,
    runs: Path,
    design: Design,
    seed: int,
) -> SystemScores:
    """Train systems without what is held out and score them on a target."""
    scored = {"mean_mask": _score_prior(world, held, target)}
    for system in asked:
        model = train_without(system, world, held, runs, design, seed)
        level = threshold_without(model, world, held)
        scored[system] = score_target(predict_maps(model, target.scans), target, level)
    return scored


def _score_prior(world: World, held: HeldOut, target: Target) -> FilmScores:
    """Score where the other findings tend to be, the floor of any generalization."""
    train, val = (CountedSet(world.data, part, held).kept for part in ("train", "val"))
    prior, masks = baselines.mean_mask(train)[0].numpy(), masks_of(val)
    everywhere = np.ones_like(masks)
    level = best_threshold(np.broadcast_to(prior, masks.shape), masks, everywhere)
    maps = np.broadcast_to(prior, target.mask.shape)
    return score_target(maps, target, level)


def run_study(
    work: Path,
    out: Path,
    design: Design,
    findings: Sequence[str] = FINDINGS,
) -> None:
    """Run the whole study; results are written anew after each seed.

    Args:
        work: Receives films and runs.
        out: Receives results files.
        design: Sizes and seeds.
        findings: What is held out in turn.
    """
    started = time.perf_counter()
    world = make_world(work / "data", design)
    by_seed = []
    for seed in design.seeds:
        scored = {"unseen": {"": run_unseen(world, work, design, seed)}}
        scored |= {dataset: {} for dataset in HELD_OUT}
        for finding in findings:
            for dataset in HELD_OUT:
                one = run_finding(finding, dataset, world, work, design, seed)
                scored[dataset][finding] = one
            print(f"seed {seed}: {finding} done", flush=True)
        by_seed.append(scored)
        write_generalization(out, by_seed, world, design, started)


def main() -> None:
    """Run the study with its own sizes."""
    torch.set_num_threads(1)
    work = Workspace.open("study").runs
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="results folder")
    parser.add_argument("--work", type=Path, default=work, help="films and runs")
    parser.add_argument("--workers", type=int, default=1, help="that render films")
    options = parser.parse_args()
    run_study(options.work, options.out, Design(workers=options.workers))


if __name__ == "__main__":
    main()
