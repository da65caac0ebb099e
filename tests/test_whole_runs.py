"""Kills, the number of jobs and where they run change no byte of any result."""

import random
import subprocess
import time

import pytest

from tests import killed_runs, slurm_node, whole_runs


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A folder that all test processes of this run share."""
    return tmp_path_factory.getbasetemp().parent / "chexnomaly-whole"


def test_moments_cover_the_whole_span():
    moments = killed_runs.draw_moments(20, 90.0, random.Random(0))
    parts = [int(moment // 4.5) for moment in moments]
    assert parts == list(range(20))
    assert moments == killed_runs.draw_moments(20, 90.0, random.Random(0))


@pytest.mark.slow
@pytest.mark.trust
def test_two_runs_of_the_data_and_one_system_are_the_same_bytes(tmp_path):
    """One job at a time, and two; the second run is killed twice on its way."""
    targets = ("03_supermodels",)
    one, two = (whole_runs.copy_checkout(tmp_path / name) for name in ("one", "two"))
    expected = whole_runs.run(one, whole_runs.command(1, targets=targets))
    assert "supermodel__vindr_test.json" in expected
    call, built = whole_runs.command(2, targets=targets), two / "_build"
    kill_when(built / "data" / "tiny" / "vindr" / "source", two, call)
    kill_when(built / "runs" / "tiny" / "supermodel", two, call)
    assert whole_runs.run(two, call) == expected
    assert films_of(one) == films_of(two)


def kill_when(path, place, call):
    """Start a run; kill it, with all it has started, as soon as a path is there."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    surroundings = whole_runs.environment(place)
    process = subprocess.Popen(call, cwd=place, env=surroundings, **quiet)
    while not path.exists():
        assert process.poll() is None, f"ended before {path.name} was there"
        time.sleep(0.02)
    killed_runs.kill(process, alone=False)


def films_of(place):
    """Read the stored films, their boxes and their split."""
    kinds = ("images.npy", "index.csv", "findings.csv", "splits.csv")
    folder = place / "_build" / "data"
    files = sorted(path for kind in kinds for path in folder.rglob(kind))
    assert files
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.slow
def test_a_killed_run_ends_as_a_whole_one_does(shared, tmp_path):
    expected, _ = whole_runs.whole_run(shared)
    assert len(expected) > 60
    # One job at a time, other than in the whole run. Some kills spare running jobs.
    for one in killed_runs.kill_again_and_again(tmp_path, 3, seed=7, alone=0.4):
        assert one.results == expected, one


@pytest.mark.slow
@pytest.mark.skipif(bool(slurm_node.missing()), reason=slurm_node.missing() or "-")
def test_a_slurm_cluster_gives_the_same_bytes(shared, tmp_path):
    pytest.importorskip("snakemake_executor_plugin_slurm")
    expected, _ = whole_runs.whole_run(shared)
    place = whole_runs.copy_checkout(tmp_path / "cluster")
    with slurm_node.node(tmp_path / "slurm") as surroundings:
        call = whole_runs.command(2, *slurm_node.SNAKEMAKE)
        found = whole_runs.run(place, call, surroundings)
    assert found == expected
