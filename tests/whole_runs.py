"""Runs of the whole `tiny` pipeline in copies of the checkout, for the slow tests.

As a script it kills runs at random moments, as often as it is told, and compares:

    python -m tests.whole_runs --kills 20 --seed 0 --place FOLDER
"""

import argparse
import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

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


def command(cores: int, target: str = "notebooks", *more: str) -> list[str]:
    """Give the command that `make book` gives, for the `tiny` profile."""
    alone = [sys.executable, "-m", "book.tools.alone", "_build/.lock"]
    snakemake = [sys.executable, "-m", "snakemake", target, "--cores", str(cores)]
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


def kill(process: subprocess.Popen, all_of_it: bool) -> None:
    """End a run with SIGKILL: with everything it started, or the run alone."""
    victims = [psutil.Process(process.pid)]
    if all_of_it:
        victims += victims[0].children(recursive=True)
    for victim in victims:
        try:
            victim.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    process.wait()


def run_with_kills(
    place: Path, call: list[str], kills: int, longest_s: float, rng: random.Random
) -> tuple[Results, int]:
    """Run to the end in spite of kills at random moments.

    Args:
        place: A copy of the checkout.
        call: The command, the same each time.
        kills: At most this many.
        longest_s: Longest time from a start to a kill.
        rng: Draws the moments, and whether what a run started dies with it.

    Returns:
        The results files, and how often it was killed.
    """
    for done in range(kills):
        process = subprocess.Popen(
            call,
            cwd=place,
            env=environment(place),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(rng.uniform(0, longest_s))
            return run(place, call), done
        except subprocess.TimeoutExpired:
            kill(process, all_of_it=rng.random() < 0.7)
    return run(place, call), kills


def main() -> int:
    """Kill as often as asked, in fresh copies; report each comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--place", type=Path, required=True)
    options = parser.parse_args()
    expected, seconds = whole_run(options.place, options.cores)
    call = command(options.cores)
    rng, left, same = random.Random(options.seed), options.kills, True
    print(f"whole run: {len(expected)} results files, {seconds:.0f} s", flush=True)
    while left > 0:
        place = copy_checkout(options.place / f"after-{options.kills - left}")
        found, done = run_with_kills(place, call, left, seconds / 8, rng)
        left, same = left - done, same and found == expected
        words = "identical" if found == expected else "DIFFERENT"
        print(f"{done} kills: {words}, {len(found)} files", flush=True)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
