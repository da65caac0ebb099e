"""The study at a size at which only its bookkeeping can be tested."""

import pytest

from chexnomaly.results import read_result
from chexnomaly.studies.design import Design, make_world
from chexnomaly.studies.generalization import run as loo
from chexnomaly.studies.generalization.held_out import hold_out

TINY = Design(
    counts=(40, 30, 60),
    n_unseen=4,
    size=32,
    seeds=(0, 1),
    chosen={"base_channels": 4, "depth": 2, "epochs": 1},
)
FINDINGS = ("pulmonary_fibrosis", "other_lesion")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"), TINY)


def test_the_world_holds_what_the_design_says(world):
    counts = world.data.split.value_counts()
    assert (counts["train"], counts["val"], counts["test"]) == TINY.counts
    assert world.unseen.part("test").is_abnormal().all()
    assert set(world.unseen.findings.finding) == {"pneumonia"}


def test_the_twin_is_trained_without_the_finding(world, tmp_path, monkeypatch):
    held = hold_out(world.data, FINDINGS[0])
    asked = []

    def recording(key, data, runs, options):
        asked.append(data)
        raise InterruptedError

    monkeypatch.setattr(loo.systems, "train_system", recording)
    with pytest.raises(InterruptedError):
        loo.train_without("chexnomaly", world.data, held, tmp_path, TINY, 0)
    (data,) = asked
    assert not held.scans & (set(data.ids("train")) | set(data.ids("val")))


def test_a_finished_training_is_not_repeated(world, tmp_path):
    held = hold_out(world.data, FINDINGS[0])
    arguments = ("supermodel", world.data, held, tmp_path, TINY, 0)
    loo.train_without(*arguments)
    run = tmp_path / "supermodel" / "checkpoint.safetensors"
    before = run.stat().st_mtime_ns
    loo.train_without(*arguments)
    assert run.stat().st_mtime_ns == before
    other = hold_out(world.data, FINDINGS[1])
    loo.train_without("supermodel", world.data, other, tmp_path, TINY, 0)
    assert run.stat().st_mtime_ns > before


@pytest.mark.slow
def test_the_study_writes_every_system_and_the_answers(tmp_path):
    loo.run_study(tmp_path / "work", tmp_path / "out", TINY, FINDINGS)
    names = {p.stem for p in tmp_path.glob("out/*.json") if "stamp" not in p.name}
    sets = ("held_out", "held_out_control", "unseen_study")
    systems = (*loo.ASKED, "mean_mask")
    expected = {f"{system}__{name}" for system in systems for name in sets}
    expected -= {"chexnomaly__random_base__held_out_control"}
    assert names == expected | {"generalization__held_out"}
    answers = read_result(tmp_path / "out" / "generalization__held_out.json")
    assert answers["evidence"] == "phantom" and answers["seeds"] == [0, 1]
    first, second = (
        read_result(tmp_path / "out" / f"{s}__held_out.json")["values"]
        for s in ("chexnomaly", "supermodel")
    )
    key = "iou@operating"
    difference = answers["values"][f"generalizes.{key}"]["value"]
    assert difference == pytest.approx(
        first[key]["value"] - second[key]["value"], abs=2e-6
    )
