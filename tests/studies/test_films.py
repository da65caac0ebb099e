"""One cell of each world's study at tiny size, and what its arms change."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from chexnomaly import evaluation, metrics, systems
from chexnomaly.datasets import sampling
from chexnomaly.datasets.annotations.findings import COLUMNS, save_findings
from chexnomaly.datasets.annotations.splits import save_split, split_images
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.sampling import films_showing
from chexnomaly.datasets.store.writer import StoreWriter
from chexnomaly.evaluation.evaluator import TestSet
from chexnomaly.metrics.classification import auc_statistic
from chexnomaly.phantom.files.prepared import write_prepared
from chexnomaly.results import read_result
from chexnomaly.studies import run
from chexnomaly.studies.cells import Cell
from chexnomaly.studies.films import FOUR_BY_THREE, FilmWorld
from chexnomaly.studies.multiverse.arms import split_option
from chexnomaly.studies.packing import unpack_scores
from chexnomaly.studies.world_study import WorldStudy
from chexnomaly.systems import RECIPES, Options, baselines
from chexnomaly.training.schedule import Schedule
from chexnomaly.workspace import FoldRuns, Workspace
from tests.real_films import as_films, write_films

SMALL = {"base_channels": 4, "depth": 3, "epochs": 1, "patience": 1}


@pytest.fixture
def study(squares, tmp_path, monkeypatch):
    workspace = Workspace("tiny", tmp_path)
    write_films(squares, workspace.data / "nih")
    monkeypatch.setattr(FilmWorld, "families", {"ild": ("ild",)})
    monkeypatch.setattr(FilmWorld, "findings", ("ild",))
    every = [Cell(*arm, 0, 0) for _, arms in FilmWorld.plan.values() for arm in arms]
    arms = [(one.system, one.films) for one in every if not one.held]
    arms += [(system, "without_ild") for system in ("supermodel", "mean_mask")]
    plan = {"central": (FOUR_BY_THREE, arms)}
    monkeypatch.setattr(FilmWorld, "plan", plan)
    return WorldStudy(FilmWorld(workspace), tmp_path / "work", "tiny", SMALL)


def test_every_arm_is_a_system_and_a_choice_of_films(study):
    held = study.world.films(1)
    for cell in study.cells():
        name = cell.system.partition("__")[0]
        assert split_option(cell.system)[0] in RECIPES or name in FilmWorld.blind
        if not cell.films.isdigit() and not cell.held:
            assert study.change(held, cell.films, 0).ids("test") == held.ids("test")
    assert len(study.change(held, "10", 0).ids("train")) == 10
    without = study.change(held, "without_ild", 0)
    learned = {*without.ids("train"), *without.ids("val")}
    assert learned and not learned & films_showing(held, ["ild"])
    with pytest.raises(KeyError):
        study.change(held, "without_nothing", 0)


def test_the_control_loses_as_many_abnormal_films_and_still_sees_the_finding(study):
    held = study.world.films(1)
    without, control = (
        study.change(held, f"{kind}_ild", 3) for kind in ("without", "control")
    )
    for part in ("train", "val"):
        kinds = [[*map(len, one.part(part).kinds())] for one in (without, control)]
        assert kinds[0] == kinds[1]
        assert len(without.labelled_part(part)) == len(control.labelled_part(part))
    assert {*control.ids("train")} & films_showing(held, ["ild"])
    assert control.ids("test") == held.ids("test")
    other = study.change(held, "control_ild", 4)
    assert other.ids("train") != control.ids("train")


def test_a_cell_is_trained_scored_and_skipped(study, tmp_path, monkeypatch):
    out = tmp_path / "out"
    only = ["supermodel__fold1_seed0", "*without_ild__fold1_seed0"]
    asked = ["films", "--out", str(out), "--processes", "1", "--only", *only]
    run.main(asked, study)
    folder = out / "cells" / "films"
    found = [
        json.loads((folder / f"supermodel__{how}fold1_seed0.json").read_text())
        for how in ("", "without_ild__")
    ]
    shared = json.loads((folder / "sets__fold1.json").read_text())
    for one in found:
        assert one["trained_on"] == "open-images" and one["start"] == ""
        assert one["stamp"]["processor_s"] > 0
    assert [*found[1]["sets"]] == ["nih_unseen_ild"]
    assert {"nih_boxes", "nih_boxes_rsna"} <= {*found[0]["sets"]}
    assert "nih_boxes_pa" not in found[0]["sets"] and "nih_boxes_pa" in shared["sets"]
    assert found[1]["n_train"] < found[0]["n_train"]
    ious = metrics.iou_per_image(unpack_scores(found[0], shared, "nih_boxes")["paper"])
    assert 0 < np.isfinite(ious).sum() < len(ious)
    runs = study.work / "films" / "supermodel__without_ild" / "fold1_seed0"
    assert (runs / "model.safetensors").is_file()
    assert [key for key in found[0]["sets"] if "ild" in key] == []
    never = read_result(out / "supermodel__nih_unseen_ild.json")
    assert never["evidence"] == "open-images" and "mean_mask" in never["paired"]
    before = {path: path.read_bytes() for path in out.rglob("*.json")}
    monkeypatch.setattr(WorldStudy, "measure", None)  # nothing is measured again
    run.main(asked, study)
    run.main([*asked[:3], "--write"], study)
    same = {p: b for p, b in before.items() if "stamp" not in p.name}
    assert all(path.read_bytes() == content for path, content in same.items())
    with pytest.raises(SystemExit, match="no cell"):
        run.main([*asked[:3], "--only", "nothing*"], study)


def test_the_mean_mask_of_a_cell_is_that_of_its_training_films(study):
    data = study.world.films(1)
    shared = study.shared(1)
    found = study.measure(Cell("mean_mask", "without_ild", 1, 0), shared)
    learned = study.change(data, "without_ild", 0)
    scans = sampling.unseen_part(data, ["ild"])
    prior = baselines.mean_mask(learned.part("train"))
    marked = (prior > found["operating"]).numpy()
    masks = np.stack([scans.mask(i).numpy() > 0 for i in scans.ids])
    expected = metrics.iou_per_image(metrics.count_pixels(marked, masks))
    scores = unpack_scores(found, shared, "nih_unseen_ild")["operating"]
    np.testing.assert_allclose(metrics.iou_per_image(scores), expected)
    assert found["n_train"] == len(learned.part("train"))


def test_nothing_is_trained_where_a_fold_has_no_film_to_score(
    study, tmp_path, monkeypatch
):
    never = {"ild": ("ild",), "mediastinal_shift": ("mediastinal_shift",)}
    monkeypatch.setattr(FilmWorld, "families", never)
    arms = [("mean_mask", "without_ild"), ("supermodel", "without_mediastinal_shift")]
    monkeypatch.setattr(FilmWorld, "plan", {"held out": ([(1, 0)], arms)})
    out = tmp_path / "out"
    run.main(["films", "--out", str(out), "--processes", "1"], study)
    [empty] = (out / "cells" / "films").glob("supermodel__*.json")
    assert json.loads(empty.read_text())["sets"] == {}
    assert not [*study.work.rglob("model.safetensors")]
    assert [
        p.name for p in out.glob("mean_mask__nih_unseen_ild*") if "stamp" not in p.name
    ]
    assert not [*out.glob("*mediastinal_shift*")]


def test_an_option_that_an_arm_changes_is_that_of_the_training(study, monkeypatch):
    asked = []

    def train(system, data, runs, options):
        asked.append((options(RECIPES[system]), runs / system))
        raise InterruptedError

    monkeypatch.setattr(systems, "train_in_order", train)
    for system in ("supermodel", "supermodel__alpha_0_5"):
        with pytest.raises(InterruptedError):
            study.measure(Cell(system, "", 1, 7), {})
    (plain, at), (changed, other) = asked
    assert changed.alpha == 0.5 and replace(changed, alpha=plain.alpha) == plain
    assert plain.schedule.seed == 7 and plain.base_channels == 4
    assert at != other


def test_the_cells_are_those_of_the_plan(tmp_path):
    study = WorldStudy(FilmWorld(Workspace("demo", tmp_path)), tmp_path)
    cells = study.cells()
    assert Counter(cells.values()) == {
        "central": (6 + 3) * 12,
        "practice": (2 * 3 + 2 * 5 + 5 * 2) * 12,
        "others": (2 + 5 + 3 + 3 + 2 + 1) * 4,
        "held out": 7 * 2 * 2 * 4,
        "blind": (3 + 3 + 7 * 2) * 4,
    }
    others = [c for c, kind in cells.items() if kind in ("others", "held out")]
    assert {(c.fold, c.seed) for c in others} == {(1, 0), (2, 1), (3, 2), (4, 3)}


def test_practice_comes_first_and_its_controls_take_as_long(study, monkeypatch):
    workspace = study.world.workspace
    parts = np.repeat(["train", "val"], (30, 6))
    phantoms = write_prepared(workspace.data / "vindr", parts, 0, 32, enriched=True)
    asked = []

    def train(system, data, runs, options):
        asked.append((system, data.origin, runs / system, options(RECIPES[system])))
        yield RECIPES[system], SimpleNamespace(model=None)

    monkeypatch.setattr(systems, "train_in_order", train)
    monkeypatch.setattr(WorldStudy, "score", lambda self, p, c, data, *_: {"d": data})
    study = replace(study, chosen=SMALL | {"epochs": 12})
    held = study.world.films(1)
    n = len(held.ids("train"))
    found = study.measure(Cell("supermodel__from_phantoms", "10", 1, 2), {})
    assert [(one[0], one[1]) for one in asked] == [
        ("supermodel", "phantom"),
        ("supermodel__from_phantoms", "open-images"),
    ]
    assert asked[0][2] == study.work / "phantoms" / "supermodel" / "fold0_seed2"
    assert asked[1][3].schedule.epochs == round(12 * n / 10)
    assert asked[1][3].schedule.patience >= asked[1][3].schedule.epochs
    assert (
        found["start"] == "phantoms:supermodel" and len(found["d"].ids("train")) == 10
    )
    asked.clear()
    never = study.measure(Cell("chexnomaly__from_phantoms", "0", 1, 2), {})
    assert [(one[0], one[1]) for one in asked] == [("chexnomaly", "phantom")]
    assert never["d"].data_hash == phantoms.data_hash  # its threshold saw no film
    asked.clear()
    study.measure(Cell("supermodel__longer", "10", 1, 2), {})
    assert asked[0][:2] == ("supermodel", "open-images")
    assert asked[0][3].schedule.epochs == round(12 * (n + 30) / 10)
    assert asked[0][2].parent.name == "supermodel__longer__10"
    asked.clear()
    study.measure(Cell("supermodel__from_labels", "10", 1, 2), {})
    first, second = asked
    assert first[0] == "one_film_cnn" and first[3].schedule.epochs == 12
    assert first[2] == study.work / "films" / "one_film_cnn" / "fold1_seed2"
    assert second[0] == "supermodel__from_labels"


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
        data = sampling.shuffled_masks(held, seed) if how else held
        runs = FoldRuns(tmp_path / "runs", f"fold1_seed{seed}", how)
        one = replace(options, schedule=replace(schedule, seed=seed))
        model = systems.train_system("supermodel", data, runs, one).model
        scores = test.score(evaluation.predict(model, test.scans), [0.5]).scores[0.5]
        found[how].append(float(auc_statistic(scores)))
    assert found[""][0] > 0.9
    # 20 sick against 20 healthy films: one AUC has a standard error of 0.09 by chance
    assert np.mean(found["shuffled"]) == pytest.approx(0.5, abs=0.12)
