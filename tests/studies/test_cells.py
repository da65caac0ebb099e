"""Cells: skipped when finished, resumed after a kill, committed small, without loss."""

import json
import os
import signal
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.errors import ResultError
from chexnomaly.evaluation.evaluator import TestSet
from chexnomaly.evaluation.scores import ScoredSet
from chexnomaly.evaluation.statistics import FILM_STATISTICS, statistics
from chexnomaly.studies.cells import (
    Cell,
    FoldSets,
    read_cell,
    read_shared,
    run_cells,
)
from chexnomaly.studies.packing import (
    pack_numbers,
    pack_scores,
    unpack_numbers,
    unpack_scores,
)
from tests.real_films import as_films

CELLS = [Cell("a", films, 1, seed) for seed in (0, 1) for films in ("", "25")]


@dataclass(frozen=True)
class Noted:
    """A study that notes who was measured and gives what the cell alone decides."""

    log: Path
    bad: tuple = ()
    kills: Cell | None = None
    settings: dict = field(default_factory=dict)

    def shared(self, fold: int) -> dict:
        return {"ids": [], "settings": self.settings, "fold": fold}

    def measure(self, cell: Cell, shared: dict) -> dict:
        if cell == self.kills:
            os.kill(os.getpid(), signal.SIGKILL)
        if cell in self.bad:
            raise RuntimeError("no film")
        with open(self.log, "a") as file:
            file.write(f"{cell.name} {os.getpid()}\n")
        rng = np.random.default_rng([cell.seed, len(cell.films)])
        return {"value": rng.normal(size=9).tolist()}


@pytest.fixture
def study(tmp_path):
    return Noted(tmp_path / "log")


def contents(folder: Path) -> dict[str, dict]:
    """Read every cell but for its stamp, and what cells share."""
    found = {p.name: json.loads(p.read_text()) for p in folder.glob("*.json")}
    for one in found.values():
        one.pop("stamp", None)
    return found


def test_names_tell_system_films_fold_and_seed():
    names = [cell.name for cell in CELLS]
    assert names[:2] == ["a__fold1_seed0", "a__25__fold1_seed0"]


@pytest.mark.parametrize("processes", [1, 2])
def test_finished_cells_are_skipped(study, tmp_path, processes):
    out = tmp_path / "out"
    assert run_cells(CELLS[:1], study, out, processes) == []
    first = (out / f"{CELLS[0].name}.json").read_bytes()
    assert run_cells(CELLS, study, out, processes) == []
    lines = [line.split() for line in study.log.read_text().splitlines()]
    assert sorted(name for name, _ in lines) == sorted(cell.name for cell in CELLS)
    owners = {name: pid for name, pid in lines[1:]}
    assert owners[CELLS[2].name] == owners[CELLS[3].name]  # one chain, one process
    assert (out / f"{CELLS[0].name}.json").read_bytes() == first
    for cell in CELLS:
        found = read_cell(out, cell, read_shared(out, 1)[1])
        assert found["cell"] == asdict(cell) and found["stamp"]["processor_s"] >= 0


def test_a_killed_run_goes_on_and_two_processes_give_the_bytes_of_one(study, tmp_path):
    for name, processes in (("one", 1), ("two", 2)):
        assert run_cells(CELLS, study, tmp_path / name, processes) == []
    killed = tmp_path / "killed"
    with pytest.raises(BrokenProcessPool):
        run_cells(CELLS, replace(study, kills=CELLS[1]), killed, 2)
    assert f"{CELLS[1].name}.json" not in contents(killed)
    assert run_cells(CELLS, study, killed, 2) == []
    whole = contents(tmp_path / "one")
    assert len(whole) == 1 + len(CELLS)
    assert contents(tmp_path / "two") == contents(killed) == whole


def test_no_cell_is_begun_after_its_minutes(study, tmp_path):
    assert run_cells(CELLS, study, tmp_path / "out", 1, minutes=0) == []
    assert [*contents(tmp_path / "out")] == ["sets__fold1.json"]


def test_a_cell_that_fails_holds_up_no_other(study, tmp_path, capsys):
    out = tmp_path / "out"
    assert run_cells(CELLS, replace(study, bad=(CELLS[1],)), out, 1) == [CELLS[1]]
    assert "no film" in capsys.readouterr().err
    again = replace(study, log=tmp_path / "2")
    assert run_cells(CELLS, again, out, 1) == []
    assert again.log.read_text().startswith(CELLS[1].name)
    assert len(again.log.read_text().splitlines()) == 1


