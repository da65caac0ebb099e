"""The grid for a GPU runs end to end at tiny size, and is the one that is stated."""

import json
from pathlib import Path

import numpy as np
import pytest

from chexnomaly.profiles import load_profile
from chexnomaly.results import read_result
from chexnomaly.systems import RECIPES, SPECIALIZED, Options
from tests.benchmarks.gpu_grid import BEFORE, BUNDLES, Sizes, run_bundle

ROOT = Path(__file__).parents[1]
TINY = Sizes(
    counts=(160, 80, 80),
    size=32,
    chosen={"base_channels": 2, "depth": 3, "epochs": 1, "batch_size": 8, "workers": 0},
    resamples=50,
    workers=1,
)
"""The same way in seconds on a processor; its numbers mean nothing."""


def test_every_system_of_the_paper_is_in_one_bundle_after_what_it_builds_on():
    flat = [system for bundle in BUNDLES.values() for system in bundle]
    assert len(flat) == len(set(flat))
    plain = {s for s, r in RECIPES.items() if "__" not in s and r.kind != "classifier"}
    assert plain | set(BEFORE) <= set(flat) <= set(RECIPES)
    for bundle in BUNDLES.values():
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
@pytest.mark.parametrize("bundle", BUNDLES)
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
