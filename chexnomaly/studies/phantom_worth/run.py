"""What each part of the phantom does to a trained network: the ablation study.

    python -m chexnomaly.studies.phantom_worth.run --out FOLDER

makes one cohort again and again, each time without one part of the phantom or with
one finding painted, trains the demo's supermodel in each of these worlds, and writes
results files. A run that was interrupted goes on where it stopped, film by film and
network by network.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import torch

from chexnomaly import evaluation, results, systems
from chexnomaly.claims.outcomes import holm
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.evaluation.evaluator import Predictor
from chexnomaly.evaluation.intervals import Entry, mean_entry
from chexnomaly.labels import FINDINGS
from chexnomaly.studies.phantom_worth import rules, worlds
from chexnomaly.studies.phantom_worth.comparisons import compare, network_variance
from chexnomaly.studies.phantom_worth.rules import iou_per_image, masks_of
from chexnomaly.studies.phantom_worth.worlds import NATURAL, PAINTED, WHOLE, Design
from chexnomaly.systems import baselines
from chexnomaly.workspace import Workspace

OWN_SET = "phantom_ablation_test"
"""Test films of the world that a system was trained in."""

NATURAL_SET = "phantom_natural_test"
"""The same test films with nothing turned off."""

IOU = "iou_c@operating"

FilmScores = dict[str, np.ndarray]
"""Scores by their key in a results file, film by film in the last axis; NaN on films
on which a score is undefined."""

WorldScores = dict[tuple[str, str], FilmScores]
"""Scores in one world by system and set, (seeds, films) each."""


def found_key(finding: str) -> str:
    """Name the marked share of a finding's boxes as results files do."""
    return f"found_{finding}@operating"


def score_marks(marked: np.ndarray, data: PreparedSet) -> FilmScores:
    """Score what one network marks on the test films.

    Args:
        marked: (N, S, S), bool, or one for all, (S, S).
        data: The set they are scored on.

    Returns:
        `IOU` and, for each finding, the share of its boxes' area that is marked; (N,)
        each.
    """
    scores = {IOU: iou_per_image(marked, masks_of(data.part("test")))}
    for finding in FINDINGS:
        masks = masks_of(data.part("test", findings_kept=[finding]))
        area, hit = (one.sum(axis=(1, 2)) for one in (masks, marked & masks))
        share = np.where(area > 0, hit / np.maximum(area, 1), np.nan)
        scores[found_key(finding)] = share
    return scores


def choose_level(predict: Predictor, data: PreparedSet) -> float:
    """Choose the threshold with the best IoU on a world's validation films."""
    val = data.part("val")
    return evaluation.operating_threshold(predict(val), map(val.mask, val.ids))


def simple_marks(data: PreparedSet) -> dict[str, np.ndarray]:
    """Mark what needs no network: where findings tend to be, and what is bright.

    Args:
        data: A world.

    Returns:
        Marks of the test films for "mean_mask", (S, S), cut at a level chosen on
        validation, and for "brightness_threshold", (N, S, S).
    """
    prior = baselines.mean_mask(data.part("train"))
    level = choose_level(partial(baselines.fixed_map, probs=prior), data)
    rule = rules.fit_threshold(*rules.arrays(data, "train"))
    images = np.array([data.store.image(i) for i in data.ids("test")])
    marks = {"mean_mask": prior[0].numpy() > level}
    return marks | {"brightness_threshold": rule.mark(images)}


def run_world(
    world: str, root: Path, study: Design, natural: PreparedSet, data: PreparedSet
) -> WorldScores:
    """Train in one world; score in it and in the natural one.

    Args:
        world: Key of `worlds.WORLDS`.
        root: Folder of its runs.
        study: Sizes and seeds.
        natural: The natural world.
        data: This world.

    Returns:
        The supermodel's scores on both sets; in the worlds of `WHOLE` also those of
        `simple_marks` on its own set.
    """
    sets = {OWN_SET: data} | ({} if world == NATURAL else {NATURAL_SET: natural})
    scored: dict[tuple[str, str], list[FilmScores]] = {}
    for seed in study.seeds:
        runs, options = root / f"seed_{seed}", study.options("supermodel", seed=seed)
        model = systems.train_system("supermodel", data, runs, options).model
        predict = partial(evaluation.predict, model)
        level = choose_level(predict, data)
        for name, where in sets.items():
            marked = torch.cat([*predict(where.part("test"))])[:, 0].numpy() > level
            many = scored.setdefault(("supermodel", name), [])
            many.append(score_marks(marked, where))
    for name, marked in simple_marks(data).items() if world in WHOLE else ():
        scored[name, OWN_SET] = [score_marks(marked, data)]
    return {
        place: {key: np.array([one[key] for one in many]) for key in many[0]}
        for place, many in scored.items()
    }


