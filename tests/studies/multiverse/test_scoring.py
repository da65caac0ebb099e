"""Readings of the scores agree with the metrics; the defaults are the register's."""

import numpy as np
import pandas as pd
import pytest
import torch

from chexnomaly import metrics
from chexnomaly.boxes import rectangularize
from chexnomaly.studies.multiverse import effects
from chexnomaly.studies.multiverse import scoring as sa

OPERATING = 0.35


@pytest.fixture(scope="module")
def scans(squares):
    return squares.part("test")


@pytest.fixture(scope="module")
def masks(scans):
    return sa.masks_of(scans)


@pytest.fixture(scope="module")
def maps(masks):
    noise = torch.rand(masks["union"].shape, generator=torch.Generator().manual_seed(0))
    return (0.5 * masks["union"] + 0.6 * noise).clamp(0, 1)


def test_masks_follow_the_readers(scans, masks):
    assert torch.equal(masks["union"], torch.stack([scans.mask(i) for i in scans.ids]))
    union, two = masks["union"].sum(), masks["two readers"].sum()
    assert 0 < two <= union


def test_every_combination_is_scored_once(maps, masks):
    table = sa.readings(maps, masks, OPERATING, min_area=1)
    keys = [*sa.DEFAULT_READING]
    assert len(table) == 5 * 10 * 3 * 2 == len(table.drop_duplicates(keys))
    assert sa.is_default(table).sum() == 1
    default = table[sa.is_default(table)].iou.item()
    assert default == metrics.iou(maps, masks["union"], "C", OPERATING)
    other = table.query(
        "convention == 'A' and threshold == '0.6' and masks == 'two readers' "
        "and transform"
    ).iou.item()
    soft = table.query("convention == 'E' and masks == 'first reader'").iloc[0]
    expected = metrics.iou(maps, masks["first reader"], "E", 0.1)
    assert soft.threshold == "0.1" and not soft["transform"]
    assert soft.iou == pytest.approx(expected, abs=1e-6)
    boxed = rectangularize(maps, 0.6, 1)
    assert other == metrics.iou(boxed, masks["two readers"], "A", 0.6)


def test_first_means_alone_in_front(maps, masks):
    good = sa.readings(maps, masks, OPERATING, 1)
    empty = sa.readings(torch.zeros_like(maps), masks, OPERATING, 1)
    first = sa.is_first({"good": good, "empty": empty})
    pd.testing.assert_series_equal(first.good, good.iou > empty.iou, check_names=False)
    assert len(first) == len(good) and first.good.sum() > first["empty"].sum()
    assert not sa.is_first({"a": good, "b": good}).any(axis=None)


def test_each_decision_is_compared_with_its_default(maps, masks):
    arms = effects.Effects()
    effects.add_scoring(arms, "supermodel", maps, masks, OPERATING, 1)
    assert {key.split(".")[0] for key in arms.values} == set("4567") | {"18", "30"}
    for key, difference in arms.paired.items():
        item, name, metric = key.split(".")  # as the register's page reads them
        arm = f"{item}.{name}"
        default = f"{arms.told[arm]['default']}.{metric}"
        pair = [arms.values[k]["value"] for k in (key, default)]
        if None not in pair:
            assert difference["value"] == pytest.approx(pair[0] - pair[1], abs=2e-6)
    hard = arms.values["5.hard_supermodel.mae"]["value"]
    assert hard == pytest.approx(
        metrics.mean_absolute_error(maps, masks["union"], 0.5), abs=1e-6
    )


def test_every_convention_and_every_rule_is_a_reading():
    table = pd.read_csv(effects.READINGS, dtype=str)
    read = table.groupby("item").statistic.agg(set)
    assert read["4"] == {f"iou_{name.lower()}" for name in metrics.IOU_CONVENTIONS}
    assert read["6"] == {f"f1_{rule}" for rule in metrics.F1_RULES}
    assert {*table.scores[table["item"] == "18"]} == {"operating", *sa.READER_RULES} - {
        "union"
    }


def test_one_shared_threshold_gives_one_mask(maps, masks):
    stack = torch.cat([maps, maps.flip(-1)], dim=1)
    arms = effects.Effects()
    effects.add_binary_maximum(arms, stack, masks["union"], OPERATING, [OPERATING] * 2)
    same = "24.binary_max_ensemble.mean_iou"
    assert arms.paired[same]["value"] == 0
    assert arms.values[same] == arms.values["24.binary_own_max_ensemble.mean_iou"]
    assert arms.paired["24.binary_max_ensemble.mae"]["value"] != 0


def test_healthy_scans_move_convention_a_and_not_c(maps, masks):
    scores = metrics.image_scores(maps, masks["union"], 0.9)
    has = scores["tp"] + scores["fn"] > 0
    positives = {k: np.tile(v[has], 20) for k, v in scores.items()}
    empty = torch.zeros_like(maps)
    clean = metrics.image_scores(empty, empty)
    normals = {k: np.tile(v, 20) for k, v in clean.items()}
    arms = effects.Effects()
    mixes = effects.add_mixes(arms, "s", positives, normals)
    counts = {name: len(mix["tp"]) for name, mix in mixes.items()}
    assert counts == {"4_to_10": 80 + 200, "57_and_143": 200}
    value = {k: e["value"] for k, e in arms.values.items()}
    expected = (80 * value["12.default_s.iou_a"] + 200) / 280  # tiles repeat exactly
    assert value["12.4_to_10_s.iou_a"] == pytest.approx(expected, abs=1e-5)
    assert value["12.4_to_10_s.iou_c"] == pytest.approx(
        value["12.default_s.iou_c"], abs=1e-5
    )
