"""Where the processor time of a cold build goes.

    make timings

Builds the book in a copy of the checkout, so that what was built here neither is lost
nor spares work, and adds up what `sampler/sitecustomize.py` found in each process. What
that does not see is the system's total less the rest: Snakemake, shells, decoders.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from quick import unit_s
from reporting import ROOT
from sampler import sitecustomize

from chexnomaly import results

LEFT_BEHIND = ("_build", ".git", ".snakemake", ".venv*", "__pycache__", ".*_cache")
PROGRAMS = {
    "ipykernel_launcher": "kernels, beside their cells",
    "book.pipeline.warm": "kernels, beside their cells",
    "multiprocessing": "kernels, beside their cells",
    "papermill": "papermill",
    "jupyter-book": "book and site",
    "book.pieces": "book and site",
}
"""What starts a process, and the stage of what shows no other; a kernel shows them."""

UNSEEN = "Snakemake and what was not sampled"


def stages_of(folder: Path) -> Counter:
    """Add up the seconds of all processes that left a file in a folder, by stage."""
    total: Counter = Counter()
    for path in folder.glob("*.json"):
        one = json.loads(path.read_text(encoding="utf-8"))
        command, seconds = " ".join(one["command"]), Counter(one["seconds"])
        rest = next((s for name, s in PROGRAMS.items() if name in command), UNSEEN)
        if not rest.startswith("kernels"):
            seconds = Counter({sitecustomize.OTHER: seconds.total()})
        seconds[rest] += seconds.pop(sitecustomize.OTHER, 0.0)
        total += seconds
    return total


def time_build(profile: str, command: Sequence[str]) -> dict:
    """Run a command in a copy of the checkout; seconds by stage, their total,
    and that total as a multiple of `quick.unit_s`, measured before and after.

    Args:
        profile: What it builds; for the stamp.
        command: Builds the book.

    Raises:
        subprocess.CalledProcessError: The build failed.
    """
    started, unit = time.perf_counter(), unit_s()
    with tempfile.TemporaryDirectory() as folder:
        place, kept = Path(folder, "checkout"), Path(folder, "kept")
        shutil.copytree(ROOT, place, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
        kept.mkdir()
        surroundings = os.environ | {
            "CHEXNOMALY_SAMPLER": str(Path(sitecustomize.__file__).parent),
            "CHEXNOMALY_TIMINGS": str(kept),
        }
        subprocess.run(command, cwd=place, env=surroundings, check=True)
        stages = stages_of(kept)
    spent = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    stages[UNSEEN] += spent - stages.total()
    unit = (unit + unit_s()) / 2
    return {
        "stages": {name: round(s, 1) for name, s in stages.most_common()},
        "processor_s": round(spent, 1),
        "unit_s": round(unit, 3),
        "units": round(spent / unit, 1),
        "stamp": results.stamp({"profile": profile}, started),
    }


if __name__ == "__main__":
    out, profile, *command = sys.argv[1:]
    report = time_build(profile, command)
    Path(out).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    rows = report["stages"] | {"all": report["processor_s"]}
    sys.stdout.writelines(f"{s:8.1f} s  {name}\n" for name, s in rows.items())
