"""The whole grid at 512 px and half width, in bundles for a bare machine with a GPU.

    python -m chexnomaly.studies.speed.gpu_run --bundle 1 --out FOLDER

Each bundle renders the same films, trains and scores systems that build on each other,
and needs nothing of another bundle: it may run on a machine of its own that is taken
away afterwards. Bundle 0 trains nothing and measures what a step costs. What comes back
in the folder is JSON and small arrays of maps. An interrupted bundle goes on where it
was.
"""

import argparse
import json
import shutil
import time
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from chexnomaly import evaluation, results, systems
from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.sampling import specialized_part
from chexnomaly.evaluation.evaluator import Evaluator, Predictor, TestSet
from chexnomaly.evaluation.pairs import summarize_pairs
from chexnomaly.phantom.files.prepared import write_prepared
from chexnomaly.studies.speed.gpu_maps import write_maps
from chexnomaly.studies.speed.gpu_sizes import (
    BUNDLES,
    SPECIALIZED_TEST,
    TEST,
    TINY,
    Sizes,
)
from chexnomaly.studies.speed.step_cost import measure_costs
from chexnomaly.systems import baselines
from chexnomaly.workspace import Workspace


def make_films(root: Path, sizes: Sizes) -> PreparedSet:
    """Render the films straight into a store, or open it where it is finished."""
    return write_prepared(
        root,
        np.repeat(["train", "val", "test"], sizes.counts),
        sizes.cohort,
        sizes.size,
        size_px=(sizes.size, sizes.size),
        enriched=True,
        workers=sizes.workers,
    )


def run_bundle(bundle: int, out: Path, sizes: Sizes, work: Path) -> None:
    """Run one bundle.

    Args:
        bundle: Its number, an index into `BUNDLES`.
        out: Receives results files, stamps, maps and `bundle_<n>.json`.
        sizes: How large.
        work: Receives films and runs; what is finished there is taken up.
    """
    out.mkdir(parents=True, exist_ok=True)
    if bundle == 0:
        write_report(out / "bundle_0.json", measure_costs(sizes.step))
        return
    started = time.perf_counter()
    data = make_films(work / "films", sizes)
    workspace = Workspace("reference", work)
    seconds = {"films": _since(started)}
    study = partial(Evaluator, workspace, "reference", data, resamples=sizes.resamples)
    mean_mask = partial(
        baselines.fixed_map, probs=baselines.mean_mask(data.part("train"))
    )
    score(study(), "mean_mask", mean_mask, data)
    maps = {"mean_mask": mean_mask}
    for system in BUNDLES[bundle]:
        begun = time.perf_counter()
        predictor = run_system(system, data, sizes, workspace, study)
        if predictor is not None and not system.startswith("specialized"):
            maps[system] = predictor
        seconds[system] = _since(begun)
        print(f"{system}: {seconds[system]} s", flush=True)
    write_maps(out / f"bundle_{bundle}.npz", data, maps)
    for file in workspace.results.glob("*.json"):
        shutil.copy2(file, out)
    report = {"bundle": bundle, "seconds": seconds, "total_s": _since(started)}
    write_report(out / f"bundle_{bundle}.json", report)


def run_system(
    system: str,
    data: PreparedSet,
    sizes: Sizes,
    workspace: Workspace,
    study: partial,
) -> Predictor | None:
    """Train one system and write its results files.

    Returns:
        What predicts its maps; None for a Siamese network.
    """
    options = sizes.recipe(system)
    if not systems.find_recipe(system).trains:
        model = systems.load_system(system, workspace.runs)
        model.to("cuda" if torch.cuda.is_available() else "cpu")
    else:
        model = systems.train_system(system, data, workspace.runs, options).model
    one = study(seed=options.schedule.seed, parameters=asdict(options))
    if system.startswith("siamese"):
        return write_pairs(one, system, model)
    predictor = partial(evaluation.predict, model)
    finding = None
    if system.startswith("specialized_"):
        finding = system.removeprefix("specialized_").partition("__")[0]
    score(one, system, predictor, data, finding)
    return predictor


def score(
    evaluator: Evaluator,
    system: str,
    predictor: Predictor,
    data: PreparedSet,
    finding: str | None = None,
) -> None:
    """Choose a threshold on validation scans, score the test scans, write both."""
    val, test = (
        data.part(part) if finding is None else specialized_part(data, part, finding)
        for part in ("val", "test")
    )
    key = TEST if finding is None else SPECIALIZED_TEST
    tests = {key: TestSet(test, data.origin)}
    evaluator.measure(system, predictor, tests, rivals=("mean_mask",), validation=val)


def write_pairs(study: Evaluator, system: str, model: torch.nn.Module) -> None:
    """Score a Siamese network on balanced pairs of test scans."""
    pairs = PairsSet(study.data.part("test"), 2 * len(study.data.ids("test")))
    scored = systems.score_pairs(model, pairs)
    results.write_result(
        study.workspace.results,
        system,
        "reference_pairs",
        profile="reference",
        notebook="reference",
        trained_on=study.data.origin,
        scored_on=study.data.origin,
        n=len(pairs),
        values=summarize_pairs(scored, study.resamples),
        seeds=[study.seed],
        data_hash=study.data.data_hash,
        split_hash=study.data.split_hash,
        started=study.started,
        parameters=study.parameters,
    )


def write_report(path: Path, report: dict) -> None:
    """Write what a bundle took, with the machine it ran on."""
    stamp = {"hardware": results.hardware(), "torch": torch.__version__}
    text = json.dumps(report | stamp, indent=1, sort_keys=True) + "\n"
    path.write_text(text, encoding="utf-8")


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 1)


def main() -> None:
    """Run one bundle, with its own sizes or with tiny ones."""
    work = Workspace.open("reference").root / "_build" / "reference"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=int, required=True, choices=range(5))
    parser.add_argument("--out", type=Path, required=True, help="results folder")
    parser.add_argument("--work", type=Path, default=work, help="films and runs")
    parser.add_argument("--workers", type=int, help="that render films")
    parser.add_argument("--tiny", action="store_true", help="in seconds, for a test")
    options = parser.parse_args()
    sizes = TINY if options.tiny else Sizes()
    if options.workers:
        sizes = replace(sizes, workers=options.workers)
    run_bundle(options.bundle, options.out, sizes, options.work)


if __name__ == "__main__":
    main()
