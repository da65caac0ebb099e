"""Terms before anything is fetched; from a local repository, since tests use no net."""

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import types
from dataclasses import replace
from functools import partial
from pathlib import Path

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


def archive(folder, name, films):
    """Write an archive as NIH's (tar) or ChestX-Det's (zip) are."""
    for film, content in films.items():
        (folder / "images").mkdir(parents=True, exist_ok=True)
        (folder / "images" / film).write_bytes(content)
    base, kind = (folder.parent / name.partition(".")[0]), name.partition(".")[2]
    kind = {"tar.gz": "gztar", "zip": "zip"}[kind]
    return Path(shutil.make_archive(str(base), kind, folder, "images")).as_uri()


def test_nih_comes_archive_by_archive_and_a_second_call_goes_on(tmp_path, monkeypatch):
    original = b"the bytes that are known"
    sha256 = hashlib.sha256(original).hexdigest()
    (tmp_path / "known").mkdir()
    listed = f"image_id,sha256\n00000001_000,{sha256}\n00000009_000,{sha256}\n"
    (tmp_path / "known" / "SOURCES.csv").write_text(listed)
    monkeypatch.setattr(dl.nih, "shipped", lambda: tmp_path / "known")
    one = archive(tmp_path / "a", "one.tar.gz", {"00000001_000.png": original})
    two = archive(tmp_path / "b", "two.tar.gz", {"00000002_000.png": b"unknown"})
    broken = {"images_001.tar.gz": one, "images_002.tar.gz": two + ".missing"}
    offer = dl.OFFERS["nih"]
    monkeypatch.setitem(dl.OFFERS, "nih", replace(offer, archives=broken))
    out = tmp_path / "out"
    with pytest.raises(DownloadError, match=r"images_002.*call again"):
        dl.download("nih", out, accept_terms=True)
    assert [p.name for p in out.iterdir()] == ["images_001"]
    whole = broken | {"images_002.tar.gz": two}
    monkeypatch.setitem(dl.OFFERS, "nih", replace(offer, archives=whole))
    Path(one.removeprefix("file://")).unlink()  # it is not asked for again
    assert dl.download("nih", out, accept_terms=True) == out
    assert sorted(dl.nih.scan_folder(out)[0]) == ["00000001_000", "00000002_000"]
    film = out / "images_001" / "images" / "00000001_000.png"
    film.write_bytes(b"other bytes")
    with pytest.raises(DownloadError, match=f"00000001_000.*{sha256}"):
        dl.download("nih", out, accept_terms=True)


@pytest.mark.parametrize("cut", [0, 30])
def test_a_damaged_archive_leaves_nothing_behind(cut, tmp_path):
    address = archive(tmp_path / "a", "one.zip", {"36200.png": b"x" * 100})
    path = Path(address.removeprefix("file://"))
    path.write_bytes(path.read_bytes()[:cut])
    (tmp_path / "out").mkdir()
    with pytest.raises(DownloadError, match=r"one\.zip"):
        dl._archives({"one.zip": address}, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_an_archive_writes_nothing_outside(tmp_path):
    path, out = tmp_path / "one.tar.gz", tmp_path / "out"
    out.mkdir()
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("../../outside.png")
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(DownloadError, match=r"one\.tar\.gz"):
        dl._archives({"one.tar.gz": path.as_uri()}, out)
    assert not list(out.iterdir()) and {p.name for p in tmp_path.iterdir()} == {
        "one.tar.gz",
        "out",
    }


def test_chestx_det_is_lists_from_git_and_films_from_archives(
    tmp_path, upstream, monkeypatch, capsys
):
    films = archive(tmp_path / "a", "train_data.zip", {"36200.png": b"x"})
    offer = replace(
        dl.OFFERS["chestxdet"], git=upstream, archives={"train_data.zip": films}
    )
    monkeypatch.setitem(dl.OFFERS, "chestxdet", offer)
    out = tmp_path / "out"
    assert dl.main(["chestxdet", "--out", str(out), "--accept-terms"]) == 0
    assert (out / "metadata.csv").read_text() == "first"
    assert (out / "train_data" / "images" / "36200.png").read_bytes() == b"x"
    assert f"export CHEXNOMALY_NIH={out}" in capsys.readouterr().err


def test_nih_has_twelve_archives_at_twelve_addresses():
    archives = dl.OFFERS["nih"].archives
    assert len(set(archives.values())) == len(archives) == 12


def test_what_its_holders_keep_is_not_fetched(tmp_path):
    for accepted in (True, False):
        with pytest.raises(DownloadError, match=r"doi\.org"):
            dl.download("candid", tmp_path, accepted)


def test_an_unknown_data_set_is_refused(tmp_path):
    with pytest.raises(DownloadError, match="vindr"):
        dl.download("chestx", tmp_path, accept_terms=True)
