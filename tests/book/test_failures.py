"""What failed is said in one line; what is damaged is made again."""

import json

import pytest

from book.pipeline import failures


def executed(folder, name=None, message=""):
    """Write a notebook as papermill leaves it, failed or not."""
    error = {"output_type": "error", "ename": name, "evalue": message, "traceback": []}
    cell = {"cell_type": "code", "outputs": [error] if name else []}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "03_three.ipynb"
    path.write_text(json.dumps({"cells": [cell]}))
    return path


@pytest.mark.parametrize(
    ("name", "message", "words"),
    [
        ("OSError", "[Errno 28] No space left on device", "the disk is full"),
        ("OSError", "[Errno 30] Read-only file system: 'x'", "folder is read-only"),
        (
            "StoreError",
            "a/store: cannot write (x)",
            "StoreError: a/store: cannot write",
        ),
    ],
)
def test_an_error_of_the_machine_or_of_the_library_is_one_line(
    tmp_path, name, message, words
):
    said = failures.explain(executed(tmp_path, name, message), "Traceback ...")
    assert words in said and "\n" not in said


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("nbclient.exceptions.DeadKernelError: Kernel died", "its kernel was killed"),
        ("CellTimeoutError: A cell timed out", "ran over the time limit"),
    ],
)
def test_a_kernel_that_could_not_say_so_is_known_by_the_log(tmp_path, log, words):
    assert words in failures.explain(executed(tmp_path), log)


@pytest.mark.parametrize("name", ["ZeroDivisionError", "Refusal", "dataclass"])
def test_any_other_error_keeps_its_traceback(tmp_path, name):
    assert failures.explain(executed(tmp_path, name, "x"), "Traceback") is None


def test_a_torn_notebook_explains_nothing(tmp_path):
    path = executed(tmp_path)
    path.write_text(path.read_text()[:-9])
    assert failures.explain(path, "Traceback") is None
    assert failures.explain(tmp_path / "none.ipynb", "Traceback") is None


@pytest.mark.parametrize(("where", "left"), [("_build/runs/x", 0), ("/mine/x", 1)])
def test_only_what_was_built_here_is_made_again(tmp_path, capsys, where, left):
    good = executed(tmp_path / "notebooks" / "tiny")
    message = f"{where}: content does not match its hash"
    bad = executed(tmp_path / "logs" / "tiny", "CheckpointError", message)
    failures.report("03_three", bad, tmp_path / "none.txt")
    assert good.exists() == bool(left)
    assert f"03_three: CheckpointError: {message}\n" in capsys.readouterr().err
