"""Around one call of papermill: locks, GPUs, a second attempt, a short message."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from book.pipeline import run_notebook
from book.pipeline.alone import hold
from book.pipeline.notebooks import source_hash

ROOT = Path(__file__).parents[2]
TALE = """
import pathlib, sys
place, words, status = pathlib.Path(sys.argv[1]), *sys.argv[2:]
place.write_text(place.read_text() + "x" if place.exists() else "x")
print(words, place.read_text(), file=sys.stderr)
sys.exit(0 if len(place.read_text()) > 1 else int(status))
"""


@pytest.mark.parametrize(
    ("words", "status", "expected", "attempts"),
    [
        ("zmq.error.ZMQError: Address already in use", 1, 0, 2),
        ("NameError: name 'x' is not defined", 3, 3, 1),
        ("Address already in use", 0, 0, 1),
    ],
)
def test_only_a_taken_port_is_tried_again(tmp_path, words, status, expected, attempts):
    counted, log = tmp_path / "counted", tmp_path / "log.txt"
    command = [sys.executable, "-c", TALE, str(counted), words, str(status)]
    assert run_notebook.attempt(log, command) == expected
    assert counted.read_text() == "x" * attempts
    assert log.read_text() == f"{words} {'x' * attempts}\n"


def test_a_port_that_stays_taken_is_a_failure(tmp_path):
    command = [sys.executable, "-c", "print('Address already in use'); exit(4)"]
    assert run_notebook.attempt(tmp_path / "log.txt", command) == 4


def test_devices_are_handed_out_once_each(tmp_path):
    taken = [run_notebook.take_gpu(2, tmp_path)[0] for _ in range(2)]
    assert taken == [0, 1]
    with pytest.raises(BlockingIOError, match="all 2 GPUs"):
        run_notebook.take_gpu(2, tmp_path)


def seen(folder, wanted, **surroundings):
    changed, locks = run_notebook.gpu_seen(wanted, surroundings, folder / "gpu")
    for lock in locks:
        os.close(lock)
    return (surroundings | changed).get("CUDA_VISIBLE_DEVICES")


def test_a_job_sees_its_device_alone_and_one_that_wants_none_sees_none(tmp_path):
    assert seen(tmp_path, True, CHEXNOMALY_GPUS="2") == "0"
    assert seen(tmp_path, False, CHEXNOMALY_GPUS="2") == ""
    given = {"CHEXNOMALY_GPUS": "2", "CUDA_VISIBLE_DEVICES": "6,7"}
    assert seen(tmp_path, True, **given) == "6"


def test_nothing_changes_without_a_count_or_inside_a_batch_system(tmp_path):
    assert seen(tmp_path, True) is None
    assert seen(tmp_path, True, CHEXNOMALY_GPUS="1", SLURM_JOB_ID="3") is None
    assert not (tmp_path / "gpu").exists()


PAPERMILL = """
import os, pathlib, sys, time
source, log = map(pathlib.Path, sys.argv[1:3])
log.with_suffix(".pid").write_text(str(os.getpid()))
log.with_suffix(".seen").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "all"))
with open(os.environ["CHEXNOMALY_READ_LOG"], "a") as read:
    read.write("a__test\\n")
if "slow" in sys.argv[-1]:
    time.sleep(60)
if "fails" in sys.argv[-1]:
    sys.exit("Traceback: a word from the log")
log.write_text(source.read_text())
"""


@pytest.fixture
def start(tmp_path):
    """Give a function that starts a job with something quick in papermill's place."""
    (tmp_path / "bin" / "papermill").mkdir(parents=True)
    (tmp_path / "bin" / "papermill" / "__init__.py").touch()
    (tmp_path / "bin" / "papermill" / "__main__.py").write_text(PAPERMILL)
    (tmp_path / "source.ipynb").write_text(json.dumps({"cells": [], "metadata": {}}))

    def started(limit="1", *more, **surroundings):
        command = [sys.executable, "-m", "book.pipeline.run_notebook"]
        command += ["source.ipynb", "executed.ipynb", "--log", "logs/01_one.ipynb"]
        path = os.pathsep.join([str(tmp_path / "bin"), str(ROOT)])
        surroundings = os.environ | {"PYTHONPATH": path} | surroundings
        return subprocess.Popen(
            [*command, "--limit-s", limit, *more],
            cwd=tmp_path,
            env=surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return started


def test_what_succeeds_is_copied_and_stamped(start, tmp_path):
    said, _ = start("1", "--gpu", "1", CHEXNOMALY_GPUS="1").communicate()
    assert said.startswith("01_one: running\n01_one: done in ")
    stamp = json.loads((tmp_path / "executed.ipynb").read_text())["metadata"]
    assert stamp["chexnomaly"] == {
        "source": "source.ipynb",
        "source_sha256": source_hash(tmp_path / "source.ipynb"),
        "read": ["a__test"],
    }
    assert (tmp_path / "logs" / "01_one.seen").read_text() == "0"


def test_what_fails_says_why_and_leaves_nothing_to_publish(start, tmp_path):
    job = start("fails")
    _, said = job.communicate()
    assert job.returncode == 1
    assert "a word from the log" in said
    assert "01_one: FAILED, see logs/01_one.ipynb" in said
    assert not (tmp_path / "executed.ipynb").exists()


def test_a_second_job_waits_for_one_that_outlived_its_run(start, tmp_path):
    first, pid = start("slow"), tmp_path / "logs" / "01_one.pid"
    for _ in range(200):
        time.sleep(0.05)
        if pid.exists() and pid.read_text():
            break
    orphan = int(pid.read_text())
    first.send_signal(signal.SIGKILL)
    first.communicate()
    with pytest.raises(BlockingIOError):
        hold(tmp_path / "logs" / "01_one.lock")
    second = start()
    assert second.stderr.readline() == "waiting for a job that outlived its run\n"
    os.kill(orphan, signal.SIGKILL)
    said, _ = second.communicate()
    assert second.returncode == 0 and "01_one: done" in said
