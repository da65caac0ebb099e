"""The whole grid at 512 px and half width, in bundles for a bare machine with a GPU.

    python -m chexnomaly.studies.speed.gpu_run --bundle 1 --out FOLDER

Each bundle renders the same films, trains and scores systems that build on each other,
and needs nothing of another bundle: it may run on a machine of its own that is taken
away afterwards. Bundle 0 trains nothing and measures what a step costs. What comes back
in the folder is JSON. An interrupted bundle goes on where it was.
"""

import json
import shutil
import time
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import torch

from chexnomaly import evaluation, results, systems
from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.datasets.sampling import specialized_part
from chexnomaly.evaluation.evaluator import Evaluator, Predictor, TestSet
from chexnomaly.evaluation.pairs import score_pairs, summarize_pairs
from chexnomaly.labels import NAMED_IN_FIGURE_14
from chexnomaly.studies.design import Design, command_line
from chexnomaly.studies.speed.step_cost import StepSizes, measure_costs
from chexnomaly.systems import baselines
from chexnomaly.workspace import Workspace

BEFORE = tuple(
    f"specialized_{finding}__cross_entropy" for finding in NAMED_IN_FIGURE_14
)
"""The "before" of Fig. 14, for the findings that its caption names."""

BUNDLES: tuple[tuple[str, ...], ...] = (
    (),
    (
        *("supermodel", "supermodel__plain_focal", "supermodel_oversampled"),
        "attention_supermodel",
    ),
    (
        "siamese_unet",
        *(f"chexnomaly{arm}" for arm in ("", "__concat", "__random_base")),
    ),
    ("siamese_cnn", "chexnomaly_cnn"),
    (*systems.SPECIALIZED, *BEFORE, "max_ensemble", "model_ensemble"),
)
"""Systems of each bundle, each after what it builds on."""

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
class Sizes(Design):
    """How large the grid is. A bare machine reads no profile: its options stand here.

    Attributes:
        resamples: Bootstrap samples per interval.
        step: What bundle 0 measures.
    """

    counts: tuple[int, int, int] = (1000, 100, 300)
    size: int = 512
    cohort: int = 31
    workers: int = 16
    resamples: int = 1000
    step: StepSizes = field(default_factory=StepSizes)

    def options(self, system: str, **chosen) -> systems.Options:
        """Give a system's options; what is chosen wins."""
        own = OWN_OPTIONS.get(systems.find_recipe(system).section, {})
        given = {**HALF_WIDTH, **own, **self.chosen, **chosen}
        return systems.Options.from_parameters(**given)


def run_bundle(bundle: int, out: Path, sizes: Sizes, work: Path) -> None:
    """Run one bundle.

    Args:
        bundle: Its number, an index into `BUNDLES`.
        out: Receives results files, stamps and `bundle_<n>.json`.
        sizes: How large.
        work: Receives films and runs; what is finished there is taken up.
    """
    out.mkdir(parents=True, exist_ok=True)
    if bundle == 0:
        write_report(out / "bundle_0.json", measure_costs(sizes.step))
        return
    started = time.perf_counter()
    data = sizes.films(work / "films", size_px=(sizes.size, sizes.size))
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
    write_report(out / f"bundle_{bundle}.json", report)


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


def write_report(path: Path, report: dict) -> None:
    """Write what a bundle took, with the machine it ran on."""
    stamp = {"hardware": results.hardware(), "torch": torch.__version__}
    text = json.dumps(report | stamp, indent=1, sort_keys=True) + "\n"
    path.write_text(text, encoding="utf-8")


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 1)


def main() -> None:
    """Run one bundle, with its own sizes."""
    work = Workspace.open("reference").root / "_build" / "reference"
    parser = command_line(__doc__, work)
    parser.add_argument("--bundle", type=int, required=True, choices=range(5))
    parser.set_defaults(workers=Sizes.workers)
    given = parser.parse_args()
    run_bundle(given.bundle, given.out, Sizes(workers=given.workers), given.work)


if __name__ == "__main__":
    main()
