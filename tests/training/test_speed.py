"""What makes training fast changes no result, and needs few packages."""

import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from chexnomaly.results import read_result
from chexnomaly.training.devices import moved_ahead
from tests.training.test_loop import run, same_weights, squares

ROOT = Path(__file__).parents[2]

NEEDED = {"lightning-fabric", "numpy", "pandas", "safetensors", "scipy", "torch"}
"""What a bare machine with a GPU must have; tqdm is loaded where it is there."""

ON_A_BARE_MACHINE = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in set(sys.argv[2].split()):
            raise ModuleNotFoundError(f"not on a bare machine: {name}")

sys.meta_path.insert(0, Absent())

from pathlib import Path
from tests.benchmarks.gpu_grid import Sizes, run_bundle

sys.path.insert(0, "tests/benchmarks")
from step_cost import StepSizes, measure_costs

chosen = {"base_channels": 2, "depth": 3, "epochs": 1, "workers": 0}
step = StepSizes(widths=(2,), size=32, batch=2, depth=3, matrix=64, repeats=2)
small = Sizes((20, 8, 12), 32, chosen=chosen, resamples=50, workers=1)
for bundle in map(int, sys.argv[3:]):
    if bundle == 0:
        measure_costs(step)
        continue
    run_bundle(bundle, Path(sys.argv[1], "out"), small, Path(sys.argv[1], "work"))
"""


def absent_modules() -> list[str]:
    """What the project's other dependencies install."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.match(r"[\w-]+", line)[0] for line in project["dependencies"]}
    others = names - NEEDED - {"tqdm"}
    owners = metadata.packages_distributions()
    return [m for m, dists in owners.items() if others & {d.lower() for d in dists}]


def test_the_modules_that_are_taken_away_are_those_meant():
    assert {"cv2", "pydicom", "skimage", "PIL", "matplotlib", "pandera", "yaml"} <= set(
        absent_modules()
    )


def on_a_bare_machine(folder: Path, *bundles: str) -> None:
    absent = " ".join(absent_modules())
    command = [sys.executable, "-c", ON_A_BARE_MACHINE, str(folder), absent, *bundles]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_training_path_is_imported_with_few_packages(tmp_path):
    on_a_bare_machine(tmp_path)


@pytest.mark.slow
def test_films_training_and_scores_need_few_packages(tmp_path):
    on_a_bare_machine(tmp_path, "0", "3")
    result = read_result(tmp_path / "out" / "chexnomaly_cnn__reference_test.json")
    assert result["evidence"] == "phantom"


def test_batches_moved_ahead_are_the_batches_in_their_order():
    loader = DataLoader(squares(10, 1), batch_size=4)
    ahead = [*moved_ahead(loader, torch.device("cpu"))]
    assert [len(batch[0]) for batch in ahead] == [4, 4, 2]
    for moved, batch in zip(ahead, loader, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(moved, batch, strict=True))
    assert [*moved_ahead([], torch.device("cpu"))] == []


def test_one_batch_is_read_ahead_and_no_more():
    read = []

    def batches():
        for k in range(4):
            read.append(k)
            yield [torch.tensor(k)]

    for used, _ in enumerate(moved_ahead(batches(), torch.device("cpu"))):
        assert len(read) == min(used + 2, 4)


def test_workers_outlive_an_epoch_and_change_nothing(tmp_path):
    alone, history = run(tmp_path / "alone", epochs=3)
    helped, same_history = run(tmp_path / "helped", epochs=3, workers=1)
    assert same_weights(alone, helped)
    assert history == same_history


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="compiling needs a C++ compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_network_learns_the_same_and_loads_as_any_other(tmp_path):
    plain, history = run(tmp_path / "plain", epochs=2)
    quick, quick_history = run(tmp_path / "quick", epochs=2, compiled=True)
    assert quick_history.val_loss == pytest.approx(history.val_loss, rel=1e-3)
    assert [*quick.state_dict()] == [*plain.state_dict()]
    assert (tmp_path / "quick" / "model.safetensors").exists()
