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
from itertools import product
from pathlib import Path

import numpy as np

from chexnomaly import results, systems
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.evaluation.intervals import Entry, mean_entry
from chexnomaly.studies.phantom_worth import rules
from chexnomaly.studies.phantom_worth.comparisons import compare, holm, network_variance
from chexnomaly.studies.phantom_worth.scores import (
    IOU,
    FilmScores,
    found_key,
    operating_threshold,
    predict_maps,
    score_maps,
    stack_seeds,
)
from chexnomaly.studies.phantom_worth.worlds import (
    NATURAL,
    PAINTED,
    WHOLE,
    WORLDS,
    Ablation,
    make_world,
)
from chexnomaly.systems import baselines
from chexnomaly.workspace import Workspace

OWN_SET = "phantom_ablation_test"
"""Test films of the world that a system was trained in."""

NATURAL_SET = "phantom_natural_test"
"""The same test films with nothing turned off."""

WorldScores = dict[tuple[str, str], FilmScores]
"""Scores in one world by system and set, (seeds, films) each."""


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
    world: str, root: Path, study: Ablation, natural: PreparedSet, data: PreparedSet
) -> WorldScores:
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
    scored: dict[str, list[FilmScores]] = {name: [] for name in sets}
    for seed in study.seeds:
        schedule = replace(study.options.schedule, seed=seed)
        options = replace(study.options, schedule=schedule)
        model = systems.train_system(
            "supermodel", data, root / f"seed_{seed}", options
        ).model
        level = operating_threshold(predict_maps(model, data.part("val"), 16), data)
        for name, where in sets.items():
            maps = predict_maps(model, where.part("test"), 16)
            scored[name].append(score_maps(maps, where, level))
    out = {("supermodel", name): stack_seeds(many) for name, many in scored.items()}
    if world in WHOLE:
        for name, (maps, level) in simple_maps(data).items():
            out[name, OWN_SET] = stack_seeds([score_maps(maps, data, level)])
    return out


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
    plain = {w: natural_scores(w, one) for w, one in scored.items() if w not in WHOLE}
    plain[NATURAL] = natural_scores(NATURAL, scored[NATURAL])
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
    adjusted = holm({key: p for key, (_, p) in tested.items()})
    return {
        key: entry | {"p": _number(p), "p_holm": _number(adjusted[key])}
        for key, (entry, p) in tested.items()
    }


def natural_scores(world: str, scored: WorldScores) -> FilmScores:
    """Pick a world's network's scores on natural films."""
    return scored["supermodel", OWN_SET if world == NATURAL else NATURAL_SET]


def _weigh(
    key: str,
    one: FilmScores,
    others: Sequence[FilmScores],
    alike: Sequence[FilmScores],
) -> tuple[Entry, float]:
    """Compare a network with the mean of others; those alike tell how networks vary."""
    mean = np.mean([other[key].mean(axis=0) for other in others], axis=0)
    variance, degrees = network_variance([other[key].mean(axis=0) for other in alike])
    difference = one[key].mean(axis=0) - mean
    return compare(difference, variance * (1 + 1 / len(others)), degrees)


def _number(p: float) -> float | None:
    return None if np.isnan(p) else float(f"{p:.3g}")


def key_of(system: str, world: str) -> str:
    """Name a system trained in a world; the natural one adds nothing."""
    return system if world == NATURAL else f"{system}__{world}"


def write_world(
    out: Path,
    world: str,
    scored: WorldScores,
    tested: Mapping[tuple, Entry],
    study: Ablation,
    **stamp,
) -> None:
    """Write one world's results files.

    Args:
        out: Results folder.
        world: Key of `WORLDS`.
        scored: From `run_world`.
        tested: From `weigh_differences`; the natural world has none in it.
        study: For the stamp.
        stamp: "started" and "data_hash".
    """
    for (system, name), one in scored.items():
        network, iou = system == "supermodel", one[IOU]
        own = {k[2]: e for k, e in tested.items() if network and k[:2] == (world, name)}
        results.write_result(
            out,
            key_of(system, world),
            name,
            profile="study",
            notebook="12_phantom",
            trained_on="phantom",
            scored_on="phantom",
            n=iou.shape[1],
            n_positive=int((~np.isnan(iou[0])).sum()),
            values={key: mean_entry(v.mean(axis=0)) for key, v in one.items()},
            paired={"supermodel": own} if own else {},
            compared=len(tested) if own else None,
            by_seed=[round(float(v), 6) for v in np.nanmean(iou, axis=1)],
            seeds=list(study.seeds if network else (study.cohort,)),
            parameters=asdict(study) | {"world": world},
            **stamp,
        )


def run_study(work: Path, out: Path, study: Ablation, worlds: Sequence[str]) -> None:
    """Run several worlds, the natural one first, and compare them with it.

    Args:
        work: Receives films and runs; finished ones are taken up.
        out: Receives results files.
        study: Sizes and seeds.
        worlds: Keys of `WORLDS`; the p values are adjusted for these.
    """
    natural = make_world(work / NATURAL / "data", study, WORLDS[NATURAL])
    scored, stamps = {}, {}
    for world in [NATURAL, *(w for w in worlds if w != NATURAL)]:
        started = time.perf_counter()
        data = make_world(work / world / "data", study, WORLDS[world], natural)
        scored[world] = run_world(world, work / world, study, natural, data)
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
    study = Ablation(workers=options.workers)
    run_study(options.work, options.out, study, options.worlds)


if __name__ == "__main__":
    main()
