"""What each part of the phantom does to a trained network: the ablation study.

    python -m chexnomaly.studies.phantom_worth.run --out FOLDER

makes one cohort again and again, each time without one part of the phantom or with
one finding painted, trains the demo's supermodel in each of these worlds, and writes
results files. What is finished is never done again: a run that was interrupted goes
on where it stopped, film by film and network by network.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path

import numpy as np
import torch

from chexnomaly import evaluation, results, systems
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.evaluation.intervals import Entry, mean_entry
from chexnomaly.labels import FINDINGS
from chexnomaly.metrics.segmentation import Scores
from chexnomaly.studies.phantom_worth import rules
from chexnomaly.studies.phantom_worth.comparisons import compare, holm, network_variance
from chexnomaly.studies.phantom_worth.scores import Scored, Statement, load, save
from chexnomaly.studies.phantom_worth.worlds import (
    NATURAL,
    PAINTED,
    WHOLE,
    WORLDS,
    Study,
    make_world,
)
from chexnomaly.systems import baselines
from chexnomaly.workspace import Workspace

OWN_SET = "phantom_ablation_test"
"""Test films of the world that a system was trained in."""

NATURAL_SET = "phantom_natural_test"
"""The same test films with nothing turned off."""

SCORE = "iou_c@operating"

World = dict[tuple[str, str], Scored]
"""Scores by system and set."""


def predict_maps(model: torch.nn.Module, data: PreparedSet, part: str) -> np.ndarray:
    """Predict a part's probability maps; (N, S, S), in the order of its ids."""
    return torch.cat([*evaluation.predict(model, data.part(part))])[:, 0].numpy()


def operating_threshold(maps: np.ndarray, data: PreparedSet) -> float:
    """Choose the threshold with the best IoU on the validation scans."""
    dataset = data.part("val")
    batches = torch.from_numpy(maps).unsqueeze(1).split(64)
    return evaluation.choose_threshold(
        evaluation.score_set(batches, dataset, evaluation.THRESHOLDS)
    )


def score_maps(maps: np.ndarray, data: PreparedSet, operating: float) -> Scored:
    """Score one network's maps of the test scans.

    Args:
        maps: (N, S, S).
        data: The world they are scored in.
        operating: Where to binarize.

    Returns:
        The scores of one network.
    """
    test = data.part("test")
    batches = torch.from_numpy(maps).unsqueeze(1).split(64)
    counts = evaluation.score_set(batches, test, [operating]).scores[operating]
    iou = per_scan_iou(counts)
    found = {}
    for finding in FINDINGS:
        alone = data.part("test", findings_kept=[finding])
        masks = np.array([alone.mask(i)[0].numpy() > 0 for i in alone.ids])
        area = masks.sum(axis=(1, 2))
        marked = ((maps > operating) & masks).sum(axis=(1, 2))
        found[finding] = np.where(area > 0, marked / np.maximum(area, 1), np.nan)
    return Scored(iou[None], {k: v[None] for k, v in found.items()})


def per_scan_iou(scores: Scores) -> np.ndarray:
    """IoU of each scan under convention C; NaN where nothing is to be found."""
    union = scores["tp"] + scores["fp"] + scores["fn"]
    there = scores["tp"] + scores["fn"] > 0
    return np.where(there, scores["tp"] / np.maximum(union, 1), np.nan)


def simple_maps(data: PreparedSet) -> dict[str, tuple[np.ndarray, float]]:
    """Fit what needs no network: where findings tend to be, and how bright they are.

    Args:
        data: A world.

    Returns:
        Maps of the test scans, (N, S, S), and where to binarize them, for
        "mean_mask" (a level chosen on validation) and "brightness_threshold".
    """
    prior = baselines.mean_mask(data.part("train"))[0].numpy()
    level = operating_threshold(np.repeat(prior[None], len(data.ids("val")), 0), data)
    rule = rules.fit_threshold(*rules.arrays(data, "train"))
    images = np.array([data.store.image(i) for i in data.ids("test")])
    return {
        "mean_mask": (np.repeat(prior[None], len(images), 0), level),
        "brightness_threshold": (rule.mark(images).astype(np.float32), 0.5),
    }


def run_world(
    world: str, root: Path, study: Study, natural: PreparedSet, data: PreparedSet
) -> World:
    """Train in one world; score in it and in the natural one.

    Args:
        world: Key of `WORLDS`.
        root: Folder of its runs.
        study: Sizes and seeds.
        natural: The natural world.
        data: This world.

    Returns:
        The supermodel's scores on both sets; in the worlds of `WHOLE` also those of
        `simple_maps` on its own set.
    """
    sets = {OWN_SET: data} | ({} if world == NATURAL else {NATURAL_SET: natural})
    scored: dict[str, list[Scored]] = {name: [] for name in sets}
    for seed in study.seeds:
        schedule = replace(study.options.schedule, seed=seed)
        options = replace(study.options, schedule=schedule)
        model = systems.train_system(
            "supermodel", data, root / f"seed_{seed}", options
        ).model
        level = operating_threshold(predict_maps(model, data, "val"), data)
        for name, where in sets.items():
            maps = predict_maps(model, where, "test")
            scored[name].append(score_maps(maps, where, level))
    out = {("supermodel", name): Scored.stack(many) for name, many in scored.items()}
    if world in WHOLE:
        for name, (maps, level) in simple_maps(data).items():
            out[name, OWN_SET] = score_maps(maps, data, level)
    return out


