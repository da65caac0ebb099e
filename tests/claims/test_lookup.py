"""Results files as entries: found, checked, and refused when they cannot be true."""

import json
import math

import pytest

from chexnomaly.claims.lookup import (
    MeasuredValue,
    NotMeasured,
    Ref,
    Shelf,
    common_level,
)
from chexnomaly.errors import ResultError

REF = Ref("supermodel", "vindr_test", "mae_soft")
GOOD = {
    "schema": 1,
    "system": "supermodel",
    "set": "vindr_test",
    "profile": "demo",
    "notebook": "03_supermodels",
    "evidence": "phantom",
    "trained_on": "phantom",
    "scored_on": "phantom",
    "n": 400,
    "values": {"mae_soft": {"value": 0.02, "low": 0.01, "high": 0.03, "n": 400}},
}


def put(folder, **changes):
    content = {**GOOD, **changes}
    name = f"{content['system']}__{content['set']}.json"
    (folder / name).write_text(json.dumps(content))
    return folder


def test_an_entry_carries_interval_n_level_and_profile(tmp_path):
    entry = Shelf(put(tmp_path)).look_up(REF)
    file = {"file": "supermodel__vindr_test.json"}
    assert entry == MeasuredValue(0.02, 0.01, 0.03, 400, "phantom", "demo", 1, **file)
    assert entry.ends == (0.01, 0.03)


@pytest.mark.parametrize(
    ("changes", "seeds"),
    [
        ({"seeds": [0, 1, 2]}, 1),  # intervals over films alone: of one mean network
        ({"seeds": [0, 1, 2], "resampled": ["films"]}, 1),
        ({"seeds": [0, 1, 2], "resampled": ["seeds", "films"]}, 3),
        ({"trained_on": None}, None),
        ({"system": "mean_mask"}, None),
        ({"system": "mean_mask__cardiomegaly"}, None),
    ],
)
def test_seeds_count_where_the_intervals_cover_them(tmp_path, changes, seeds):
    system = changes.get("system", REF.system)
    found = Shelf(put(tmp_path, **changes)).look_up(REF._replace(system=system))
    assert found.seeds == seeds


def test_sets_are_named_without_stamps(tmp_path):
    (put(tmp_path) / "supermodel__vindr_test.stamp.json").write_text("{}")
    put(tmp_path, set="other_200")
    put(tmp_path, system="supermodel__plain_focal", set="rsna_200")  # an arm's own
    shelf = Shelf([tmp_path, tmp_path / "none"])
    assert shelf.sets("supermodel") == ["other_200", "vindr_test"]
    assert shelf.sets("supermodel__plain_focal") == ["rsna_200"]


def test_a_missing_file_a_missing_key_and_an_undefined_value_say_so(tmp_path):
    with pytest.raises(NotMeasured, match="no result of supermodel on vindr_test"):
        Shelf(tmp_path).look_up(REF)
    put(tmp_path, values={"iou_c": {"value": None}, "iou_a": {"value": math.nan}})
    with pytest.raises(NotMeasured, match="no value 'mae_soft'"):
        Shelf(tmp_path).look_up(REF)
    for key in ("iou_c", "iou_a"):
        with pytest.raises(NotMeasured, match="undefined"):
            Shelf(tmp_path).look_up(REF._replace(key=key))


def test_the_first_folder_that_has_the_file_gives_it(tmp_path):
    for name, value in (("built", 0.1), ("reference", 0.2)):
        (tmp_path / name).mkdir()
        put(tmp_path / name, values={"mae_soft": {"value": value}})
    folders = [tmp_path / "none", tmp_path / "built", tmp_path / "reference"]
    assert Shelf(folders).look_up(REF).value == 0.1
    assert Shelf(folders[::-1]).look_up(REF).value == 0.2


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"text"', '{"schema": 2}'])
def test_what_is_no_results_file_is_refused(tmp_path, text):
    (tmp_path / REF.file).write_text(text)
    with pytest.raises(ResultError, match="supermodel__vindr_test.json"):
        Shelf(tmp_path).look_up(REF)


