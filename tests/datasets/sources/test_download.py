"""Terms before anything is fetched; from a local repository, since tests use no net."""

import subprocess
import sys
import types
from functools import partial

import pytest

from chexnomaly.datasets.sources import download as dl
from chexnomaly.errors import DownloadError


def git(folder, *arguments):
    identity = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return run.stdout.strip()


@pytest.fixture
def upstream(tmp_path):
    """A repository of two commits; only the first is wanted."""
    folder = tmp_path / "upstream"
    folder.mkdir()
    git(folder, "init", "--quiet")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    commits = []
    for text in ("first", "second"):
        (folder / "metadata.csv").write_text(text)
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "-m", text)
        commits.append(git(folder, "rev-parse", "HEAD"))
    return folder.as_uri(), commits[0]


@pytest.fixture
def calls(monkeypatch):
    """A kagglehub that only notes what it was asked for."""
    noted = []
    fake = types.ModuleType("kagglehub")
    fake.competition_download = lambda *a, **k: noted.append((a, k))
    monkeypatch.setitem(sys.modules, "kagglehub", fake)
    return noted


@pytest.mark.parametrize("name", dl.OFFERS)
def test_nothing_is_fetched_before_the_terms_are_accepted(
    name, tmp_path, calls, capsys
):
    assert dl.main([name, "--out", str(tmp_path / "out")]) == 2
    assert not calls
    assert not (tmp_path / "out").exists()
    shown = capsys.readouterr().err
    assert dl.OFFERS[name].address in shown
    assert dl.OFFERS[name].terms in shown


@pytest.mark.parametrize("name", ["vindr", "rsna"])
def test_kaggle_is_asked_for_the_competition_into_the_folder(name, tmp_path, calls):
    assert dl.main([name, "--out", str(tmp_path / "out"), "--accept-terms"]) == 0
    ((competition,), options), *rest = calls
    assert competition in dl.OFFERS[name].address
    assert options["output_dir"] == str(tmp_path / "out")
    assert not rest


def test_what_kaggle_refuses_is_told_by_name(tmp_path, monkeypatch, calls):
    def refuse(*arguments, **options):
        raise RuntimeError("403")

    monkeypatch.setattr(sys.modules["kagglehub"], "competition_download", refuse)
    with pytest.raises(DownloadError, match="rules accepted"):
        dl.download("rsna", tmp_path, accept_terms=True)


def test_a_missing_kagglehub_is_told_by_name(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(DownloadError, match="pip install kagglehub"):
        dl.download("vindr", tmp_path, accept_terms=True)


def test_git_brings_exactly_the_commit_and_a_second_call_repairs(tmp_path, upstream):
    out = tmp_path / "out"
    out.mkdir()
    fetch = partial(dl._git, *upstream)
    fetch(out)
    assert (out / "metadata.csv").read_text() == "first"
    assert git(out, "rev-parse", "HEAD") == upstream[1]
    (out / "metadata.csv").write_text("spoiled")
    fetch(out)
    assert (out / "metadata.csv").read_text() == "first"


def test_a_commit_that_is_not_there_is_refused(tmp_path, upstream):
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(DownloadError, match="git failed"):
        dl._git(upstream[0], "0" * 40, out)


def test_what_its_holders_keep_is_not_fetched(tmp_path):
    with pytest.raises(DownloadError, match=r"doi\.org"):
        dl.download("candid", tmp_path, accept_terms=True)


def test_an_unknown_data_set_is_refused(tmp_path):
    with pytest.raises(DownloadError, match="vindr"):
        dl.download("chestx", tmp_path, accept_terms=True)
