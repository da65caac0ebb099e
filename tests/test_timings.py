"""What a build spends is told by stage, and nothing of it is lost."""

import importlib
import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from tests.benchmarks import __path__ as FOLDERS

BURN = """
import time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(1000))
"""


@pytest.fixture
def time_build(monkeypatch):
    """The module, imported as a command would."""
    monkeypatch.syspath_prepend(list(FOLDERS)[0])
    return importlib.import_module("time_build")


@pytest.fixture
def sampled(time_build, monkeypatch, tmp_path):
    """A library that burns time, and what its processes are told to keep."""
    for room, name in {"training": "loop", "evaluation": "scores"}.items():
        folder = tmp_path / "chexnomaly" / room
        folder.mkdir(parents=True)
        (folder / f"{name}.py").write_text(BURN)
    sampler = os.path.dirname(time_build.sitecustomize.__file__)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([sampler, str(tmp_path)]))
    monkeypatch.setenv("CHEXNOMALY_TIMINGS", str(tmp_path))
    return tmp_path


CODE = """
from chexnomaly.training.loop import burn
from chexnomaly.evaluation.scores import burn as score
import os, sys, time
burn(0.4)
if sys.argv[1:] == ["fork"] and os.fork() != 0:
    os.wait()
score(0.2)
print(time.process_time())
"""


@pytest.mark.parametrize("more", [[], ["fork"]])
def test_each_stage_gets_what_was_spent_in_it_and_the_sum_is_all(
    time_build, sampled, more
):
    call = [sys.executable, "-c", CODE, *more]
    spent = sum(map(float, subprocess.check_output(call, cwd=sampled).split()))
    kept = [json.loads(file.read_text())["seconds"] for file in sampled.glob("*.json")]
    assert len(kept) == 1 + len(more)
    seconds = sum(map(Counter, kept), Counter())
    assert seconds["training"] == pytest.approx(0.4, abs=0.1)
    assert seconds["scoring"] == pytest.approx(0.2 * len(kept), abs=0.1)
    assert seconds.total() == pytest.approx(spent, abs=0.1)


def test_stages_belong_to_kernels_and_programs_are_one_stage_each(time_build, tmp_path):
    said = {
        "a": ["python", "-m", "ipykernel_launcher"],
        "b": ["python", "-m", "papermill"],
        "c": ["python", "-m", "something"],
    }
    seconds = {"training": 2.0, "other": 1.0}
    for name, command in said.items():
        content = json.dumps({"command": command, "seconds": seconds})
        (tmp_path / f"{name}.json").write_text(content)
    assert time_build.stages_of(tmp_path) == {
        "training": 2,
        "kernels, beside their cells": 1,
        "papermill": 3,
        time_build.UNSEEN: 3,
    }


def test_a_build_is_timed_in_a_copy_and_one_that_fails_is_no_timing(time_build):
    say = "import os, sys; sys.exit(os.path.exists('_build') or len(os.listdir()) < 9)"
    report = time_build.time_build("tiny", [sys.executable, "-c", say])
    assert sum(report["stages"].values()) == pytest.approx(report["processor_s"], abs=1)
    with pytest.raises(subprocess.CalledProcessError):
        time_build.time_build("tiny", [sys.executable, "-c", "raise SystemExit(1)"])
