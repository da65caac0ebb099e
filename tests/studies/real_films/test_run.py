"""One cell of the real films' study at tiny size, and what its arms change."""

import json

import numpy as np
import pytest

from chexnomaly import metrics
from chexnomaly.datasets.sampling import films_showing
from chexnomaly.studies.cells import Cell, join_scores, run_cells
from chexnomaly.studies.real_films import run
from chexnomaly.studies.real_films.run import FILM_ARMS, FilmStudy, change_films
from chexnomaly.systems import RECIPES
from chexnomaly.workspace import Workspace
from tests.real_films import as_films, write_films

SMALL = {"base_channels": 4, "depth": 3, "epochs": 1, "patience": 1}


@pytest.fixture
def study(squares, tmp_path):
    workspace = Workspace("tiny", tmp_path)
    write_films(squares, workspace.data / "nih")
    return FilmStudy(workspace, tmp_path / "work", "tiny", SMALL)


def test_every_arm_is_a_system_and_a_choice_of_films(squares, monkeypatch):
    monkeypatch.setattr(run, "WITHOUT", dict.fromkeys(run.WITHOUT, ("ild",)))
    held = as_films(squares).hold_out(1, val_share=0.3)
    assert len(set(FILM_ARMS)) == len(FILM_ARMS)
    for system, how in FILM_ARMS:
        assert system in RECIPES
        if not how.isdigit():
            changed = change_films(held, how, seed=0)
            assert changed.ids("test") == held.ids("test")
    assert len(change_films(held, "10", 0).ids("train")) == 10
    without = change_films(held, "without_opacity", 0)
    learned = {*without.ids("train"), *without.ids("val")}
    assert learned and not learned & films_showing(held, ["ild"])


def test_a_cell_is_trained_scored_and_skipped(study, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "WITHOUT", {"ild": ("ild",)})
    cells = [Cell("supermodel", how, 1, 0) for how in ("", "without_ild")]
    assert run_cells(cells, study.measure, tmp_path / "out", study.settings, 1) == []
    found = [
        json.loads((tmp_path / "out" / f"{c.name}.json").read_text()) for c in cells
    ]
    for one in found:
        assert one["trained_on"] == one["scored_on"] == "open-images"
        assert one["start"] == "" and one["stamp"]["processor_s"] > 0
        assert set(one["sets"]) == {
            *("nih_boxes", "nih_boxes_rsna", "nih_boxes_chestx_det"),
            "nih_unseen_ild",
        }
    assert found[1]["n_train"] < found[0]["n_train"]
    assert found[0]["sets"]["nih_boxes"]["ids"] == found[1]["sets"]["nih_boxes"]["ids"]
    scores = join_scores([found[0]["sets"]["nih_boxes"]])["operating"]
    ious = metrics.iou_per_image(scores.scores[0.5])
    assert 0 < np.isfinite(ious).sum() < len(ious)
    folder = study.work / "films" / "supermodel__without_ild" / "fold1_seed0"
    assert (folder / "model.safetensors").is_file()
    monkeypatch.setattr(FilmStudy, "measure", None)  # nothing is measured again
    assert run_cells(cells, None, tmp_path / "out", study.settings, 1) == []
