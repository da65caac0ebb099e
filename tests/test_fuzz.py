"""A short form of `make fuzz`: damaged files of every kind, named errors only."""

import os
import signal
from importlib.util import find_spec
from pathlib import Path
from threading import Timer

import numpy as np
import pytest

from chexnomaly.errors import InputError
from tests.fuzz.guided import fuzz_guided
from tests.fuzz.mutate import mutate
from tests.fuzz.run import Reader, fuzz
from tests.fuzz.targets import TARGETS

INPUTS = 40


FOUND = sorted((Path(__file__).parent / "fuzz" / "found").iterdir())


@pytest.mark.parametrize("path", FOUND, ids=lambda p: p.stem)
def test_what_once_broke_a_reader_is_refused_by_name(path, tmp_path):
    """Each file once let a foreign error out."""
    name = path.stem.partition("__")[0].replace("_", " ")
    victims = TARGETS[name].make(tmp_path)
    victim = next(v for v in victims if v.suffix == path.suffix)
    victim.write_bytes(path.read_bytes())
    with pytest.raises(InputError):
        TARGETS[name].read(tmp_path)


@pytest.mark.slow
@pytest.mark.trust
@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files_are_read_or_refused_by_name(name):
    report = fuzz(name, INPUTS, seed=1)
    assert report["read"] + report["refused"] == INPUTS, report["details"]
    assert report["refused"] > 0


@pytest.mark.slow
@pytest.mark.trust
def test_a_reader_that_breaks_is_noticed(tmp_path):
    """A folder that is not there is nobody's damaged file: it must count as a crash."""
    reader = Reader("results file")
    outcome, detail, _ = reader.read(tmp_path / "nowhere", seconds=120)
    reader.close()
    assert outcome == "crashed"
    assert "FileNotFoundError" in detail


@pytest.mark.slow
@pytest.mark.trust
@pytest.mark.parametrize(("pause", "outcome"), [(1.5, "read"), (60, "hung")])
def test_time_that_others_took_is_no_hang(tmp_path, pause, outcome):
    """Half a second of a processor may take ten on the clock, and no more."""
    TARGETS["split"].make(tmp_path)
    reader = Reader("split")
    assert reader.read(tmp_path, seconds=120)[0] == "read"
    number = reader._process.pid
    os.kill(number, signal.SIGSTOP)
    waker = Timer(pause, os.kill, [number, signal.SIGCONT])
    waker.start()
    assert reader.read(tmp_path, seconds=0.5)[0] == outcome
    waker.cancel()
    reader.close()


def test_damage_depends_on_the_seed_alone():
    content = bytes(range(256)) * 4
    first, second, other = (
        [mutate(content, rng, content) for _ in range(50)]
        for rng in map(np.random.default_rng, (3, 3, 4))
    )
    assert first == second != other
    assert sum(damaged != content for damaged in first) > 40


@pytest.mark.slow
@pytest.mark.trust
@pytest.mark.skipif(not find_spec("atheris"), reason="atheris is not installed")
def test_coverage_leads_the_search():
    report = fuzz_guided("split", 2, seed=0)
    assert report["crashed"] + report["hung"] == 0, report["details"]
    assert report["read"] > 0 and report["refused"] > 0 and report["edges"] > 0
