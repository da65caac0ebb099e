"""Folders are found, and what is missing names the notebook that makes it."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from chexnomaly.errors import MissingInputError
from chexnomaly.results import write_result
from chexnomaly.workspace import (
    KINDS,
    READ_LOG,
    FoldRuns,
    Workspace,
    project_root,
    real_data,
)


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "Snakefile").touch()
    (tmp_path / "notebooks").mkdir()
    return tmp_path


def test_the_root_is_found_from_the_notebooks_folder(checkout, monkeypatch):
    assert project_root(checkout / "notebooks") == checkout
    monkeypatch.chdir(checkout / "notebooks")
    workspace = Workspace.open("demo")
    assert workspace.data == checkout / "_build" / "data" / "demo"
    assert workspace.results.name == workspace.runs.name == "demo"


def test_without_a_checkout_the_current_folder_serves(tmp_path):
    assert project_root(tmp_path) == tmp_path


def test_a_missing_input_names_the_notebook_to_run(checkout):
    workspace = Workspace("tiny", checkout)
    with pytest.raises(MissingInputError) as caught:
        workspace.require(workspace.data / "vindr", "02_data")
    message = str(caught.value)
    assert "notebooks/02_data.ipynb" in message and "'tiny'" in message
    assert "`make notebook NAME=02_data PROFILE=tiny`" in message
    assert str(checkout) not in message  # no path of this machine
    assert workspace.require(checkout, "02_data") == checkout


def test_a_result_of_this_build_comes_before_a_committed_one(checkout):
    workspace = Workspace("tiny", checkout)
    assert workspace.find_result("a__b") is None
    committed = workspace.reference / "study" / "a__b.json"
    committed.parent.mkdir(parents=True)
    committed.touch()
    assert workspace.find_result("a__b") == (committed, "book/reference")
    built = workspace.results / "a__b.json"
    built.parent.mkdir(parents=True)
    built.touch()
    assert workspace.find_result("a__b") == (built, "this build")


ABOUT = {"profile": "demo", "notebook": "03_supermodels", "scored_on": "phantom"}
CHANGED = f"""
from chexnomaly.results import write_result
from chexnomaly.workspace import Workspace

workspace = Workspace.open("demo")
found = (workspace.runs / "supermodel" / "model").read_text()
(workspace.runs / "supermodel" / "model").write_text("mine")
values = {{"iou_c": {{"value": 0.4, "low": 0.3, "high": 0.5, "n": 9}}}}
write_result(workspace.results, "supermodel", "x", n=9, values=values, **{ABOUT})
print(found)
"""


def run_cells(checkout: Path, *sources: str) -> list[str]:
    """Run cells as JupyterLab does: in a kernel, from the notebooks' folder."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    where = {"metadata": {"path": str(checkout / "notebooks")}}
    NotebookClient(notebook, kernel_name="python3", resources=where).execute()
    # What a cell says on stderr may come before or after what it prints.
    return ["".join(sorted(o.text for o in cell.outputs)) for cell in notebook.cells]


@pytest.fixture
def built(checkout, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))  # for kernels
    workspace = Workspace("demo", checkout)
    for kind in KINDS:
        (workspace.folder(kind) / "supermodel").mkdir(parents=True)
        (workspace.folder(kind) / "supermodel" / "model").write_text("built")
    entry = {"value": 0.2, "low": 0.1, "high": 0.3, "n": 9}
    values = {"iou_c": entry}
    write_result(workspace.results, "supermodel", "x", n=9, values=values, **ABOUT)
    return workspace


def contents(folder: Path) -> dict[str, bytes]:
    files = [p for p in folder.rglob("*") if p.is_file() and "scratch" not in p.parts]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


@pytest.mark.slow
@pytest.mark.trust
def test_a_run_of_ones_own_starts_from_the_build_and_never_changes_it(
    built, monkeypatch
):
    monkeypatch.delenv(READ_LOG, raising=False)
    before = contents(built.root)
    scratch = built.root / "_build" / "scratch"
    first, again = (run_cells(built.root, "x = 1", CHANGED)[1] for _ in range(2))
    assert "_build/scratch" in first and first.endswith("built\n")
    assert again.endswith("mine\n")
    assert contents(built.root) == before
    result = scratch / "results" / "demo" / "supermodel__x.json"
    assert json.loads(result.read_text())["values"]["iou_c"]["value"] == 0.4
    stamp = json.loads(result.with_suffix(".stamp.json").read_text())
    assert stamp["cell"] == 2
    assert "write_result(w" in CHANGED.strip().splitlines()[stamp["line"] - 1]


@pytest.mark.slow
@pytest.mark.trust
def test_what_the_build_makes_later_joins_a_run_of_ones_own(built, monkeypatch):
    monkeypatch.delenv(READ_LOG, raising=False)
    own = Workspace("demo", built.root, "_build/scratch").runs / "supermodel"
    own.mkdir(parents=True)
    (own / "model").write_text("mine")
    (built.runs / "chexnomaly").mkdir()
    (built.runs / "chexnomaly" / "model").write_text("later")
    look = "from chexnomaly.workspace import Workspace\n"
    look += "runs = Workspace.open('demo').runs\n"
    look += "print(*((runs / s / 'model').read_text() for s in "
    look += "('supermodel', 'chexnomaly')))"
    assert run_cells(built.root, look)[0].endswith("mine later\n")


@pytest.mark.slow
@pytest.mark.trust
def test_a_notebook_that_the_pipeline_runs_works_in_the_build(built, monkeypatch):
    monkeypatch.setenv(READ_LOG, str(built.root / "read"))
    assert run_cells(built.root, CHANGED) == ["built\n"]
    assert (built.runs / "supermodel" / "model").read_text() == "mine"
    assert not (built.root / "_build" / "scratch").exists()


def test_a_script_works_in_the_build(built, monkeypatch):
    monkeypatch.chdir(built.root)
    assert Workspace.open("demo") == built


def test_real_data_comes_from_a_variable(checkout, monkeypatch):
    monkeypatch.delenv("CHEXNOMALY_VINDR", raising=False)
    assert real_data("CHEXNOMALY_VINDR") is None
    monkeypatch.setenv("CHEXNOMALY_VINDR", str(checkout))
    assert real_data("CHEXNOMALY_VINDR") == checkout
    monkeypatch.setenv("CHEXNOMALY_VINDR", str(checkout / "nowhere"))
    with pytest.raises(MissingInputError, match="CHEXNOMALY_VINDR"):
        real_data("CHEXNOMALY_VINDR")


def test_a_relative_folder_starts_where_make_is_called(checkout, monkeypatch):
    (checkout / "my data").mkdir()
    monkeypatch.setenv("CHEXNOMALY_COVID", "my data")
    for folder in (checkout, checkout / "notebooks"):
        monkeypatch.chdir(folder)
        assert real_data("CHEXNOMALY_COVID") == checkout / "my data"


def test_runs_on_films_lie_by_system_fold_and_seed(checkout):
    workspace = Workspace("demo", checkout)
    root = workspace.runs / "films"
    runs = workspace.film_runs(2, 5)
    assert runs / "chexnomaly__concat" == root / "chexnomaly__concat" / "fold2_seed5"
    kept = workspace.film_runs(2, 5, "without_fracture") / "supermodel"
    assert kept == root / "supermodel__without_fracture" / "fold2_seed5"
    assert runs / "phantoms:supermodel" == workspace.runs / "supermodel"
    with pytest.raises(KeyError):
        FoldRuns(root, "fold0_seed0") / "phantoms:supermodel"
