"""The ablation study at a size at which only its bookkeeping can be tested."""

import json
from dataclasses import replace

import numpy as np
import pytest

from chexnomaly.labels import FINDINGS
from chexnomaly.phantom import Switches
from chexnomaly.results import read_result
from chexnomaly.studies import phantom_ablations as ps
from chexnomaly.studies import phantom_worlds as pw
from chexnomaly.training import Schedule

TINY = pw.Study(
    counts=(24, 12, 24),
    size=32,
    seeds=(0, 1),
    options=replace(
        pw.RECIPE, base_channels=4, depth=2, schedule=Schedule(epochs=1, batch_size=8)
    ),
)


def test_every_finding_is_painted_in_one_group():
    painted = [finding for group in pw.GROUPS.values() for finding in group]
    assert sorted(painted) == sorted(FINDINGS)
    assert pw.WORLDS["painted_all"].painted == frozenset(FINDINGS)
    assert pw.WORLDS[pw.NATURAL] == Switches()


def test_iou_of_each_scan_is_undefined_where_nothing_is_to_be_found():
    scores = {name: np.array(v) for name, v in (("tp", [3, 0]), ("fp", [1, 2]))}
    found = ps.per_scan_iou(scores | {"fn": np.array([2, 0])})
    assert found[0] == 0.5 and np.isnan(found[1])


def test_worlds_hold_the_same_people(tmp_path):
    natural = pw.make_world(tmp_path / "a", TINY, pw.WORLDS[pw.NATURAL])
    painted = pw.make_world(tmp_path / "b", TINY, pw.WORLDS["painted_all"])
    assert natural.split.equals(painted.split)
    counts = natural.split.value_counts()
    assert (counts["train"], counts["val"], counts["test"]) == TINY.counts
    columns = ["image_id", "reader", "finding"]
    assert natural.findings[columns].equals(painted.findings[columns])
    normal = set(natural.findings.image_id[natural.findings.finding == "no_finding"])
    changed = {
        image_id
        for image_id in natural.store.ids
        if not np.array_equal(
            natural.store.image(image_id), painted.store.image(image_id)
        )
    }
    assert changed and not changed & normal


@pytest.mark.slow
def test_the_study_writes_each_world_and_its_difference(tmp_path):
    worlds = [pw.NATURAL, "no_reader_noise"]
    ps.run_study(tmp_path / "work", tmp_path / "out", TINY, worlds)
    names = {p.stem for p in tmp_path.glob("out/*.json") if "stamp" not in p.name}
    assert names == {
        "supermodel__phantom_ablation_test",
        "mean_mask__phantom_ablation_test",
        "brightness_threshold__phantom_ablation_test",
        "brightness_threshold__no_reader_noise__phantom_ablation_test",
        "supermodel__no_reader_noise__phantom_ablation_test",
        "supermodel__no_reader_noise__phantom_natural_test",
        "mean_mask__no_reader_noise__phantom_ablation_test",
    }
    first, arm = (
        read_result(tmp_path / "out" / f"supermodel{arm}__phantom_ablation_test.json")
        for arm in ("", "__no_reader_noise")
    )
    assert first["evidence"] == "phantom" and len(first["by_seed"]) == 2
    key = "iou_c@operating"
    difference = arm["paired"]["supermodel"][key]["value"]
    expected = arm["values"][key]["value"] - first["values"][key]["value"]
    assert difference == pytest.approx(expected, abs=1e-5)
    assert first["values"][key]["value"] == pytest.approx(np.mean(first["by_seed"]))
    stamps = [json.loads(p.read_text()) for p in tmp_path.glob("out/*.stamp.json")]
    assert {s["parameters"]["world"] for s in stamps} == set(worlds)
