"""The committed file of trained systems: what goes in comes out, and nothing else."""

import shutil
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from chexnomaly import evaluation, systems
from chexnomaly.datasets.store.resize import resize_square
from chexnomaly.errors import CheckpointError
from chexnomaly.evaluation.evaluator import Evaluator, TestSet
from chexnomaly.systems import baselines
from chexnomaly.systems.pretrained import (
    FILE,
    KEPT,
    PRIOR,
    load_pretrained,
    save_pretrained,
)
from chexnomaly.tensor_files import read_tensors, write_tensors
from chexnomaly.training.schedule import Schedule
from chexnomaly.workspace import Workspace

COMMITTED = Path(__file__).parents[2] / "book" / "reference" / "pretrained"
OPTIONS = systems.Options(
    base_channels=4,
    depth=3,
    convolutions=1,
    batch_norm=True,
    augment=False,
    schedule=Schedule(epochs=1, batch_size=8),
)


@pytest.fixture(scope="module")
def packed(squares, tmp_path_factory):
    """A workspace with every system of the file trained for an epoch, and the file."""
    root = tmp_path_factory.mktemp("packed")
    workspace = Workspace("tiny", root)
    shutil.copytree(squares.root, workspace.data / "vindr")
    systems.train_system("siamese_unet", squares, workspace.runs, OPTIONS)
    parameters = asdict(OPTIONS)
    study = Evaluator(workspace, "any", squares, resamples=20, parameters=parameters)
    tests = {"vindr_test": TestSet(squares.part("test"), squares.origin)}
    prior = baselines.mean_mask(squares.part("train"))
    study.measure(PRIOR, partial(baselines.fixed_map, probs=prior), tests)
    for name in KEPT:
        one = systems.train_system(name, squares, workspace.runs, OPTIONS)
        study.measure(name, partial(evaluation.predict, one.model), tests)
    return workspace, save_pretrained(workspace, root / "out").parent


def test_a_loaded_system_predicts_what_the_trained_one_predicts(packed):
    workspace, folder = packed
    image = np.random.default_rng(0).random((50, 70), dtype=np.float32)
    maps = load_pretrained(folder).predict(image)
    assert set(maps) == {*KEPT, PRIOR}
    batch = torch.from_numpy(resize_square(image, 32))[None, None]
    for name in KEPT:
        trained = systems.load_system(name, workspace.runs)
        with torch.no_grad():
            expected = torch.sigmoid(trained(batch))[0, 0].numpy()
        np.testing.assert_array_equal(maps[name], expected)


def test_it_says_what_it_was_trained_on_and_keeps_the_validated_thresholds(packed):
    loaded = load_pretrained(packed[1])
    assert loaded.about["trained_on"] == "phantom"
    assert loaded.size == 32
    assert set(loaded.thresholds) == {*KEPT, PRIOR}
    assert all(0 < t < 1 for t in loaded.thresholds.values())


def test_two_writings_give_the_same_bytes(packed, tmp_path):
    workspace, folder = packed
    again = save_pretrained(workspace, tmp_path)
    assert again.read_bytes() == (folder / FILE).read_bytes()


def test_a_file_of_other_systems_is_refused(packed, tmp_path):
    tensors, meta = read_tensors(packed[1] / FILE)
    write_tensors(tmp_path / FILE, tensors, meta | {"systems": ["unheard_of"]})
    with pytest.raises(CheckpointError, match="another program"):
        load_pretrained(tmp_path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(CheckpointError):
        load_pretrained(tmp_path)


def test_a_color_image_is_refused(packed):
    with pytest.raises(ValueError, match="shape"):
        load_pretrained(packed[1]).predict(np.zeros((8, 8, 3), np.float32))


def test_the_committed_file_is_small_and_predicts():
    assert (COMMITTED / FILE).stat().st_size < 1_000_000
    loaded = load_pretrained(COMMITTED)
    assert loaded.about["trained_on"] == "phantom"
    maps = loaded.predict(np.random.default_rng(0).random((90, 80), np.float32))
    assert all(m.shape == (loaded.size,) * 2 for m in maps.values())
    assert all(np.isfinite(m).all() and m.std() > 0 for m in maps.values())
