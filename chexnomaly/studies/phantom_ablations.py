"""What each part of the phantom does to a trained network: the ablation study.

    python -m chexnomaly.studies.phantom_ablations --out FOLDER

makes one cohort several times, each time without one part of the phantom, trains the
demo's supermodel in each of these worlds, and writes results files. A run that was
interrupted goes on where it stopped.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from chexnomaly import baselines, evaluation, results, systems
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.intervals import Entry, mean_entry
from chexnomaly.labels import FINDINGS
from chexnomaly.metrics import Scores
from chexnomaly.studies import rules
from chexnomaly.studies.phantom_worlds import NATURAL, WORLDS, Study, make_world
from chexnomaly.workspace import Workspace

OWN_SET = "phantom_ablation_test"
"""Test films of the world that a system was trained in."""

NATURAL_SET = "phantom_natural_test"
"""The same test films with nothing turned off."""


@dataclass(frozen=True)
class Scored:
    """One system's scores on the test scans of one world, mean over its seeds.

    Attributes:
        iou: IoU of each scan at the operating threshold; NaN without a finding.
        found: By finding, the marked share of its boxes' area, per scan; NaN in
            scans without it.
        by_seed: Mean IoU of each seed.
    """

    iou: np.ndarray
    found: dict[str, np.ndarray]
    by_seed: list[float]


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
        The scores of one seed.
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
    return Scored(iou, found, [float(np.nanmean(iou))])


def per_scan_iou(scores: Scores) -> np.ndarray:
    """IoU of each scan under convention C; NaN where nothing is to be found."""
    union = scores["tp"] + scores["fp"] + scores["fn"]
    there = scores["tp"] + scores["fn"] > 0
    return np.where(there, scores["tp"] / np.maximum(union, 1), np.nan)


def mean_over_seeds(scored: Sequence[Scored]) -> Scored:
    """Average the scores of several seeds, scan by scan."""
    return Scored(
        np.mean([s.iou for s in scored], axis=0),
        {k: np.mean([s.found[k] for s in scored], axis=0) for k in scored[0].found},
        [value for s in scored for value in s.by_seed],
    )


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
) -> dict[tuple[str, str], Scored]:
    """Train in one world; score in it and in the natural one.

    Args:
        world: Key of `WORLDS`.
        root: Folder of its runs.
        study: Sizes and seeds.
        natural: The natural world.
        data: This world.

    Returns:
        Scores by system ("supermodel" or a key of `simple_maps`) and set.
    """
    sets = {OWN_SET: data} | ({} if world == NATURAL else {NATURAL_SET: natural})
    scored: dict[tuple[str, str], list[Scored]] = {}
    for seed in study.seeds:
        schedule = replace(study.options.schedule, seed=seed)
        options = replace(study.options, schedule=schedule)
        model = systems.train_supermodel(data, root / f"seed_{seed}", options).model
        level = operating_threshold(predict_maps(model, data, "val"), data)
        for name, where in sets.items():
            maps = predict_maps(model, where, "test")
            one = score_maps(maps, where, level)
            scored.setdefault(("supermodel", name), []).append(one)
    for name, (maps, level) in simple_maps(data).items():
        scored[name, OWN_SET] = [score_maps(maps, data, level)]
    return {key: mean_over_seeds(many) for key, many in scored.items()}


def entries(scored: Scored) -> dict[str, Entry]:
    """Turn scores into a results file's values, with intervals over scans."""
    values = {"iou_c@operating": mean_entry(scored.iou)}
    for finding, share in scored.found.items():
        values[f"found_{finding}@operating"] = mean_entry(share)
    return values


def key_of(system: str, world: str) -> str:
    """Name a system trained in a world; the natural one adds nothing."""
    return system if world == NATURAL else f"{system}__{world}"


def write_world(
    out: Path,
    world: str,
    scored: dict[tuple[str, str], Scored],
    natural: Scored,
    study: Study,
    **stamp,
) -> list[Path]:
    """Write one world's results files.

    Args:
        out: Results folder.
        world: Key of `WORLDS`.
        scored: From `run_world`.
        natural: The supermodel of the natural world, scored there: the pair of every
            difference, film by film.
        study: For the stamp.
        stamp: "started" and "data_hash".

    Returns:
        The paths.
    """
    paths = []
    for (system, dataset), one in scored.items():
        difference = {"iou_c@operating": mean_entry(one.iou - natural.iou)}
        paths.append(
            results.write_result(
                out,
                key_of(system, world),
                dataset,
                profile="study",
                notebook="14_phantom",
                trained_on="phantom",
                scored_on="phantom",
                n=len(one.iou),
                n_positive=int((~np.isnan(one.iou)).sum()),
                values=entries(one),
                paired={} if one is natural else {"supermodel": difference},
                by_seed=[round(value, 6) for value in one.by_seed],
                seeds=list(study.seeds if system == "supermodel" else (study.cohort,)),
                parameters=asdict(study) | {"world": world},
                **stamp,
            )
        )
    return paths


def run_study(work: Path, out: Path, study: Study, worlds: Sequence[str]) -> None:
    """Run several worlds, the natural one first.

    Args:
        work: Receives films and runs.
        out: Receives results files.
        study: Sizes and seeds.
        worlds: Keys of `WORLDS`.
    """
    natural = make_world(work / NATURAL / "data", study, WORLDS[NATURAL])
    reference = None
    for world in [NATURAL, *(w for w in worlds if w != NATURAL)]:
        started = time.perf_counter()
        data = make_world(work / world / "data", study, WORLDS[world])
        scored = run_world(world, work / world, study, natural, data)
        reference = reference or scored["supermodel", OWN_SET]
        stamp = {"started": started, "data_hash": data.data_hash}
        write_world(out, world, scored, reference, study, **stamp)


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
