"""Folders are found, and what is missing names the notebook that makes it."""

import pytest

from chexnomaly.errors import MissingInputError
from chexnomaly.workspace import FoldRuns, Workspace, project_root, real_data


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