def weigh_differences(scored: Mapping[str, WorldScores]) -> dict[tuple, Entry]:
    """Subtract the natural networks' scores, film by film, and weigh what is left.

    The IoU over all findings is compared with the natural world's network. The marked
    share of a finding that is painted alone is compared with the mean of all networks
    for which that finding was computed, on natural films.

    Args:
        scored: Scores of all worlds, the natural one among them.

    Returns:
        (world, set, key of the results file) to an entry with "p" and, adjusted for
        all of these differences, "p_holm".
    """
    alone = [world for world in scored if world not in WHOLE]
    plain = {world: scored[world]["supermodel", NATURAL_SET] for world in alone}
    plain[NATURAL] = scored[NATURAL]["supermodel", OWN_SET]
    tested = {}
    for world, name in product(scored, (OWN_SET, NATURAL_SET)):
        if world == NATURAL:
            continue
        one = scored[world]["supermodel", name]
        rest = [other for key, other in plain.items() if key != world]
        tested[world, name, IOU] = _weigh(IOU, one, [plain[NATURAL]], rest)
        if finding := PAINTED.get(world):
            key = found_key(finding)
            tested[world, name, key] = _weigh(key, one, rest, rest)
    family = [p for _, p in tested.values() if not np.isnan(p)]
    return {
        key: entry | {"p": _number(p), "p_holm": _number(holm(p, family))}
        for key, (entry, p) in tested.items()
    }


def _weigh(
    key: str, one: FilmScores, others: Sequence[FilmScores], alike: Sequence[FilmScores]
) -> tuple[Entry, float]:
    """Compare a network with the mean of others; those alike tell how networks vary."""
    mean = np.mean([other[key].mean(axis=0) for other in others], axis=0)
    variance, degrees = network_variance([other[key].mean(axis=0) for other in alike])
    difference = one[key].mean(axis=0) - mean
    return compare(difference, variance * (1 + 1 / len(others)), degrees)


def _number(p: float) -> float | None:
    return None if np.isnan(p) else float(f"{p:.3g}")


def write_world(
    out: Path, world: str, scored: WorldScores, tested: Mapping[tuple, Entry], **about
) -> None:
    """Write one world's results files.

    Args:
        out: Results folder.
        world: Key of `worlds.WORLDS`.
        scored: From `run_world`.
        tested: From `weigh_differences`; the natural world has none in it.
        **about: Further arguments of `write_result`; the "parameters" name seeds.
    """
    given = about["parameters"]
    for (system, name), one in scored.items():
        network, iou = system == "supermodel", one[IOU]
        own = {k[2]: e for k, e in tested.items() if network and k[:2] == (world, name)}
        results.write_result(
            out,
            system if world == NATURAL else f"{system}__{world}",
            name,
            n=iou.shape[1],
            n_positive=int((~np.isnan(iou[0])).sum()),
            values={key: mean_entry(v.mean(axis=0)) for key, v in one.items()},
            paired={"supermodel": own} if own else {},
            compared=len(tested) if own else None,
            by_seed=[round(float(v), 6) for v in np.nanmean(iou, axis=1)],
            seeds=[*given["seeds"]] if network else [given["cohort"]],
            profile="study",
            notebook="12_phantom",
            trained_on="phantom",
            scored_on="phantom",
            **about,
        )


def run_study(
    work: Path, out: Path, study: Design, asked: Sequence[str] = (*worlds.WORLDS,)
) -> None:
    """Run several worlds, the natural one first, and compare them with it.

    Args:
        work: Receives films and runs; finished ones are taken up.
        out: Receives results files.
        study: Sizes and seeds.
        asked: Keys of `worlds.WORLDS`; the p values are adjusted for these.
    """
    natural = worlds.make_world(work / NATURAL / "data", study, NATURAL)
    options = {"options": asdict(study.options("supermodel"))}
    scored, about = {}, {}
    for world in [NATURAL, *(w for w in asked if w != NATURAL)]:
        started = time.perf_counter()
        data = worlds.make_world(work / world / "data", study, world)
        scored[world] = run_world(world, work / world, study, natural, data)
        about[world] = {"started": started, "data_hash": data.data_hash}
        about[world]["parameters"] = asdict(study) | options | {"world": world}
    tested = weigh_differences(scored)
    for world, one in scored.items():
        write_world(out, world, one, tested, **about[world])


def main() -> None:
    """Run the study with the demo's sizes."""
    torch.set_num_threads(1)
    work = Workspace.open("study").runs / "phantom"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="results folder")
    parser.add_argument("--work", type=Path, default=work, help="films and runs")
    parser.add_argument("--workers", type=int, default=1, help="that render films")
    given = parser.parse_args()
    study = replace(worlds.ABLATION, workers=given.workers)
    run_study(given.work, given.out, study)


if __name__ == "__main__":
    main()
