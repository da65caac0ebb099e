"""Several processes share each batch and train what one would."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chexnomaly.tensor_files import read_tensors
from chexnomaly.training.batches import share_of
from tests.ddp_run import small_run

ROOT = Path(__file__).parents[2]


def test_each_batch_is_dealt_out_whole():
    order = [4, 2, 0, 1, 3, 6, 5]
    assert share_of(order, 4, rank=0, world=2) == [4, 0, 3, 5]
    assert share_of(order, 4, rank=1, world=2) == [2, 1, 6]
    assert share_of(order, 4, rank=0, world=1) == order


def test_a_process_without_an_image_is_refused():
    from chexnomaly.training.batches import check_shares

    with pytest.raises(ValueError, match="that 2 processes can share"):
        check_shares(n_train=17, n_val=4, batch_size=8, world=2)
    with pytest.raises(ValueError, match="batches of 7"):
        check_shares(n_train=14, n_val=4, batch_size=7, world=2)
    check_shares(n_train=17, n_val=4, batch_size=8, world=1)


@pytest.mark.slow
@pytest.mark.trust
def test_two_processes_have_the_loss_curve_of_one(tmp_path):
    alone = small_run(tmp_path / "alone")
    call = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    call += ["--nproc-per-node", "2", str(ROOT / "tests" / "ddp_run.py")]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*call, str(tmp_path / "shared")],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    _, meta = read_tensors(tmp_path / "shared" / "checkpoint.safetensors")
    for name, values in (("train", alone.train_loss), ("val", alone.val_loss)):
        assert meta["history"][f"{name}_loss"] == pytest.approx(values, abs=1e-5, rel=0)
    assert alone.train_loss[-1] < alone.train_loss[0] - 1e-3  # far more than 1e-5
