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
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.labels import FINDINGS
from chexnomaly.studies.generalization import held_out
from chexnomaly.studies.generalization import scores as held_out_scores
from chexnomaly.studies.generalization.answers import write_generalization
from chexnomaly.studies.generalization.design import Design, World, make_world
from chexnomaly.studies.generalization.held_out import CountedSet, HeldOut, counted_loss
from chexnomaly.studies.generalization.scores import Scores, Target
from chexnomaly.systems import baselines, find_recipe, fit, plan_training
from chexnomaly.workspace import Workspace

SYSTEMS = ("supermodel", "chexnomaly", "chexnomaly__random_base")
"""Whom the question is put to."""

ARMS = {"held_out": SYSTEMS, "held_out_control": SYSTEMS[:2]}
"""Without the finding; without as much of whatever, which says what not having seen it
costs the two systems that are compared."""


def train_without(
    system: str, world: World, held: HeldOut, runs: Path, design: Design, seed: int
) -> nn.Module:
    """Train one system without what is held out, or take up its run.

    Args:
        system: One of `SYSTEMS`.
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
    maps = held_out_scores.predict_maps(model, scans)
    return held_out_scores.best_threshold(maps, targets[:, 0], targets[:, 1])


def run_finding(
    finding: str, arm: str, world: World, root: Path, design: Design, seed: int
) -> dict[str, Scores]:
    """Train every system without one choice of boxes; score it on one finding.

    Args:
        finding: Key of the finding that is scored.
        arm: Key of `ARMS`.
        world: The films.
        root: Folder of all runs.
        design: Sizes.
        seed: Seed of the networks, and of the control's choice.

    Returns:
        Scores by system; "mean_mask" is fitted on the same scans.
    """
    held = held_out.hold_out(world.data, finding)
    if arm == "held_out_control":
        number = 1000 * (1 + seed) + FINDINGS.index(finding)
        held = held_out.hold_out_at_random(world.data, held, number)
    target = held_out_scores.target_of(world.data, finding)
    runs = root / f"seed_{seed}" / finding / arm
    scored = {}
    for system in ARMS[arm]:
        model = train_without(system, world, held, runs, design, seed)
        level = threshold_without(model, world, held)
        maps = held_out_scores.predict_maps(model, target.scans)
        scored[system] = held_out_scores.score_target(maps, target, level)
    scored["mean_mask"] = _score_prior(world, held, target)
    return scored


def _score_prior(world: World, held: HeldOut, target: Target) -> Scores:
    """Score where the other findings tend to be, the floor of any generalization."""
    kept = world.data.findings.drop(index=held.boxes.index)
    train, val = (
        SegmentationSet(
            world.data.store,
            kept,
            [i for i in world.data.ids(part) if i not in held.dropped],
        )
        for part in held_out.PARTS
    )
    prior = baselines.mean_mask(train)[0].numpy()
    masks = np.array([val.mask(i)[0].numpy() > 0 for i in val.ids])
    level = held_out_scores.best_threshold(
        np.broadcast_to(prior, masks.shape), masks, np.ones_like(masks)
    )
    shape = (len(target.mask), *prior.shape)
    return held_out_scores.score_target(np.broadcast_to(prior, shape), target, level)


def run_unseen(
    world: World, root: Path, design: Design, seed: int
) -> dict[str, Scores]:
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
    scans = world.unseen.part("test")
    mask = np.array([scans.mask(i)[0].numpy() > 0 for i in scans.ids])
    target = Target(scans, mask, np.ones_like(mask))
    runs = root / f"seed_{seed}" / "all"
    scored = {"mean_mask": _score_prior(world, nothing, target)}
    for system in SYSTEMS:
        model = train_without(system, world, nothing, runs, design, seed)
        level = threshold_without(model, world, nothing)
        maps = held_out_scores.predict_maps(model, scans)
        scored[system] = held_out_scores.score_target(maps, target, level)
    return scored


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
        scored |= {arm: {} for arm in ARMS}
        for finding in findings:
            for arm in ARMS:
                one = run_finding(finding, arm, world, work, design, seed)
                scored[arm][finding] = one
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
