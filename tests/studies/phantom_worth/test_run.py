"""The ablation study at a size at which only its bookkeeping can be tested."""

import json

import numpy as np
import pytest

from chexnomaly import metrics
from chexnomaly.labels import FINDINGS
from chexnomaly.phantom import Switches
from chexnomaly.results import read_result
from chexnomaly.studies.phantom_worth import run as ps
from chexnomaly.studies.phantom_worth import worlds as pw

TINY = pw.Design(
    counts=(24, 12, 24),
    size=32,
    seeds=(0, 1),
    chosen={"base_channels": 4, "depth": 2, "epochs": 1},
)


def test_every_finding_is_painted_once_alone_and_once_with_all():
    alone = [pw.WORLDS[world].painted for world in pw.PAINTED]
    assert sorted(alone, key=sorted) == [{key} for key in sorted(FINDINGS)]
    assert pw.WORLDS["painted_all"].painted == frozenset(FINDINGS)
    assert pw.WORLDS[pw.NATURAL] == Switches()


def test_iou_of_each_scan_is_undefined_where_nothing_is_to_be_found():
    scores = {name: np.array(v) for name, v in (("tp", [3, 0]), ("fp", [1, 2]))}
    found = metrics.iou_per_image(scores | {"fn": np.array([2, 0])})
    assert found[0] == 0.5 and np.isnan(found[1])


def test_worlds_hold_the_same_people(tmp_path):
    natural = pw.make_world(tmp_path / "a", TINY, pw.NATURAL)
    painted = pw.make_world(tmp_path / "b", TINY, "painted_all")
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


def scored(rng, shift=0.0):
    """Two seeds of one network on 40 scans, 10 of them without a finding."""
    iou = rng.normal(0.4 + shift, 0.05, (2, 40))
    iou[:, :10] = np.nan
    return {ps.IOU: iou} | {ps.found_key(key): iou + 0.1 for key in FINDINGS}


def test_only_what_differs_is_called_different():
    rng = np.random.default_rng(1)
    worlds = {pw.NATURAL: {("supermodel", ps.OWN_SET): scored(rng)}}
    for number, world in enumerate(pw.PAINTED):
        shift = 0.2 if number == 0 else 0.0
        worlds[world] = {
            ("supermodel", name): scored(rng, shift)
            for name in (ps.OWN_SET, ps.NATURAL_SET)
        }
    tested = ps.weigh_differences(worlds)
    assert len(tested) == 14 * 2 * 2  # worlds, sets, IoU and the painted finding
    first, finding = next(iter(pw.PAINTED.items()))
    key = ps.found_key(finding)
    called = {k for k, entry in tested.items() if entry["p_holm"] < 0.05}
    assert {(first, name, key) for name in (ps.OWN_SET, ps.NATURAL_SET)} <= called
    assert {world for world, _, _ in called} == {first}
    assert all(e["p_holm"] >= e["p"] for e in tested.values())
    assert all(e["n"] == 30 for e in tested.values())


def test_a_finding_is_compared_with_all_networks_that_saw_it_computed():
    rng = np.random.default_rng(2)
    worlds = {pw.NATURAL: {("supermodel", ps.OWN_SET): scored(rng)}}
    for world in [*pw.PAINTED][:3]:
        worlds[world] = {
            ("supermodel", name): scored(rng) for name in (ps.OWN_SET, ps.NATURAL_SET)
        }
    first, *others = [*pw.PAINTED][:3]
    key = ps.found_key(pw.PAINTED[first])
    shares = [worlds[pw.NATURAL]["supermodel", ps.OWN_SET][key]]
    shares += [worlds[w]["supermodel", ps.NATURAL_SET][key] for w in others]
    own = worlds[first]["supermodel", ps.OWN_SET][key]
    expected = np.nanmean(own) - np.nanmean(shares)
    entry = ps.weigh_differences(worlds)[first, ps.OWN_SET, key]
    assert entry["value"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.slow
def test_the_study_writes_each_world_and_its_difference(tmp_path):
    worlds = [pw.NATURAL, "no_reader_noise"]
    ps.run_study(tmp_path / "work", tmp_path / "out", TINY, worlds)
    before = {p: p.read_bytes() for p in tmp_path.glob("out/*test.json")}
    made = {p: p.stat().st_mtime_ns for p in (tmp_path / "work").rglob("*.safetensors")}
    made |= {p: p.stat().st_mtime_ns for p in (tmp_path / "work").rglob("*.npy")}
    assert made
    ps.run_study(tmp_path / "work", tmp_path / "out", TINY, worlds)
    assert {p: p.read_bytes() for p in tmp_path.glob("out/*test.json")} == before
    assert {p: p.stat().st_mtime_ns for p in made} == made
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