def entries(scored: Scored) -> dict[str, Entry]:
    """Turn scores into a results file's values, with intervals over scans."""
    values = {SCORE: mean_entry(scored.iou.mean(axis=0))}
    for finding, share in scored.found.items():
        values[f"found_{finding}@operating"] = mean_entry(share.mean(axis=0))
    return values


def weigh_differences(scored: dict[str, World]) -> dict[tuple, Entry]:
    """Subtract the natural networks' scores, scan by scan, and weigh what is left.

    The IoU over all findings is compared with the natural world's network. The marked
    share of a finding that is painted alone is compared with the mean of all networks
    for which that finding was computed, on natural films.

    Args:
        scored: Scores of all worlds, the natural one among them.

    Returns:
        (world, set, key of the results file) to an entry with "p" and, adjusted for
        all of these differences, "p_holm".
    """
    plain = {w: natural_scores(w, one) for w, one in scored.items() if w not in WHOLE}
    plain[NATURAL] = natural_scores(NATURAL, scored[NATURAL])
    tested = {}
    for world, name in product(scored, (OWN_SET, NATURAL_SET)):
        if world == NATURAL:
            continue
        one = scored[world]["supermodel", name]
        rest = [other for key, other in plain.items() if key != world]
        whole = plain[NATURAL].iou.mean(axis=0)
        variance, degrees = _spread([other.iou for other in rest])
        tested[world, name, SCORE] = compare(
            one.iou.mean(axis=0) - whole, 2 * variance, degrees
        )
        if finding := PAINTED.get(world):
            shares = [other.found[finding] for other in rest]
            mean = np.mean([share.mean(axis=0) for share in shares], axis=0)
            variance, degrees = _spread(shares)
            tested[world, name, f"found_{finding}@operating"] = compare(
                one.found[finding].mean(axis=0) - mean,
                variance * (1 + 1 / len(rest)),
                degrees,
            )
    adjusted = holm({key: p for key, (_, p) in tested.items()})
    return {
        key: entry | {"p": _number(p), "p_holm": _number(adjusted[key])}
        for key, (entry, p) in tested.items()
    }


def natural_scores(world: str, scored: World) -> Scored:
    """Pick a world's network's scores on natural films."""
    return scored["supermodel", OWN_SET if world == NATURAL else NATURAL_SET]


def _spread(scores: Sequence[np.ndarray]) -> tuple[float, int]:
    """Variance between worlds of the mean over seeds; 0 where there is one world."""
    if len(scores) < 2:
        return 0.0, 0
    return network_variance(np.array([one.mean(axis=0) for one in scores]))


def _number(p: float) -> float | None:
    return None if np.isnan(p) else float(f"{p:.3g}")


def key_of(system: str, world: str) -> str:
    """Name a system trained in a world; the natural one adds nothing."""
    return system if world == NATURAL else f"{system}__{world}"


def write_world(
    out: Path,
    world: str,
    scored: World,
    tested: dict[tuple, Entry],
    study: Study,
    **stamp,
) -> list[Path]:
    """Write one world's results files.

    Args:
        out: Results folder.
        world: Key of `WORLDS`.
        scored: From `run_world`.
        tested: From `weigh_differences`; the natural world has none in it.
        study: For the stamp.
        stamp: "started" and "data_hash".

    Returns:
        The paths.
    """
    paths = []
    for (system, name), one in scored.items():
        network = system == "supermodel"
        own = {k[2]: e for k, e in tested.items() if k[:2] == (world, name)}
        paths.append(
            results.write_result(
                out,
                key_of(system, world),
                name,
                profile="study",
                notebook="12_phantom",
                trained_on="phantom",
                scored_on="phantom",
                n=one.iou.shape[1],
                n_positive=int((~np.isnan(one.iou[0])).sum()),
                values=entries(one),
                paired={"supermodel": own} if network and own else {},
                compared=len(tested) if network and own else None,
                by_seed=[round(float(v), 6) for v in np.nanmean(one.iou, axis=1)],
                seeds=list(study.seeds if network else (study.cohort,)),
                parameters=asdict(study) | {"world": world},
                **stamp,
            )
        )
    return paths


def run_study(work: Path, out: Path, study: Study, worlds: Sequence[str]) -> None:
    """Run several worlds, the natural one first, and compare them with it.

    Args:
        work: Receives films, runs and scores; finished ones are taken up.
        out: Receives results files.
        study: Sizes and seeds.
        worlds: Keys of `WORLDS`; the p values are adjusted for these.
    """
    natural = make_world(work / NATURAL / "data", study, WORLDS[NATURAL])
    scored, stamps = {}, {}
    for world in [NATURAL, *(w for w in worlds if w != NATURAL)]:
        started = time.perf_counter()
        data = make_world(work / world / "data", study, WORLDS[world], natural)
        statement = Statement.of(study, world, data)
        if (known := load(work / world, statement)) is None:
            known = run_world(world, work / world, study, natural, data)
            save(work / world, statement, known)
        scored[world] = known
        stamps[world] = {"started": started, "data_hash": data.data_hash}
    tested = weigh_differences(scored)
    for world, one in scored.items():
        write_world(out, world, one, tested, study, **stamps[world])


def main() -> None:
    """Run the study with the demo's sizes."""
    work = Workspace.open("study").runs / "phantom"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="results folder")
    parser.add_argument("--work", type=Path, default=work, help="films and runs")
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, default=[*WORLDS])
    parser.add_argument("--workers", type=int, default=1, help="that render films")
    options = parser.parse_args()
    study = Study(workers=options.workers)
    run_study(options.work, options.out, study, options.worlds)


if __name__ == "__main__":
    main()