@pytest.mark.parametrize(
    "changes",
    [
        {"values": []},
        {"values": {"mae_soft": 0.02}},
        {"values": {"mae_soft": {}}},
        {"values": {"mae_soft": {"value": "0.02"}}},
        {"values": {"mae_soft": {"value": True}}},
        {"values": {"mae_soft": {"value": 0.02, "n": 1.5}}},
        {"values": {"mae_soft": {"value": 0.02, "low": 0.01}}},
        {"values": {"mae_soft": {"value": 0.02, "p": "0.02"}}},
        {"values": {"mae_soft": {"value": 0.02, "p": 1.02}}},
        {"values": {"mae_soft": {"value": 0.02, "p": -0.1}}},
        {"values": {"mae_soft": {"value": 0.02, "low": 0.03, "high": 0.01}}},
        {"evidence": "images"},
        {"evidence": "quoted"},
        {"evidence": None},
        {"scored_on": "images"},
        {"scored_on": None},
        {"trained_on": "somewhere"},
        {"paired": []},
        {"paired": {"max_ensemble": 3}},
        {"paired": {"max_ensemble": {"mae_soft": {"value": "x"}}}},
    ],
)
def test_a_malformed_value_or_an_unearned_level_is_refused(tmp_path, changes):
    with pytest.raises(ResultError):
        Shelf(put(tmp_path, **changes)).look_up(REF)


def test_a_renamed_file_is_refused(tmp_path):
    put(tmp_path).joinpath(REF.file).rename(tmp_path / "chexnomaly__vindr_test.json")
    with pytest.raises(ResultError, match="chexnomaly"):
        Shelf(tmp_path).look_up(REF._replace(system="chexnomaly"))


def test_a_paired_difference_is_found_from_either_side(tmp_path):
    pair = {"mae_soft": {"value": -0.01, "low": -0.02, "high": -0.005, "n": 400}}
    put(tmp_path, paired={"max_ensemble": pair})
    put(tmp_path, system="max_ensemble")
    shelf, other = Shelf(tmp_path), REF._replace(system="max_ensemble")
    assert shelf.paired(REF, other).ends == (-0.02, -0.005)
    assert shelf.paired(other, REF).value == 0.01
    assert shelf.paired(other, REF).ends == (0.005, 0.02)
    assert shelf.paired(REF, REF) is None
    difference = shelf.look_up(REF._replace(key="max_ensemble/mae_soft"))
    assert (difference.value, difference.ends) == (-0.01, (-0.02, -0.005))
    for key in ("max_ensemble/iou_c", "mean_mask/mae_soft"):
        with pytest.raises(NotMeasured, match=key):
            shelf.look_up(REF._replace(key=key))


def test_a_deterministic_value_is_its_own_interval_but_one_scan_tells_nothing():
    assert MeasuredValue(57, n=15000).ends == (57, 57)
    assert MeasuredValue(0.5, n=1).ends == (-math.inf, math.inf)
    assert MeasuredValue(0.5, n=7, seeds=4).ends == (-math.inf, math.inf)


def test_phantoms_and_real_data_and_two_profiles_are_never_mixed():
    def entry(level, profile="demo"):
        return MeasuredValue(0.0, evidence=level, profile=profile)

    assert common_level([entry("images"), entry("annotations")]) == "annotations"
    assert common_level([entry("phantom"), MeasuredValue(0.5)]) == "phantom"
    for other in ("images", "annotations", "phantom-to-real", "quoted"):
        with pytest.raises(NotMeasured, match="evidence levels differ"):
            common_level([entry("phantom"), entry(other)])
    with pytest.raises(NotMeasured, match="profiles differ"):
        common_level([entry("phantom"), entry("phantom", "study")])
