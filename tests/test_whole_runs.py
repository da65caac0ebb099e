"""Kills, the number of jobs and how they are cut change no byte of any result."""

import random

import pytest

from tests import slurm_node, whole_runs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A folder that all test processes of this run share."""
    return tmp_path_factory.getbasetemp().parent / "chexnomaly-whole"


def test_a_run_killed_again_and_again_ends_as_a_whole_one_does(shared, tmp_path):
    expected, seconds = whole_runs.whole_run(shared)
    assert len(expected) > 60
    place = whole_runs.copy_checkout(tmp_path / "cut")
    # One job at a time, and specialists cut into other jobs than in the whole run.
    call = [*whole_runs.command(1), "findings_per_job=13"]
    rng = random.Random(7)
    found, _ = whole_runs.run_with_kills(place, call, 3, seconds / 6, rng)
    assert found == expected


@pytest.mark.skipif(bool(slurm_node.missing()), reason=slurm_node.missing() or "-")
def test_a_slurm_cluster_gives_the_same_bytes(shared, tmp_path):
    pytest.importorskip("snakemake_executor_plugin_slurm")
    expected, _ = whole_runs.whole_run(shared)
    place = whole_runs.copy_checkout(tmp_path / "cluster")
    with slurm_node.node(tmp_path / "slurm") as surroundings:
        call = whole_runs.command(2, "notebooks", *slurm_node.SNAKEMAKE)
        found = whole_runs.run(place, call, surroundings)
    assert found == expected
