"""A release is unpacked in an empty folder, and builds the same site from there."""

import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from book.pipeline.gate import faults
from book.pipeline.notebooks import read_notebooks
from tests.book.test_metadata import check_crate

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"


def make(folder: Path, *goals: str) -> None:
    """Call make with this environment, as it is."""
    venv = ["-o", f"{sys.prefix}/.installed", f"VENV={sys.prefix}"]
    done = subprocess.run(
        ["make", *venv, *goals], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def git(*command: str) -> str:
    done = subprocess.run(
        ["git", *command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def profile_built() -> str:
    """The profile of the site that is here; without one of this code, a skip."""
    if not (SITE / "index.html").is_file():
        pytest.skip("no book is built here")
    with zipfile.ZipFile(SITE / "results.zip") as archive:
        about = archive.read("README.txt").decode()
    profile = re.search(r"profile (\w+)", about)[1]
    built = (SITE / "index.html").stat().st_mtime
    tracked = git("ls-files", "book", "chexnomaly", "_config.yml").splitlines()
    newer = [f for f in tracked if (ROOT / f).stat().st_mtime > built]
    executed = ROOT / "_build" / "notebooks" / profile
    for name in read_notebooks(ROOT / "Snakefile"):
        file = f"{name}.ipynb"
        newer += faults(executed / file, ROOT / "notebooks" / file)
    if newer:
        pytest.skip("the book that is built here is of other code")
    return profile


def files_of(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below a folder, by its path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in files
    }


@pytest.mark.slow
@pytest.mark.trust
def test_an_unpacked_release_builds_the_same_site(tmp_path):
    profile = f"PROFILE={profile_built()}"
    commit = f"COMMIT={git('stash', 'create')}"  # as the files are now
    archive = ROOT / "_build" / "chexnomaly.zip"
    make(ROOT, "release", profile, commit)
    first = archive.read_bytes()
    make(ROOT, "release", profile, commit)
    assert archive.read_bytes() == first
    shutil.unpack_archive(archive, tmp_path)
    (folder,) = tmp_path.iterdir()
    sums = (folder / "SHA256SUMS").read_text().splitlines()
    held = files_of(folder)
    del held["SHA256SUMS"]
    assert {k: v for v, k in (line.split("  ", 1) for line in sums)} == held
    check_crate(folder)
    # No film but those that may be passed on, no annotation of others.
    assert not [k for k in held if re.match("_build/(data|runs|scratch)/", k)]
    films = [k for k in held if k.endswith((".dcm", ".dicom", ".npy"))]
    assert not [k for k in films if not k.startswith("tests/")]
    make(folder, "site", profile)
    built = files_of(folder / "_build" / "html")
    built.pop("book.pdf", None)
    assert built == files_of(SITE)
