"""Kills the `tiny` pipeline at random moments; each time it must end as if nothing was.

    python -m tests.killed_runs --kills 20 --seed 0 --place FOLDER

One run goes through in stages and leaves a copy of its folder after each. A kill draws
its moment from the whole span of that run, takes the copy that the run had left before
it, starts the pipeline there, and ends it and all it has started with SIGKILL when the
moment comes. The same command is then given again, to the end, and every results file
compared with those of a run that nothing interrupted. What came before the copy is not
done again, and notebooks that write no results are left out: that is all that is saved.
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.whole_runs import command, copy_checkout, environment, run, whole_run

Results = dict[str, bytes]
RESULTS = ("17_claims", "11_beyond_the_paper", "12_phantom")
"""Notebooks that, with what they need, write all results files."""

STAGES = (
    ("02_data",),
    ("03_supermodels", "06_siamese_networks"),
    ("04_specialized_models",),
    ("05_box_focal_loss",),
    ("07_chexnomaly", "12_phantom"),
    ("10_errors", "16_what_annotations_say"),
    RESULTS,
)
CALL = command(1, targets=RESULTS)
"""What is killed and given again; one job at a time, so that several runs fit."""


@dataclass(frozen=True)
class Stage:
    """A stretch of an uninterrupted run.

    Attributes:
        begin: When it began, s of running time.
        end: When it ended.
        left: Copy of the folder as it was at the beginning.
    """

    begin: float
    end: float
    left: Path


@dataclass(frozen=True)
class Killed:
    """What became of one killed run.

    Attributes:
        moment: When it was killed, s of an uninterrupted run's time.
        at_work: Notebooks that were running.
        seconds: How long it took to its end, from the copy on.
        results: Its results files.
    """

    moment: float
    at_work: tuple[str, ...]
    seconds: float
    results: Results


def run_in_stages(place: Path) -> list[Stage]:
    """Run to the end, and copy the folder before each stage."""
    copy_checkout(place / "staged")
    stages, begin = [], 0.0
    for number, targets in enumerate(STAGES):
        left = place / f"before-{number}"
        shutil.copytree(place / "staged", left)
        started = time.monotonic()
        run(place / "staged", command(1, targets=targets))
        end = begin + time.monotonic() - started
        stages.append(Stage(begin, end, left))
        begin = end
    return stages


def draw_moments(kills: int, span: float, rng: random.Random) -> list[float]:
    """Draw one moment from each of so many equal parts of a span."""
    return [span * (part + rng.random()) / kills for part in range(kills)]


def kill(process: subprocess.Popen, alone: bool) -> tuple[str, ...]:
    """End a run with SIGKILL, and everything that it has started.

    Args:
        process: The run.
        alone: Leave what it has started alive.

    Returns:
        The notebooks that were running.
    """
    victims = [psutil.Process(process.pid)]
    victims += victims[0].children(recursive=True)
    names = set()
    for victim in victims:
        try:
            words = victim.cmdline()
            if victim.pid == process.pid or not alone:
                victim.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
        if any(word.endswith("papermill") for word in words):
            names |= {Path(w).stem for w in words if w.startswith("_build/logs")}
    process.wait()
    return tuple(sorted(names))


def start_and_kill(place: Path, wait_s: float, alone: bool) -> tuple[str, ...] | None:
    """Start a run and kill it after a while; None where it has ended before."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(CALL, cwd=place, env=environment(place), **quiet)
    try:
        code = process.wait(wait_s)
    except subprocess.TimeoutExpired:
        return kill(process, alone)
    assert code == 0, f"failed with {code} before it was killed"
    return None


def kill_once(place: Path, stage: Stage, moment: float, alone: bool) -> Killed:
    """Go on from a stage's copy, be killed at the moment, and go on to the end."""
    wait_s, at_work = moment - stage.begin, None
    while at_work is None:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(stage.left, place)
        started = time.monotonic()
        at_work = start_and_kill(place, wait_s, alone)
        killed_at = stage.begin + wait_s
        wait_s /= 2  # a run that was faster than the first one is killed earlier
    results = run(place, CALL)
    return Killed(killed_at, at_work, time.monotonic() - started, results)


def kill_again_and_again(
    place: Path, kills: int, seed: int, alone: float = 0.0, at_once: int = 1
) -> Iterator[Killed]:
    """Kill that many runs, each once; yield what became of each.

    Args:
        place: Folder for copies of the checkout.
        kills: How many, spread over the whole span of a run.
        seed: For the moments.
        alone: Share of kills that what the run has started outlives.
        at_once: Runs at the same time.
    """
    rng = random.Random(seed)
    stages = run_in_stages(place)
    moments = draw_moments(kills, stages[-1].end, rng)
    before = [next(s for s in stages if moment < s.end) for moment in moments]
    places = [place / f"killed-{number}" for number in range(kills)]
    with ThreadPoolExecutor(at_once) as pool:
        outlived = [rng.random() < alone for _ in moments]
        yield from pool.map(kill_once, places, before, moments, outlived)


def main() -> int:
    """Kill as often as asked; report each comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cores", type=int, default=2, help="runs at the same time")
    parser.add_argument("--place", type=Path, required=True)
    options = parser.parse_args()
    place, same = options.place / "kills", 0
    shutil.rmtree(place, ignore_errors=True)
    with ThreadPoolExecutor(1) as pool:
        whole = pool.submit(whole_run, options.place, 1)
        killed = kill_again_and_again(
            place, options.kills, options.seed, at_once=options.cores
        )
        for number, one in enumerate(killed, start=1):
            expected, _ = whole.result()
            same += one.results == expected
            words = "identical" if one.results == expected else "DIFFERENT"
            what = ", ".join(one.at_work) or "no notebook"
            print(
                f"{number:2} killed at {one.moment:5.1f} s ({what}): {words}, "
                f"{len(one.results)} files, {one.seconds:.0f} s",
                flush=True,
            )
    print(f"{same} of {options.kills} identical")
    return 0 if same == options.kills else 1


if __name__ == "__main__":
    sys.exit(main())
