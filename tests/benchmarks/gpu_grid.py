"""The whole grid at 512 px and half width, in bundles for a bare machine with a GPU.

    python tests/benchmarks/gpu_grid.py --bundle 1 --out FOLDER

Each bundle renders the same films, trains and scores systems that build on each other,
and needs nothing of another bundle: it may run on a machine of its own that is taken
away afterwards. What comes back in the folder is JSON. An interrupted bundle goes on
where it was. Bundle 0 trains nothing and measures what a step costs: it is
`step_cost.py`.
"""

import argparse
import json
import shutil
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from chexnomaly import evaluation, results, systems  # noqa: E402
from chexnomaly.datasets.pairs import PairsSet  # noqa: E402
from chexnomaly.datasets.sampling import specialized_part  # noqa: E402
from chexnomaly.evaluation.evaluator import Evaluator, Predictor, TestSet  # noqa: E402
from chexnomaly.evaluation.pairs import score_pairs, summarize_pairs  # noqa: E402
from chexnomaly.labels import NAMED_IN_FIGURE_14  # noqa: E402
from chexnomaly.phantom.files.prepared import write_prepared  # noqa: E402
from chexnomaly.systems import baselines  # noqa: E402
from chexnomaly.workspace import Workspace  # noqa: E402

BEFORE = tuple(
    f"specialized_{finding}__cross_entropy" for finding in NAMED_IN_FIGURE_14
)
"""The "before" of Fig. 14, for the findings that its caption names."""

BUNDLES: dict[int, tuple[str, ...]] = {
    1: (
        *("supermodel", "supermodel__plain_focal", "supermodel_oversampled"),
        "attention_supermodel",
    ),
    2: (
        "siamese_unet",
        *(f"chexnomaly{arm}" for arm in ("", "__concat", "__random_base")),
    ),
    3: ("siamese_cnn", "chexnomaly_cnn"),
    4: (*systems.SPECIALIZED, *BEFORE, "max_ensemble", "model_ensemble"),
}
"""Systems of each bundle by its number, each after what it builds on."""

TEST, SPECIALIZED_TEST = "reference_test", "reference_specialized_test"
"""Keys of the sets, of which no other study has any."""

HALF_WIDTH = {
    "base_channels": 32,
    "batch_norm": True,
    "alpha": 0.85,
    "epochs": 12,
    "batch_size": 16,
    "learning_rate": 3e-3,
    "one_cycle": True,
    "patience": 100,
    "precision": "bf16-mixed",
    "workers": 8,
}
"""Half the paper's width; rates follow the demo's, nothing was tuned at this size."""

OWN_OPTIONS = {
    "04_specialized_models": {"epochs": 20},
    "06_siamese_networks": {"epochs": 3, "learning_rate": 3e-4},
}
"""Section of a recipe to the options that win over those of all."""


@dataclass(frozen=True)
class Sizes:
    """How large the grid is. A bare machine reads no profile: its options stand here.

    Attributes:
        counts: Films to train on, to choose thresholds on, and to test on.
        size: Side of the images, px.
        cohort: Seed of the films.
        chosen: Options that win over those of this file.
        workers: Processes that render films.
        resamples: Bootstrap samples per interval.
    """

    counts: tuple[int, int, int] = (1000, 100, 300)
    size: int = 512
    cohort: int = 31
    chosen: dict = field(default_factory=dict)
    workers: int = 16
    resamples: int = 1000

    def options(self, system: str, **chosen) -> systems.Options:
        """Give a system's options; what is chosen wins."""
        own = OWN_OPTIONS.get(systems.find_recipe(system).section, {})
        given = {**HALF_WIDTH, **own, **self.chosen, **chosen}
        return systems.Options.from_parameters(**given)


