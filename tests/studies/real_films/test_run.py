"""One cell of the real films' study at tiny size, and what its arms change."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chexnomaly import evaluation, metrics, systems
from chexnomaly.datasets.annotations.findings import COLUMNS, save_findings
from chexnomaly.datasets.annotations.splits import save_split, split_images
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.sampling import films_showing
from chexnomaly.datasets.store.writer import StoreWriter
from chexnomaly.evaluation.evaluator import TestSet
from chexnomaly.metrics.classification import auc_statistic
from chexnomaly.studies.cells import Cell, join_scores, run_cells
from chexnomaly.studies.real_films import run
from chexnomaly.studies.real_films.run import FILM_ARMS, FilmStudy, change_films
from chexnomaly.systems import RECIPES, Options, baselines
from chexnomaly.training.schedule import Schedule
from chexnomaly.workspace import FoldRuns, Workspace
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
        assert system in RECIPES or system in run.BLIND
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
    scores, other = (join_scores([one], "nih_boxes")["operating"] for one in found)
    assert scores.ids == other.ids
    ious = metrics.iou_per_image(scores.scores[0.5])
    assert 0 < np.isfinite(ious).sum() < len(ious)
    folder = study.work / "films" / "supermodel__without_ild" / "fold1_seed0"
    assert (folder / "model.safetensors").is_file()
    monkeypatch.setattr(FilmStudy, "measure", None)  # nothing is measured again
    assert run_cells(cells, None, tmp_path / "out", study.settings, 1) == []


def test_the_mean_mask_of_a_cell_is_that_of_its_training_films(study, monkeypatch):
    monkeypatch.setattr(run, "WITHOUT", {"ild": ("ild",)})
    data = PreparedSet.open(study.workspace.data / "nih").hold_out(1)
    found = study.measure(Cell("mean_mask", "without_ild", 1, 0))
    learned = change_films(data, "without_ild", 0)
    scans, prior = data.part("test"), baselines.mean_mask(learned.part("train"))
    marked = (prior > found["operating"]).numpy()
    masks = np.stack([scans.mask(i).numpy() > 0 for i in scans.ids])
    expected = metrics.iou_per_image(metrics.count_pixels(marked, masks))
    scores = join_scores([found], "nih_boxes")["operating"].scores[0.5]
    np.testing.assert_allclose(metrics.iou_per_image(scores), expected)
    assert found["start"] == "" and found["n_train"] == len(learned.part("train"))


def write_stripes(out: Path, n: int, size: int = 32) -> PreparedSet:
    """Prepare films with a striped patch each: sick and boxed where it lies level.

    Upright stripes are as bright and as odd as level ones, so that a network that was
    taught nothing scores sick and healthy films alike; any patch draws its attention.
    """
    rng, rows = np.random.default_rng(0), []
    ids = [f"img{i:03d}" for i in range(n)]
    writer = StoreWriter(out / "store", ids, size)
    stripes = np.tile([[0.4], [0.0]], (5, 10))
    for i, image_id in enumerate(ids):
        image = rng.random((size, size), dtype=np.float32) * 0.5
        x, y = rng.integers(0, size - 10, 2)
        image[y : y + 10, x : x + 10] += stripes if i % 2 == 0 else stripes.T
        writer.write(i, image, size, size)
        box = [x, y, x + 10, y + 10] if i % 2 == 0 else [np.nan] * 4
        finding = "ild" if i % 2 == 0 else "no_finding"
        rows.append([image_id, "R1", finding, *box, size, size, "phantom", 2 + i])
    writer.finish()
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    save_findings(table, out / "findings.csv")
    save_split(split_images(table), out / "splits.csv")
    return as_films(PreparedSet.open(out))


@pytest.mark.slow
def test_a_network_trained_on_other_films_masks_tells_nothing_apart(tmp_path):
    held = write_stripes(tmp_path / "films", n=200).hold_out(1, val_share=0.2)
    schedule = Schedule(epochs=15, batch_size=4, learning_rate=1e-2, one_cycle=True)
    sizes = {"base_channels": 4, "depth": 3, "convolutions": 1, "batch_norm": True}
    options = Options(**sizes, alpha=0.75, augment=False, schedule=schedule)
    test = TestSet(held.part("test"), held.origin)
    found = {"": [], "shuffled": []}
    for how, seed in [("", 0), *(("shuffled", seed) for seed in range(5))]:
        data = change_films(held, how, seed)
        runs = FoldRuns(tmp_path / "runs", f"fold1_seed{seed}", how)
        one = replace(options, schedule=replace(schedule, seed=seed))
        model = systems.train_system("supermodel", data, runs, one).model
        scores = test.score(evaluation.predict(model, test.scans), [0.5]).scores[0.5]
        found[how].append(float(auc_statistic(scores)))
    assert found[""][0] > 0.9
    # 20 sick against 20 healthy films: one AUC has a standard error of 0.09 by chance
    assert np.mean(found["shuffled"]) == pytest.approx(0.5, abs=0.12)
