"""Does it generalize? Each finding in turn is kept from training, then looked for.

    python -m chexnomaly.studies.generalization.run --out FOLDER

trains the supermodel, CheX-Nomaly and CheX-Nomaly on a twin that was never trained,
once without each finding and once, as a control, without as many boxes and films
chosen at random; scores them on the boxes of that finding alone; and writes results
files after each seed. A run that was interrupted goes on where it stopped.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from chexnomaly import systems
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.labels import FINDINGS
from chexnomaly.studies.design import Design, World, command_line, make_world
from chexnomaly.studies.generalization import answers, held_out
from chexnomaly.studies.generalization.held_out import CountedSet, HeldOut
from chexnomaly.studies.generalization.scores import Target, score_target, target_of
from chexnomaly.studies.maps import best_threshold, fit_mean_mask, predict_maps
from chexnomaly.workspace import Workspace

ASKED = ("supermodel", "chexnomaly", "chexnomaly__random_base")
"""Systems that the question is put to."""


def train_without(
    system: str, data: PreparedSet, held: HeldOut, runs: Path, design: Design, seed: int
) -> nn.Module:
    """Train one system without what is held out, or take up its run.

    Args:
        system: One of `ASKED`.
        data: Training and validation films.
        held: What must not be learned.
        runs: Folder of the runs of this choice.
        design: Sizes.
        seed: Seed of the network.

    Returns:
        The network.
    """
    recipe = systems.find_recipe(system)
    for twin in recipe.needs:
        smaller = held_out.without_scans(data, held)
        systems.train_system(twin, smaller, runs, design.options(twin, seed=seed))
    options = design.options(system, seed=seed)
    whole = systems.plan_training(recipe, data, runs, options)
    sets = tuple(CountedSet(data, part, held) for part in held_out.LEARNING_PARTS)
    plan = replace(whole, loss=held_out.counted_loss(whole.loss), sets=sets)
    code = hashlib.sha256(Path(held_out.__file__).read_bytes()).hexdigest()
    return systems.fit(recipe, plan, data, runs, options, [held.digest, code]).model


def score_without(
    asked: Sequence[str],
    target: Target,
    held: HeldOut,
    runs: Path,
    train: Callable[..., nn.Module],
    data: PreparedSet,
) -> answers.SystemScores:
    """Train systems without what is held out and score them on a target.

    Args:
        asked: Which.
        target: What they are scored on.
        held: What must not be learned.
        runs: Folder of the runs of this choice.
        train: `train_without` with a design and a seed.
        data: Training and validation films; thresholds are chosen on the latter,
            without held-out boxes.

    Returns:
        Scores by system; "mean_mask" is fitted on the same films.
    """
    learned, val = (CountedSet(data, part, held) for part in held_out.LEARNING_PARTS)
    prior, level = fit_mean_mask(learned.kept, val.kept)
    everywhere = np.broadcast_to(prior, target.mask.shape)
    scored = {"mean_mask": score_target(everywhere, target, level)}
    masks, counted = np.stack([wanted.numpy() > 0 for _, wanted in val], axis=1)
    for system in asked:
        model = train(system, data, held, runs)
        level = best_threshold(predict_maps(model, val), masks, counted)
        scored[system] = score_target(predict_maps(model, target.scans), target, level)
    return scored


def run_seed(
    world: World, root: Path, design: Design, seed: int, findings: Sequence[str]
) -> answers.StudyScores:
    """Hold out each finding in turn and, as a control, as many boxes at random.

    The control shows what not having seen a finding costs. The finding that no film
    shows is looked for by systems that saw all others.

    Args:
        world: The films.
        root: Folder of the runs under this seed.
        design: Sizes.
        seed: Seed of the networks, and of the control's choices.
        findings: What is held out in turn.

    Returns:
        Scores of every system.
    """
    train = partial(train_without, design=design, seed=seed)
    score = partial(score_without, train=train, data=world.data)
    nothing = HeldOut(world.data.findings.iloc[:0], frozenset())
    unseen = score(ASKED, target_of(world.unseen, "pneumonia"), nothing, root / "all")
    scored = {"unseen": {"": unseen}, "held_out": {}, "held_out_control": {}}
    for finding in findings:
        target, runs = target_of(world.data, finding), root / finding
        number = 1000 * (1 + seed) + FINDINGS.index(finding)
        held = held_out.hold_out(world.data, finding)
        control = held_out.hold_out_at_random(world.data, held, number)
        for key, asked, one in (
            ("held_out", ASKED, held),
            ("held_out_control", ASKED[:2], control),
        ):
            scored[key][finding] = score(asked, target, one, runs / key)
        print(f"seed {seed}: {finding} done", flush=True)
    return scored


def run_study(
    work: Path, out: Path, design: Design, findings: Sequence[str] = FINDINGS
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
        by_seed.append(run_seed(world, work / f"seed_{seed}", design, seed, findings))
        about = design.about("11_beyond_the_paper", world.data, started)
        answers.write_generalization(out, by_seed, design.seeds[: len(by_seed)], about)


def main() -> None:
    """Run the study with its own sizes."""
    torch.set_num_threads(1)
    given = command_line(__doc__, Workspace.open("study").runs).parse_args()
    run_study(given.work, given.out, Design(workers=given.workers))


if __name__ == "__main__":
    main()