def run_bundle(bundle: int, out: Path, sizes: Sizes, work: Path) -> None:
    """Run one bundle.

    Args:
        bundle: Its number, a key of `BUNDLES`.
        out: Receives results files, stamps and `bundle_<n>.json`.
        sizes: How large.
        work: Receives films and runs; what is finished there is taken up.
    """
    started = time.perf_counter()
    parts = np.repeat(["train", "val", "test"], sizes.counts)
    how = {"enriched": True, "size_px": (sizes.size,) * 2, "workers": sizes.workers}
    data = write_prepared(work / "films", parts, sizes.cohort, sizes.size, **how)
    seconds = {"films": _since(started)}
    workspace = Workspace("reference", work)
    evaluator = Evaluator(workspace, "reference", data, resamples=sizes.resamples)
    probs = baselines.mean_mask(data.part("train"))
    score(evaluator, "mean_mask", partial(baselines.fixed_map, probs=probs))
    for system in BUNDLES[bundle]:
        begun = time.perf_counter()
        run_system(system, sizes, evaluator)
        seconds[system] = _since(begun)
        print(f"{system}: {seconds[system]} s", flush=True)
    shutil.copytree(workspace.results, out, dirs_exist_ok=True)
    report = {"bundle": bundle, "seconds": seconds, "total_s": _since(started)}
    report |= {"hardware": results.hardware(), "torch": torch.__version__}
    text = json.dumps(report, indent=1, sort_keys=True) + "\n"
    (out / f"bundle_{bundle}.json").write_text(text, encoding="utf-8")


def run_system(system: str, sizes: Sizes, evaluator: Evaluator) -> None:
    """Train one system on the evaluator's films and write its results files."""
    recipe, options = systems.find_recipe(system), sizes.options(system)
    data, runs = evaluator.data, evaluator.workspace.runs
    if recipe.trains:
        model = systems.train_system(system, data, runs, options).model
    else:
        model = systems.load_system(system, runs)
        model.to("cuda" if torch.cuda.is_available() else "cpu")
    seed, parameters = options.schedule.seed, asdict(options)
    evaluator = replace(evaluator, seed=seed, parameters=parameters)
    if recipe.kind == "siamese":
        write_pairs(evaluator, system, model)
    else:
        predictor = partial(evaluation.predict, model)
        score(evaluator, system, predictor, recipe.finding)


def score(
    evaluator: Evaluator,
    system: str,
    predictor: Predictor,
    finding: str | None = None,
) -> None:
    """Choose a threshold on validation films, score the test films, write both."""
    data, key = evaluator.data, SPECIALIZED_TEST if finding else TEST
    val, test = (
        specialized_part(data, part, finding) if finding else data.part(part)
        for part in ("val", "test")
    )
    tests = {key: TestSet(test, data.origin)}
    evaluator.measure(system, predictor, tests, rivals=("mean_mask",), validation=val)


def write_pairs(evaluator: Evaluator, system: str, model: torch.nn.Module) -> None:
    """Score a Siamese network on balanced pairs of test films."""
    data = evaluator.data
    pairs = PairsSet(data.part("test"), 2 * len(data.ids("test")))
    scored = score_pairs(model, pairs)
    results.write_result(
        evaluator.workspace.results,
        system,
        "reference_pairs",
        profile="reference",
        notebook="reference",
        trained_on=data.origin,
        scored_on=data.origin,
        n=len(pairs),
        values=summarize_pairs(scored, evaluator.resamples),
        seeds=[evaluator.seed],
        data_hash=data.data_hash,
        split_hash=data.split_hash,
        started=evaluator.started,
        parameters=evaluator.parameters,
    )


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 1)


def main() -> None:
    """Run one bundle, with its own sizes."""
    work = Workspace.open("reference").root / "_build" / "reference"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=int, required=True, choices=BUNDLES)
    parser.add_argument("--out", type=Path, required=True, help="results folder")
    parser.add_argument("--work", type=Path, default=work, help="films and runs")
    parser.add_argument("--workers", type=int, default=Sizes.workers)
    given = parser.parse_args()
    run_bundle(given.bundle, given.out, Sizes(workers=given.workers), given.work)


if __name__ == "__main__":
    main()
