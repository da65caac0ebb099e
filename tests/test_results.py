"""Results files: the same bytes every time, and named refusals."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chexnomaly.errors import ResultError
from chexnomaly.results import READ_LOG, read_result, results_frame, write_result

VALUES = {"iou_c": {"value": 0.41, "low": 0.37, "high": 0.45, "n": 117}}


def write(folder, **changes):
    arguments = {
        "profile": "tiny",
        "notebook": "03_supermodels",
        "trained_on": "phantom",
        "scored_on": "phantom",
        "n": 400,
        "values": VALUES,
        "seeds": [0],
    }
    return write_result(folder, "supermodel", "vindr_test", **(arguments | changes))


def test_a_result_reads_back_with_its_evidence(tmp_path):
    result = read_result(write(tmp_path, threshold={"paper": 0.5, "operating": 0.35}))
    assert result["values"] == VALUES
    assert result["evidence"] == "phantom"
    assert result["threshold"]["operating"] == 0.35


@pytest.mark.parametrize(
    ("trained", "scored", "level"),
    [
        ("phantom", "images", "phantom-to-real"),
        ("images", "images", "images"),
        (None, "annotations", "annotations"),
    ],
)
def test_the_level_is_computed_not_given(tmp_path, trained, scored, level):
    path = write(tmp_path, trained_on=trained, scored_on=scored)
    assert read_result(path)["evidence"] == level


def test_times_stand_in_the_stamp_and_never_in_the_result(tmp_path):
    first = write(tmp_path / "a", started=0.0).read_bytes()
    second = write(tmp_path / "b", started=5.0).read_bytes()
    assert first == second
    stamp = json.loads((tmp_path / "a/supermodel__vindr_test.stamp.json").read_text())
    assert stamp["wall_s"] > 0
    assert stamp["versions"]["torch"] and stamp["hardware"]["cores"]


def test_a_stamp_holds_what_two_runs_may_differ_in(tmp_path):
    hashes = {"data_hash": "ab", "split_hash": "cd", "seeds": [3]}
    write(tmp_path, **hashes)
    stamp = json.loads((tmp_path / "supermodel__vindr_test.stamp.json").read_text())
    assert {name: stamp[name] for name in hashes} == hashes
    assert stamp["deterministic"] is False


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 99}', '{"schema": 1}'])
def test_broken_files_are_refused(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ResultError, match="x.json"):
        read_result(path)


def test_results_side_by_side(tmp_path):
    frame = results_frame([write(tmp_path)], {"iou_c": "IoU", "other": "?"})
    assert frame.loc["supermodel"].tolist() == [
        "0.410 [0.370, 0.450]",
        "–",
        400,
        "phantom",
    ]


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ResultError, match="missing.json"):
        read_result(tmp_path / "missing.json")


def test_a_value_that_is_not_a_number_never_reaches_a_file(tmp_path):
    with pytest.raises(ValueError):
        write(tmp_path, values={"iou_c": {"value": float("nan")}})
    assert not (tmp_path / "supermodel__vindr_test.json").exists()


def test_what_is_read_is_noted_where_asked(tmp_path, monkeypatch):
    path = write(tmp_path)
    read_result(path)
    log = tmp_path / "read"
    monkeypatch.setenv(READ_LOG, str(log))
    read_result(path)
    with pytest.raises(ResultError):
        read_result(tmp_path / "missing.json")
    assert log.read_text() == f"{path.stem}\n"


ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("ours", [False, True])
def test_the_commit_is_of_the_repository_that_holds_this_code(
    tmp_path, monkeypatch, ours
):
    for name in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"):
        monkeypatch.setenv(name, "x")
    for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(name, "x@y")
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "chexnomaly", tmp_path / "chexnomaly", ignore=ignore)

    def git(*arguments):
        done = subprocess.run(
            ["git", *arguments], cwd=tmp_path, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    git("init", "-q")
    if ours:
        git("add", "chexnomaly")
    git("commit", "-q", "--allow-empty", "-m", "thesis")
    monkeypatch.setenv("GIT_DIR", str(ROOT / ".git"))
    command = [sys.executable, "-c"]
    command += ["import chexnomaly.results as r; print(r._commit())"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    monkeypatch.delenv("GIT_DIR")
    expected = git("rev-parse", "--short=12", "HEAD") if ours else "None"
    assert said.stdout.strip() == expected
