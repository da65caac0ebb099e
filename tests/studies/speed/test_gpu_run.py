"""The grid for a GPU runs end to end at tiny size, and is the one that is stated."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from chexnomaly.profiles import load_profile
from chexnomaly.results import read_result
from chexnomaly.studies.speed import step_cost
from chexnomaly.studies.speed.gpu_run import BEFORE, BUNDLES, Sizes, run_bundle
from chexnomaly.systems import RECIPES, SPECIALIZED, Options
from tests.benchmarks.reporting import step_bytes

ROOT = Path(__file__).parents[3]
TINY = Sizes(
    counts=(160, 80, 80),
    size=32,
    chosen={"base_channels": 2, "depth": 3, "epochs": 1, "batch_size": 8, "workers": 0},
    resamples=50,
    workers=1,
    step=step_cost.StepSizes(
        widths=(2,), size=32, batch=2, depth=3, matrix=64, repeats=2
    ),
)
"""The same way in seconds on a processor; its numbers mean nothing."""


def test_every_system_of_the_paper_is_in_one_bundle_after_what_it_builds_on():
    flat = [system for bundle in BUNDLES for system in bundle]
    assert len(flat) == len(set(flat))
    plain = {s for s, r in RECIPES.items() if "__" not in s and r.kind != "classifier"}
    assert plain | set(BEFORE) <= set(flat) <= set(RECIPES)
    for bundle in BUNDLES:
        for place, system in enumerate(bundle):
            assert set(RECIPES[system].needs) <= set(bundle[:place])


def test_the_profile_has_the_sizes_of_the_command():
    profile, sizes = load_profile(ROOT / "notebooks/profiles/reference.yml"), Sizes()
    data = profile.section("02_data")
    assert data["n_films"] == sum(sizes.counts)
    assert data["size_px"] == data["shortest_px"] == data["longest_px"] == sizes.size
    shares = np.array(sizes.counts[1:]) / sum(sizes.counts)
    assert [data["val_share"], data["test_share"]] == shares.round(4).tolist()
    for notebook, system in {
        "03_supermodels": "supermodel",
        "04_specialized_models": SPECIALIZED[0],
        "06_siamese_networks": "siamese_unet",
        "07_chexnomaly": "chexnomaly",
    }.items():
        options = sizes.options(system)
        workers = options.schedule.workers
        assert options == Options.from_profile("reference", notebook, workers=workers)


@pytest.mark.slow
@pytest.mark.parametrize("bundle", range(1, len(BUNDLES)))
def test_a_bundle_runs_alone_and_brings_back_every_result(tmp_path, bundle):
    run_bundle(bundle, tmp_path / "out", TINY, tmp_path / "work")
    for system in BUNDLES[bundle]:
        key = "reference_test"
        if system.startswith("siamese"):
            key = "reference_pairs"
        elif system.startswith("specialized"):
            key = "reference_specialized_test"
        result = read_result(tmp_path / "out" / f"{system}__{key}.json")
        assert result["evidence"] == "phantom"
        assert (tmp_path / "out" / f"{system}__{key}.stamp.json").exists()
    report = json.loads((tmp_path / "out" / f"bundle_{bundle}.json").read_text())
    assert set(report["seconds"]) == {"films", *BUNDLES[bundle]}
    size = sum(file.stat().st_size for file in (tmp_path / "out").iterdir())
    assert size < 1_000_000


def test_operations_of_a_step_are_counted_by_pencil_for_one_convolution():
    model = torch.nn.Conv2d(3, 5, 3, padding=1, bias=False)
    # Forward and the gradient of the weights: 2 x 3 x 5 x 9 operations per pixel each;
    # the image needs no gradient.
    assert step_cost.step_operations(model, (2, 3, 8, 8)) == 2 * (2 * 135 * 2 * 64)


def test_bytes_of_a_step_are_counted_by_pencil_for_one_convolution():
    model = torch.nn.Conv2d(3, 5, 3, padding=1, bias=False)
    # Image 2 x 3 x 64, weights 135, output 2 x 5 x 64; thrice, four bytes a number.
    assert step_bytes(model, (2, 3, 8, 8)) == 3 * 4 * (384 + 135 + 640)


def test_costs_are_measured_for_each_width_and_part():
    report = step_cost.measure_costs(TINY.step)
    part = report["unet"]["2"]
    assert set(part["seconds"]) == {"step", "step_from_store", "transform", "matrix"}
    assert part["operations"] > 0 and part["floor_s"] > 0


def test_maps_for_timing_have_blobs_of_which_some_overlap_the_threshold():
    maps = step_cost.blobs(4, 64, torch.device("cpu"))
    share = (maps > 0.5).float().mean()
    assert 0.02 < share < 0.4
    assert maps.min() >= 0 and maps.max() <= 1