def test_another_studys_films_or_cells_and_half_a_file_are_refused(study, tmp_path):
    out = tmp_path / "out"
    run_cells(CELLS[:1], study, out)
    other = replace(study, settings={"epochs": 3})
    with pytest.raises(ResultError, match="other settings or films"):
        run_cells(CELLS, other, out)
    with pytest.raises(ResultError, match="another study's cell"):
        read_cell(out, CELLS[0], "0" * 64)
    path = out / f"{CELLS[0].name}.json"
    path.write_text(path.read_text()[:20])
    with pytest.raises(ResultError):
        run_cells(CELLS[:1], study, out)
    assert path.exists()


@pytest.mark.parametrize("values", [[], [0], [7, 0, 65536, 3, 2**32 - 1], range(300)])
def test_whole_numbers_are_packed_without_loss(values):
    assert unpack_numbers(pack_numbers(values)).tolist() == [*values]


def scored_fold(squares, fold: int):
    """Score noise on one fold: all films, some of them, and pairs."""
    films = as_films(squares).hold_out(fold)
    known = films.films["patient"].to_dict()
    whole = films.part("test")
    sets = {"few": whole.subset(whole.ids[:2]), "x": whole}
    sets = {key: TestSet(one, "open-images", known) for key, one in sets.items()}
    pairs = {"pairs": PairsSet(films.labelled_part("test"), 12)}
    parts = {"part": "x"}
    tests = sets | {"part": TestSet(whole.subset(whole.ids[1:3]), "open-images", known)}
    shared = FoldSets(tests, pairs, parts, known).table({"epochs": 1})
    rng = np.random.default_rng(fold)
    maps = {i: rng.random((1, 32, 32), dtype=np.float32) for i in known}
    scored = {
        key: one.score(
            [torch.tensor(np.stack([maps[i] for i in one.scans.ids]))], [0.5, 0.7]
        )
        for key, one in tests.items()
    }
    return scored, shared


def test_a_packed_cell_gives_the_statistics_of_its_scores(squares):
    scored, shared = scored_fold(squares, 1)
    kept = {key: scored[key] for key in ("few", "x")}
    packed = json.loads(json.dumps(pack_scores(kept, 0.7, shared)))
    for key, one in scored.items():  # "part" was not packed: it follows from "x"
        found = unpack_scores(packed, shared, key)
        for name, threshold in (("paper", 0.5), ("operating", 0.7)):
            true = one.scores[threshold]
            for count in ("tp", "fp", "fn", "tn"):
                np.testing.assert_array_equal(found[name][count], true[count])
            keys = ("iou_c", "mae_soft", "mae_hard", "f1_any_pixel", "predicted_share")
            asked = [statistics()[key] for key in keys] + [*FILM_STATISTICS.values()]
            for statistic in asked:
                expected = pytest.approx(statistic(true), abs=1e-4, nan_ok=True)
                assert statistic(found[name]) == expected


def test_what_cells_share_names_films_patients_areas_and_pairs(squares):
    scored, shared = scored_fold(squares, 2)
    films = as_films(squares).hold_out(2)
    rows = shared["sets"]["x"]["rows"]
    assert [shared["ids"][row] for row in rows] == films.ids("test")
    known = films.films["patient"]
    assert shared["patients"] == known[shared["ids"]].tolist()
    area = scored["x"].scores[0.5]["tp"] + scored["x"].scores[0.5]["fn"]
    assert shared["sets"]["x"]["area"] == area.tolist()
    pairs = PairsSet(films.labelled_part("test"), 12)
    told = shared["pairs"]["pairs"]
    sides = [[shared["ids"][row] for row in told[side]] for side in ("first", "second")]
    assert [*zip(*sides, strict=True)] == pairs.ids
    assert told["similar"] == (pairs.kinds == 0).astype(int).tolist()


def test_a_cell_of_a_thousand_films_is_small():
    rng, n, pixels = np.random.default_rng(0), 1000, 64 * 64
    area = np.where(rng.random(n) < 0.7, rng.integers(1, 800, n), 0)
    shared = {"pixels": pixels, "sets": {"x": {"rows": [*range(n)], "area": area}}}
    tp = rng.binomial(area, 0.5)
    scores = {"tp": tp, "fp": rng.integers(0, 500, n), "film_score": rng.random(n)}
    scores |= {"soft_error": rng.random(n) / 3, "peak_inside": 1.0 * (tp > 0)}

    one = ScoredSet([], {0.5: scores, 0.3: scores}, [], [])
    assert len(json.dumps(pack_scores({"x": one}, 0.3, shared))) <= 12_000
