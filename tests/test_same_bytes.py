"""The whole pipeline, twice: every notebook runs, and results are the same bytes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LEFT_BEHIND = shutil.ignore_patterns(
    "_build", ".venv", ".git", ".snakemake", "__pycache__", ".*_cache"
)


def run_tiny(place: Path, cores: int) -> dict[str, bytes]:
    """Run every notebook in a copy of the checkout; return its results files."""
    shutil.copytree(ROOT, place, ignore=LEFT_BEHIND)
    command = [sys.executable, "-m", "snakemake", "notebooks", "--cores", str(cores)]
    command += ["--config", "profile=tiny", "--quiet", "all"]
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith("CHEXNOMALY_")
    }
    environment |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(place)}
    done = subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    folder = place / "_build" / "results" / "tiny"
    files = (p for p in folder.glob("*.json") if not p.name.endswith(".stamp.json"))
    return {path.name: path.read_bytes() for path in files}


@pytest.mark.slow
def test_two_runs_with_other_numbers_of_jobs_give_the_same_bytes(tmp_path):
    first = run_tiny(tmp_path / "a", cores=1)
    second = run_tiny(tmp_path / "b", cores=2)
    assert len(first) > 60
    assert first == second
