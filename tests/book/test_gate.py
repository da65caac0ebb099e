"""The gate lets a good notebook through and tells every planted fault."""

import copy
import json

import pytest

from book.pipeline import gate

IMAGE = {
    "output_type": "display_data",
    "data": {"image/png": "iVBORw0"},
    "metadata": {},
}
ERROR = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}


def code(source, *outputs, count=1, **metadata):
    return {
        "cell_type": "code",
        "source": source,
        "outputs": list(outputs),
        "execution_count": count,
        "metadata": metadata,
    }


def html(text):
    return {"output_type": "display_data", "data": {"text/html": text}, "metadata": {}}


GOOD = {
    "cells": [
        {"cell_type": "markdown", "source": "# Title", "metadata": {}},
        code("plot()", IMAGE, tags=["figure"]),
        code("", count=None),
        code("1 + 1", html("<a href='https://a.org'>a link is no load</a>")),
    ],
    "metadata": {},
}


@pytest.fixture
def pair(tmp_path):
    source = tmp_path / "source.ipynb"
    source.write_text(json.dumps({"cells": [], "metadata": {}}))
    executed = tmp_path / "executed.ipynb"
    executed.write_text(json.dumps(GOOD))
    gate.stamp(executed, source, read_log(tmp_path))
    return executed, source


def read_log(folder, text=""):
    path = folder / "executed.read"
    path.write_text(text)
    return path


def change(executed, edit):
    notebook = json.loads(executed.read_text())
    edit(notebook)
    executed.write_text(json.dumps(notebook))


def test_a_good_notebook_passes(pair):
    assert gate.faults(*pair) == []
    assert gate.main([*map(str, pair)]) == 0


def test_films_to_look_at_are_a_picture(pair):
    films = html('<img alt="a film" src="data:image/webp;base64,UklGR">')
    change(pair[0], lambda n: n["cells"][1].update(outputs=[films]))
    assert gate.faults(*pair) == []
    change(pair[0], lambda n: n["cells"][1].update(outputs=[html("<p>none</p>")]))
    assert any("has no image" in fault for fault in gate.faults(*pair))


FAULTS = {
    "failed with ValueError": lambda n: n["cells"].append(code("x", ERROR)),
    "stopped at an exception": lambda n: n["metadata"].update(
        papermill={"exception": True}
    ),
    "was not executed": lambda n: n["cells"][1].update(execution_count=None),
    "has no image": lambda n: n["cells"][1].update(outputs=[]),
    "is stale": lambda n: n["metadata"]["chexnomaly"].update(source_sha256="0"),
    "widget state": lambda n: n["metadata"].update(widgets={"a": 1}),
    "from outside": lambda n: n["cells"].append(
        code("x", html('<script src="https://cdn.example/x.js"></script>'))
    ),
}


@pytest.mark.parametrize("message", FAULTS)
def test_a_planted_fault_is_told(pair, message, capsys):
    change(pair[0], FAULTS[message])
    assert [fault for fault in gate.faults(*pair) if message in fault]
    assert gate.main([*map(str, pair)]) == 1
    assert "nothing was published" in capsys.readouterr().err


def test_a_figure_named_in_the_metadata_needs_its_image_too(pair):
    named = code("plot()", mystnb={"figure": {"name": "fig-a"}})
    change(pair[0], lambda n: n["cells"].append(named))
    assert "has no image" in gate.faults(*pair)[0]


def test_an_edited_source_makes_the_executed_notebook_stale(pair):
    executed, source = pair
    source.write_text(source.read_text() + "\n")
    assert "is stale" in gate.faults(executed, source)[0]


def test_an_unstamped_notebook_is_stale(pair):
    change(pair[0], lambda n: n["metadata"].pop("chexnomaly"))
    assert "is stale" in gate.faults(*pair)[0]


def test_missing_and_broken_files_are_told(pair, tmp_path):
    executed, source = pair
    assert gate.faults(tmp_path / "none", source) == ["was not executed"]
    assert gate.faults(executed, tmp_path / "none") == ["has no source notebook"]
    executed.write_text("{")
    assert gate.faults(executed, source) == ["is not a notebook"]


def test_the_stamp_changes_no_cell(pair):
    cells = json.loads(pair[0].read_text())["cells"]
    assert cells == copy.deepcopy(GOOD["cells"])


def test_the_stamp_names_each_results_file_that_was_read_once(pair, tmp_path):
    text = "b__vindr_test\na__vindr_test\nb__vindr_test\n"
    gate.stamp(*pair, read_log(tmp_path, text))
    about = json.loads(pair[0].read_text())["metadata"]["chexnomaly"]
    assert about["read"] == ["a__vindr_test", "b__vindr_test"]


def test_the_stamp_drops_what_libraries_said_on_stderr(pair, tmp_path):
    executed, source = pair
    notebook = json.loads(executed.read_text())
    said = {"output_type": "stream", "name": "stderr", "text": "/home/me/lib.py: hm"}
    kept = {"output_type": "stream", "name": "stdout", "text": "4 files"}
    notebook["cells"][1]["outputs"] = [said, IMAGE, kept]
    executed.write_text(json.dumps(notebook))
    gate.stamp(executed, source, read_log(tmp_path))
    assert json.loads(executed.read_text())["cells"][1]["outputs"] == [IMAGE, kept]
    assert "/home/me" not in executed.read_text()
