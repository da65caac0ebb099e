"""The committed file of trained systems: what goes in comes out, and nothing else."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from chexnomaly import systems
from chexnomaly.datasets.store.resize import resize_square
from chexnomaly.errors import CheckpointError
from chexnomaly.systems.pretrained import (
    FILE,
    FOLD,
    KEPT,
    PRIOR,
    SEED,
    load_pretrained,
    save_pretrained,
)
from chexnomaly.tensor_files import read_tensors, write_tensors
from chexnomaly.training.schedule import Schedule
from chexnomaly.workspace import FoldRuns

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
    """Runs of every system of the file, trained for an epoch, and how to pack them."""
    root = tmp_path_factory.mktemp("packed")
    runs = FoldRuns(root / "films", "fold1_seed0", "", {"phantoms": root})
    systems.train_system("supermodel", squares, root, OPTIONS)
    for name in ("siamese_unet", *KEPT):
        systems.train_system(name, squares, runs, OPTIONS)
    for number, name in enumerate((*KEPT, PRIOR), start=1):
        cell = root / f"{name}__fold{FOLD}_seed{SEED}.json"
        cell.write_text(json.dumps({"operating": number / 10}))

    def pack(folder):
        return save_pretrained(squares, runs, root, folder)

    return runs, pack(root / "out").parent, pack


def test_a_loaded_system_predicts_what_the_trained_one_predicts(packed):
    runs, folder, _ = packed
    image = np.random.default_rng(0).random((50, 70), dtype=np.float32)
    maps = load_pretrained(folder).predict(image)
    assert set(maps) == {*KEPT, PRIOR}
    batch = torch.from_numpy(resize_square(image, 32))[None, None]
    for name in KEPT:
        trained = systems.load_system(name, runs)
        with torch.no_grad():
            expected = torch.sigmoid(trained(batch))[0, 0].numpy()
        np.testing.assert_array_equal(maps[name], expected)


def test_it_says_what_it_was_trained_on_and_keeps_the_validated_thresholds(packed):
    loaded = load_pretrained(packed[1])
    assert loaded.about["trained_on"] == "phantom"
    assert loaded.size == 32
    assert (loaded.about["fold"], loaded.about["seed"]) == (FOLD, SEED)
    assert loaded.thresholds == dict(zip((*KEPT, PRIOR), (0.1, 0.2, 0.3), strict=True))


def test_two_writings_give_the_same_bytes(packed, tmp_path):
    _, folder, pack = packed
    again = pack(tmp_path)
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
    assert loaded.about["trained_on"] == "open-images"
    maps = loaded.predict(np.random.default_rng(0).random((90, 80), np.float32))
    assert all(m.shape == (loaded.size,) * 2 for m in maps.values())
    assert all(np.isfinite(m).all() and m.std() > 0 for m in maps.values())
