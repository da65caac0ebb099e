"""Runs of the whole `tiny` pipeline in copies of the checkout, for the slow tests.

What kills them is in `killed_runs`.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEFT_BEHIND = shutil.ignore_patterns(
    "_build", ".venv", ".git", ".snakemake", "__pycache__", ".*_cache"
)
Results = dict[str, bytes]


def copy_checkout(place: Path) -> Path:
    """Copy the checkout without anything built, if it is not there yet."""
    if not (place / "Snakefile").exists():
        shutil.copytree(ROOT, place, ignore=LEFT_BEHIND, dirs_exist_ok=True)
    return place


def command(cores: int, *more: str, targets: tuple[str, ...] = ()) -> list[str]:
    """Give the command that `make book` gives, for the `tiny` profile.

    Args:
        cores: Jobs at a time.
        more: Further options of Snakemake.
        targets: Notebooks to run, with what they need; all where none is named.
    """
    alone = [sys.executable, "-m", "book.pipeline.alone", "_build/.lock"]
    files = [f"_build/notebooks/tiny/{name}.ipynb" for name in targets]
    snakemake = [sys.executable, "-m", "snakemake", *(files or ["notebooks"])]
    snakemake += ["--cores", str(cores)]
    flags = ["--quiet", "rules", "host", "progress", "reason", "--nolock"]
    flags += ["--rerun-incomplete", "--scheduler", "greedy"]
    return [*alone, *snakemake, *flags, *more, "--config", "profile=tiny"]


def environment(place: Path, given: dict | None = None) -> dict[str, str]:
    """Give the surroundings of a run: no real data, the copy's own library."""
    given = os.environ if given is None else given
    own = {k: v for k, v in given.items() if not k.startswith("CHEXNOMALY_")}
    bin_folder = str(Path(sys.executable).parent)
    path = os.pathsep.join([bin_folder, own["PATH"]])
    return own | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(place), "PATH": path}


def run(place: Path, call: list[str], given: dict | None = None) -> Results:
    """Run to the end; return the results files, or fail with what was said."""
    done = subprocess.run(
        call, cwd=place, env=environment(place, given), capture_output=True, text=True
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return results_of(place)


def results_of(place: Path) -> Results:
    """Read the results files, without the stamps, which hold times."""
    files = (place / "_build" / "results" / "tiny").glob("*.json")
    return {p.name: p.read_bytes() for p in files if ".stamp" not in p.name}


def whole_run(shared: Path, cores: int = 2) -> tuple[Results, float]:
    """Run once, uninterrupted, for all that ask.

    Args:
        shared: Folder that all test processes share.
        cores: Jobs at a time.

    Returns:
        The results files, and how long it took, s.
    """
    shared.mkdir(parents=True, exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        place, note = copy_checkout(shared / "whole"), shared / "seconds.json"
        if not note.exists():
            started = time.monotonic()
            run(place, command(cores))
            note.write_text(json.dumps(time.monotonic() - started))
    return results_of(place), json.loads(note.read_text())
