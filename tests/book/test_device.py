"""Each job that trains sees a GPU of its own, as long as it lives."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from book.pipeline import device

ROOT = Path(__file__).parents[2]
SEEN = [
    sys.executable,
    "-c",
    "import os; print(os.environ.get('CUDA_VISIBLE_DEVICES'))",
]


def seen(folder, wanted, **surroundings):
    hidden = ("CUDA_VISIBLE_DEVICES", "CHEXNOMALY_GPUS", "SLURM_JOB_ID")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    environment |= {"PYTHONPATH": str(ROOT)} | surroundings
    call = [sys.executable, "-m", "book.pipeline.device", str(wanted), *SEEN]
    done = subprocess.run(
        call, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_devices_are_handed_out_once_each(tmp_path):
    assert [device.take(2, tmp_path), device.take(2, tmp_path)] == [0, 1]
    with pytest.raises(BlockingIOError, match="all 2 GPUs"):
        device.take(2, tmp_path)


def test_a_job_sees_its_device_alone_and_one_that_wants_none_sees_none(tmp_path):
    assert seen(tmp_path, 1, CHEXNOMALY_GPUS="2") == "0"
    assert seen(tmp_path, 0, CHEXNOMALY_GPUS="2") == ""
    given = {"CHEXNOMALY_GPUS": "2", "CUDA_VISIBLE_DEVICES": "6,7"}
    assert seen(tmp_path, 1, **given) == "6"


def test_nothing_changes_without_a_count_or_inside_a_batch_system(tmp_path):
    assert seen(tmp_path, 1) == "None"
    assert seen(tmp_path, 1, CHEXNOMALY_GPUS="1", SLURM_JOB_ID="3") == "None"
    assert not (tmp_path / "_build").exists()
