"""A damaged or refused file is named, what is good stays, and the next run goes on."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from chexnomaly.datasets.store.preparing import prepare_store
from chexnomaly.datasets.store.store import Store
from chexnomaly.errors import CheckpointError, StoreError
from chexnomaly.losses import sigmoid_focal_loss
from chexnomaly.models.unet import UNet
from chexnomaly.tensor_files import read_tensors, write_tensors
from chexnomaly.training.loop import train
from chexnomaly.training.schedule import Schedule, seeded_model

ROOT = Path(__file__).parents[1]


def flip(path: Path, position: int) -> bytes:
    """Flip one bit of one byte; return the file as it was."""
    before = path.read_bytes()
    changed = bytearray(before)
    changed[position] ^= 1 << position % 8
    path.write_bytes(changed)
    return before


def positions(path: Path, most: int = 40) -> list[int]:
    """Positions all over a file, its first and last bytes among them."""
    size = path.stat().st_size
    return sorted(
        {0, 1, 7, 8, 9, size - 1, *np.linspace(0, size - 1, most).astype(int)}
    )


def read_npy(path: Path) -> np.ndarray:
    return np.load(path)


def make_store(folder: Path) -> tuple[Store, list]:
    images = {}
    for i in range(3):
        images[f"i{i}"] = folder / f"{i}.npy"
        if not images[f"i{i}"].exists():
            rng = np.random.default_rng(i)
            np.save(images[f"i{i}"], rng.random((8, 8), dtype=np.float32))
    return prepare_store(images, folder / "store", 8, read=read_npy)


@pytest.mark.parametrize("name", ["images.npy", "index.csv", "manifest.json"])
def test_a_flipped_bit_anywhere_in_a_store_is_refused_and_mended(tmp_path, name):
    make_store(tmp_path)
    path = tmp_path / "store" / name
    good = {p.name: p.read_bytes() for p in (tmp_path / "store").iterdir()}
    for position in positions(path):
        flip(path, position)
        with pytest.raises(StoreError, match="store"):
            Store.open(tmp_path / "store", verify=True)
        make_store(tmp_path)
        Store.open(tmp_path / "store", verify=True)
        assert {p.name: p.read_bytes() for p in (tmp_path / "store").iterdir()} == good


def test_a_flipped_bit_anywhere_in_a_checkpoint_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    write_tensors(path, {"a": torch.arange(9.0), "b": torch.ones(3)}, {"n": 1})
    for position in range(path.stat().st_size):
        before = flip(path, position)
        with pytest.raises(CheckpointError, match="model.safetensors"):
            read_tensors(path)
        path.write_bytes(before)


def fit(folder: Path, epochs: int = 3):
    images = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    data = TensorDataset(images, (images > 0.8).float())
    model = seeded_model(lambda: UNet(base_channels=2, depth=2), 0)
    schedule = Schedule(epochs=epochs, batch_size=4)
    return train(model, sigmoid_focal_loss, data, data, folder, schedule)


@pytest.mark.parametrize("name", ["model.safetensors", "checkpoint.safetensors"])
def test_a_damaged_run_is_said_and_trained_anew_to_the_same_bytes(tmp_path, name):
    fit(tmp_path / "a")
    good = {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()}
    flip(tmp_path / "a" / name, len(good[name]) // 2)
    with pytest.warns(UserWarning, match=f"training starts anew: .*{name}"):
        fit(tmp_path / "a")
    assert {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()} == good


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 256 kB; mounting one takes root."""
    call = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path)]
    if shutil.which("mount") is None or subprocess.run(call, stderr=-3).returncode:
        pytest.skip("no right to mount a small disk")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_a_full_disk_costs_no_store_image_and_no_checkpoint(small_disk):
    fit(small_disk / "run", epochs=1)
    before = read_tensors(small_disk / "run" / "checkpoint.safetensors")[1]
    (small_disk / "filler").write_bytes(bytes(256 * 1024 - 4096 * used(small_disk)))
    with pytest.raises(OSError, match="No space left"):
        write_tensors(
            small_disk / "run" / "checkpoint.safetensors", {"a": torch.ones(9999)}, {}
        )
    with pytest.raises(StoreError, match="cannot write .No space left"):
        prepare_store({}, small_disk / "store", 8, read=read_npy)
    assert read_tensors(small_disk / "run" / "checkpoint.safetensors")[1] == before
    (small_disk / "filler").unlink()
    store, refused = prepare_store({}, small_disk / "store", 8, read=read_npy)
    assert (len(store), refused) == (0, [])
    assert fit(small_disk / "run", epochs=1).epoch == 1


def used(folder: Path) -> int:
    """Pages of a small disk that are in use."""
    return -(-shutil.disk_usage(folder).used // 4096)


def test_a_read_only_disk_is_one_line(small_disk):
    remount = ["mount", "-o", "remount,ro", str(small_disk)]
    subprocess.run(remount, check=True)
    lock = small_disk / "b" / "lock"
    call = [sys.executable, "-m", "book.pipeline.alone", str(lock), "x"]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == f"Cannot write to {lock}: Read-only file system.\n"
