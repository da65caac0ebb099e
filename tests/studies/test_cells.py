"""Cells: skipped when finished, resumed after a kill, committed without loss."""

import json
import os
from dataclasses import asdict
from functools import partial

import numpy as np
import pytest

from chexnomaly import evaluation, metrics
from chexnomaly.errors import ResultError
from chexnomaly.evaluation.evaluator import TestSet
from chexnomaly.evaluation.statistics import FILM_STATISTICS
from chexnomaly.studies.cells import (
    Cell,
    join_scores,
    pack_scores,
    read_cell,
    run_cells,
)
from tests.real_films import as_films

CELLS = [Cell("a", films, 1, seed) for seed in (0, 1) for films in ("", "25")]
SETTINGS = {"size": (64, 64)}


def measure(cell: Cell, log=None, bad=()) -> dict:
    """Note in a file who was measured; fail for bad ones."""
    if cell in bad:
        raise RuntimeError("no film")
    with open(log, "a") as file:
        file.write(f"{cell.name} {os.getpid()}\n")
    return {"value": cell.seed}


def test_names_tell_system_films_fold_and_seed():
    names = [cell.name for cell in CELLS]
    assert names[:2] == ["a__fold1_seed0", "a__25__fold1_seed0"]


@pytest.mark.parametrize("processes", [1, 2])
def test_finished_cells_are_skipped(tmp_path, processes):
    log = tmp_path / "log"
    run = partial(measure, log=log)
    made = (tmp_path / "out", SETTINGS, processes)
    assert run_cells(CELLS[:1], run, *made) == []
    first = (tmp_path / "out" / f"{CELLS[0].name}.json").read_bytes()
    assert run_cells(CELLS, run, *made) == []
    lines = [line.split() for line in log.read_text().splitlines()]
    assert sorted(name for name, _ in lines) == sorted(cell.name for cell in CELLS)
    owners = {name: pid for name, pid in lines[1:]}
    assert owners[CELLS[2].name] == owners[CELLS[3].name]  # one seed, one process
    assert (tmp_path / "out" / f"{CELLS[0].name}.json").read_bytes() == first
    for cell in CELLS:
        found = read_cell(tmp_path / "out", cell, SETTINGS)
        assert found["cell"] == asdict(cell) and found["value"] == cell.seed


def test_a_cell_that_fails_holds_up_no_other(tmp_path, capsys):
    run = partial(measure, log=tmp_path / "log", bad=[CELLS[1]])
    assert run_cells(CELLS, run, tmp_path, SETTINGS, 1) == [CELLS[1]]
    assert "no film" in capsys.readouterr().err
    assert read_cell(tmp_path, CELLS[1], SETTINGS) is None
    assert (
        run_cells(CELLS, partial(measure, log=tmp_path / "2"), tmp_path, SETTINGS, 1)
        == []
    )
    assert (tmp_path / "2").read_text().startswith(CELLS[1].name)
    assert len((tmp_path / "2").read_text().splitlines()) == 1


def test_another_studys_cell_and_half_a_file_are_refused(tmp_path):
    run_cells(CELLS[:1], partial(measure, log=tmp_path / "log"), tmp_path, SETTINGS)
    with pytest.raises(ResultError, match="other settings"):
        read_cell(tmp_path, CELLS[0], {"size": (96, 96)})
    path = tmp_path / f"{CELLS[0].name}.json"
    path.write_text(path.read_text()[:20])
    with pytest.raises(ResultError):
        run_cells(CELLS[:1], measure, tmp_path, SETTINGS)
    assert path.exists()


def test_folds_put_together_give_what_all_films_give_at_once(squares):
    films = as_films(squares)
    rng = np.random.default_rng(0)
    maps = {i: rng.random((1, 32, 32), dtype=np.float32) for i in films.films.index}

    def score(ids):
        import torch

        scans = films.hold_out(0).part("test").subset(ids)
        test = TestSet(scans, "open-images", films.films["patient"].to_dict())
        stacked = torch.from_numpy(np.stack([maps[i] for i in scans.ids]))
        return test.score([stacked], [0.5, 0.7])

    folds = [films.hold_out(k).ids("test") for k in range(5)]
    packed = [
        pack_scores({"other": score(ids[:2]), "x": score(ids)}, 0.7) for ids in folds
    ]
    packed = json.loads(json.dumps(packed))
    joined = join_scores(packed, "x")
    whole = score(sum(folds, []))
    for name, threshold in (("paper", 0.5), ("operating", 0.7)):
        order = np.argsort(joined[name].ids)
        table = joined[name].scores[0.5]
        for key in ("tp", "fp", "fn", "tn"):
            np.testing.assert_array_equal(
                table[key][order], whole.scores[threshold][key]
            )
        for statistic in (metrics.iou_statistic, *FILM_STATISTICS.values()):
            expected = statistic(whole.scores[threshold])
            assert statistic(table) == pytest.approx(expected, abs=1e-3)
    assert joined["paper"].patients == films.films.patient[joined["paper"].ids].tolist()
    some = join_scores(packed, "other")["paper"]
    assert sorted(some.ids) == sorted(i for ids in folds for i in ids[:2])
    gap = evaluation.paired_differences(
        joined["operating"], joined["paper"], None, 50, ["iou_c", "mae_hard", "auc"]
    )
    assert gap["auc"]["value"] == 0 and gap["mae_hard"]["value"] < 0
    with pytest.raises(ValueError, match="share no film"):
        join_scores([packed[0], packed[0]], "x")
