"""The phantoms' study, end to end at a size at which only bookkeeping can be tested."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.labels import FINDINGS
from chexnomaly.phantom.files.prepared import write_prepared
from chexnomaly.profiles import open_profile
from chexnomaly.results import read_result
from chexnomaly.studies import phantoms, practice, run
from chexnomaly.studies.cells import Cell
from chexnomaly.studies.films import FilmWorld
from chexnomaly.studies.finished import Finished
from chexnomaly.studies.multiverse.arms import ARMS, split_option
from chexnomaly.studies.phantoms import HELD_TOGETHER, PhantomWorld
from chexnomaly.studies.world_study import WorldStudy
from chexnomaly.systems import RECIPES
from chexnomaly.workspace import Workspace, project_root

SMALL = {"base_channels": 4, "depth": 2, "epochs": 1}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    made = Workspace("tiny", tmp_path_factory.mktemp("phantoms"))
    parts = np.repeat(["train", "val", "test"], (40, 30, 40))
    write_prepared(made.data / "vindr", parts, 0, 32, enriched=True)
    how = {"layout": "rsna", "positive_share": 1.0}
    write_prepared(made.data / "other", ["test"] * 6, 1, 32, **how)
    return made


@pytest.fixture
def study(workspace, tmp_path, monkeypatch):
    monkeypatch.setattr(phantoms, "N_DRAWN", 4)
    monkeypatch.setattr(phantoms, "N_TEST", 40)
    return WorldStudy(PhantomWorld(workspace), tmp_path / "work", "tiny", SMALL)


def test_every_finding_is_held_out_once_with_its_synonyms():
    held = [f for kin in HELD_TOGETHER.values() for f in kin if f in FINDINGS]
    assert sorted(held) == sorted(FINDINGS)
    assert {"lung_opacity", "consolidation"} <= {*HELD_TOGETHER["opacity"]}


def test_every_arm_is_a_system_and_stands_beside_another(study):
    arms = {(cell.system, cell.films) for cell in study.cells()}
    for system, _ in arms:
        name = system.partition("__")[0]
        assert split_option(system)[0] in RECIPES or name in PhantomWorld.blind
    assert len({arm.stem for arm in ARMS}) == len(ARMS)
    for arm in ARMS:
        assert arm.cells != (arm.default, "") and arm.default in RECIPES
        assert {arm.cells, (arm.default, "")} <= arms


def test_the_cells_are_those_of_the_plan(study):
    kinds = Counter(study.cells().values())
    assert kinds == {
        "pilots": 3 * 4,
        "central": (6 + 3) * 16,
        "others": (2 + 5 + 3 + 4 + 14 + 2) * 3,
        "held out": 12 * 2 * 2 * 3,
        "simpler": 3 * 3,
        "blind": 2 + 14 + 12 * 2,
        "register": len(ARMS) - 9,  # nine have three seeds or sixteen
    }
    pilots = [cell for cell, kind in study.cells().items() if kind == "pilots"]
    assert {study.own_set(cell) for cell in pilots} == {"study_pilot"}
    named = ("specialized_ild", "mean_mask__ild", "chexnomaly__warm_start")
    own = [study.own_set(Cell(name, "", 0, 0)) for name in named]
    assert own == ["study_specialized_ild"] * 2 + [""]
    assert study.own_set(Cell("supermodel", "control_ild", 0, 0)) == "study_without_ild"


def test_practice_turns_off_one_part_of_the_demos_films(study):
    own = study.world.films(0)
    anatomy = study.world.practice("one_anatomy", [])
    assert anatomy.split.equals(own.split) and {*anatomy.store.ids} == {*own.store.ids}
    some = own.ids("train")[:5]
    images = [(own.store.image(i), anatomy.store.image(i)) for i in some]
    assert all(not np.array_equal(*pair) for pair in images)
    drawn = study.change(own, "perfect_readers", 0).findings
    opinions = drawn[["image_id", "finding", "x_min", "y_min", "x_max", "y_max"]]
    assert (opinions.value_counts(dropna=False) == 3).all()  # all three draw the same
    kept = study.world.practice("own_findings", ["ild", "pneumonia"])
    learned = kept.findings[kept.findings.image_id.isin(kept.ids("train"))]
    assert {*learned.finding} <= {"ild", "no_finding"}
    assert kept.ids("test") == own.ids("test")
    assert study.world.practice("phantoms", ["ild"]).split_hash == own.split_hash


def test_simpler_phantoms_are_tested_on_their_own_and_on_natural_ones(study):
    whole = study.world.films(0)
    painted = study.change(whole, "painted", 0)
    assert painted.split_hash == whole.split_hash
    every = SegmentationSet(painted.store, painted.findings, painted.ids("test"))
    known = {painted.store.image(i).tobytes(): every.mask(i) for i in every.ids}

    def paint(scans):  # marks what it knows from painted films, and nothing else
        for i in scans.ids:
            empty = torch.zeros_like(scans.mask(i))
            yield known.get(scans.store.image(i).tobytes(), empty)[None]

    cell, shared = Cell("supermodel", "painted", 0, 0), study.shared(0)
    means = study.score(paint, cell, painted, whole, shared)["means"]
    found = {key: one["iou_c"]["value"] for key, one in means.items()}
    assert found == {"vindr_test": 0, "own_test": 1}
    plain = study.score(paint, replace(cell, films=""), whole, whole, shared)["means"]
    assert {*plain} == {"vindr_test"}


@pytest.mark.parametrize("world", [PhantomWorld, FilmWorld])
def test_every_committed_cell_is_of_the_plan_and_of_its_sets(world, tmp_path):
    folder = project_root() / "book" / "reference" / "study" / "cells" / world.name
    study = WorldStudy(world(Workspace("demo", tmp_path)), tmp_path)
    planned = {cell.name for cell in study.cells()}
    done = {path.stem for path in folder.glob("*__fold*_seed*.json")}
    assert done and done <= planned
    read = Finished.read(folder)  # refuses a cell that was made with other sets
    assert sum(map(len, read.arms.values())) == len(done)


def test_the_study_has_the_sizes_and_recipes_of_the_demo():
    names = {*PhantomWorld.sections, "08_real_films", "real_films_twins", "02_data"}
    for name in names:
        demo, study = (vars(open_profile(p).settings(name)) for p in ("demo", "study"))
        assert study | {"profile": "demo"} == demo


def test_findings_that_no_training_film_shows_are_drawn_once(study, workspace):
    whole = study.world.films(0)
    tests = study.world.sets(whole).tests
    for name in ("rib_fracture", "covid"):
        scans = tests[f"study_unseen_{name}"].scans
        assert len(scans) == 4 and scans.is_abnormal().all()
        assert {*study.world.unseen(name).findings.finding} == {name}
    plain = ["study_test", *(key for key in tests if "study_unseen" in key)]
    ids = [i for key in tests if key in plain for i in tests[key].scans.ids]
    assert len({*ids}) == len(ids)
    with pytest.raises(ValueError, match="one split"):
        study.world.films(1)


def test_two_who_want_the_same_films_do_not_draw_into_one_folder_at_once(
    study, monkeypatch
):
    inside, most = [], []

    def write(root, *_, **__):
        inside.append(root)
        most.append(len(inside))
        time.sleep(0.2)
        inside.remove(root)
        return root

    monkeypatch.setattr(phantoms, "write_prepared", write)
    with ThreadPoolExecutor() as threads:
        wanted = [threads.submit(study.world.draw, "painted", [], 0) for _ in "ab"]
    assert wanted[0].result() == wanted[1].result() and most == [1, 1]


def test_other_films_are_as_many_and_none_of_the_test_films(study):
    whole = study.world.films(0)
    other = study.change(whole, "other_films_1", 0)
    assert [len(other.ids(p)) for p in ("train", "val", "test")] == [40, 30, 0]
    test = study.world.test_films()
    assert test.part("test").is_abnormal().sum() == len(test.store) / 2
    films = {s.image(i).tobytes() for s in (whole.store, test.store) for i in s.ids}
    assert len(films) == 110 + 40
    assert not films & {other.store.image(i).tobytes() for i in other.store.ids}


def test_a_tiny_study_grows_over_runs_and_gives_the_same_bytes(study, tmp_path, capsys):
    only = ["supermodel__fold*", "mean_mask__fold*", "siamese_cnn__fold*"]
    only += ["supermodel__*_ild__fold*", "supermodel__alpha_0_5__fold*"]
    only += ["supermodel__one_anatomy__fold*"]
    only = [f"{one}_seed[01]" for one in only]
    asked = ["phantoms", "--processes", "1", "--only", *only]
    out, again = tmp_path / "a", tmp_path / "b"
    run.main([*asked, "--out", str(out), "--minutes", "0"], study)
    assert [p.name for p in out.rglob("*.json")] == ["sets__fold0.json"]
    run.main([*asked[:3], "--out", str(out), "--only", only[0]], study)
    said = f"phantoms: 2 of {len(study.cells())} cells are finished"
    assert capsys.readouterr().out.splitlines()[-1] == said
    before = {p.name: p.read_bytes() for p in (out / "cells" / "phantoms").iterdir()}
    run.main([*asked, "--out", str(out)], study)
    run.main([*asked, "--out", str(again)], study)
    cells = out / "cells" / "phantoms"
    assert all((cells / name).read_bytes() == old for name, old in before.items())
    for path in cells.iterdir():
        one, other = (
            json.loads((folder / "cells" / "phantoms" / path.name).read_text())
            for folder in (out, again)
        )
        assert one | {"stamp": 0} == other | {"stamp": 0}
        assert path.name.startswith("sets") or path.stat().st_size <= 12_000
    for path in out.glob("*.json"):
        if "stamp" not in path.name:
            assert (again / path.name).read_bytes() == path.read_bytes()
    never, control = (
        read_result(out / f"supermodel__study_without_ild{end}.json")
        for end in ("", "_control")
    )
    assert never["n"] == control["n"] and "all_empty" in control["paired"]
    assert read_result(out / "siamese_cnn__study_pairs.json")["seeds"] == [0, 1]
    simpler = read_result(out / "supermodel__one_anatomy__study_test.json")
    assert {*simpler["means"]} == {"vindr_test", "own_test"}
    assert [*practice.simpler(out)] == [
        "tested on films as simple",
        "tested on natural films",
    ]
    arms = read_result(out / "multiverse__study_test.json")
    assert [*arms["arms"]] == ["32.alpha_0_5"]
    assert arms["seeds"] == [0] and arms["resampled"] == ["films"]
    assert (cells / f"{Cell('mean_mask', '', 0, 0).name}.json").is_file()
