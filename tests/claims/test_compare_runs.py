"""Two runs: in what they differ, and by how much."""

import json

import pytest

from chexnomaly.claims.compare_runs import (
    differences,
    load_run,
    summarize_run,
    write_run,
)
from chexnomaly.errors import ResultError
from chexnomaly.results import write_result

ENTRY = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 9}


def run(folder, system="supermodel", seed=0, data="d" * 64, split="s" * 64, value=0.5):
    return write_result(
        folder,
        system,
        "vindr_test",
        profile="demo",
        notebook="03_supermodels",
        scored_on="phantom",
        trained_on="phantom",
        n=9,
        values={"iou_c": ENTRY | {"value": value}},
        seeds=[seed],
        data_hash=data,
        split_hash=split,
    )


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, []),
        ({"seed": 1}, ["seeds: supermodel__vindr_test (1) of 1 in common"]),
        ({"data": "e" * 64}, ["data: supermodel__vindr_test (1) of 1 in common"]),
        (
            {"split": "t" * 64},
            ["split: supermodel__vindr_test (1) of 1 in common"],
        ),
        (
            {"value": 0.501},
            [
                "values that moved though seeds, data and split agree: "
                "supermodel__vindr_test (1) of 1 in common",
                "  absolute difference: half of 1 at most 0.001, largest 0.001 "
                "(supermodel__vindr_test, iou_c: 0.5 here, 0.501 there)",
                "  relative difference: half of 1 at most 0.002, largest 0.002 "
                "(supermodel__vindr_test, iou_c: 0.5 here, 0.501 there)",
            ],
        ),
    ],
)
def test_each_difference_is_named_and_nothing_else(tmp_path, changed, told):
    run(tmp_path / "a")
    run(tmp_path / "b", **changed)
    assert (
        differences(summarize_run(tmp_path / "a"), summarize_run(tmp_path / "b"))
        == told
    )


@pytest.mark.parametrize(
    ("field", "key", "told"),
    [
        ("versions", "torch", "versions: torch is {} here, 9.9 there"),
        ("hardware", "cores", "hardware: cores is {} here, 9.9 there"),
    ],
)
def test_versions_and_hardware_are_compared(tmp_path, field, key, told):
    run(tmp_path / "a")
    stamp_path = run(tmp_path / "b").with_suffix(".stamp.json")
    stamp = json.loads(stamp_path.read_text())
    here = stamp[field][key]
    stamp[field][key] = "9.9"
    stamp["date"], stamp["wall_s"] = "1999-01-01", 12345
    stamp_path.write_text(json.dumps(stamp))
    found = differences(summarize_run(tmp_path / "a"), summarize_run(tmp_path / "b"))
    assert found == [told.format(here)]


def test_the_largest_difference_is_found_wherever_it_is(tmp_path):
    for system, a, b in (
        ("small", 0.002, 0.001),
        ("large", 0.9, 0.8),
        ("same", 0.5, 0.5),
        ("undefined", None, 0.5),
    ):
        run(tmp_path / "a", system, value=a)
        run(tmp_path / "b", system, value=b)
    found = differences(summarize_run(tmp_path / "a"), summarize_run(tmp_path / "b"))
    assert found == [
        "values that moved though seeds, data and split agree: "
        "large__vindr_test, small__vindr_test, undefined__vindr_test (3) "
        "of 4 in common",
        "  absolute difference: half of 2 at most 0.0505, largest 0.1 "
        "(large__vindr_test, iou_c: 0.9 here, 0.8 there)",
        "  relative difference: half of 2 at most 0.306, largest 0.5 "
        "(small__vindr_test, iou_c: 0.002 here, 0.001 there)",
    ]


def test_what_moved_with_the_seed_is_told_apart_from_what_moved_with_the_data(tmp_path):
    run(tmp_path / "a", "seeded")
    run(tmp_path / "b", "seeded", seed=1, value=0.52)
    run(tmp_path / "a", "on_other_films")
    run(tmp_path / "b", "on_other_films", data="e" * 64, value=0.6)
    run(tmp_path / "a", "both")
    run(tmp_path / "b", "both", seed=1, data="e" * 64, value=0.4)
    run(tmp_path / "a", "same_values")
    run(tmp_path / "b", "same_values", seed=2)
    found = differences(summarize_run(tmp_path / "a"), summarize_run(tmp_path / "b"))
    moved = [line for line in found if line.startswith("values")]
    assert moved == [
        "values that moved with data: on_other_films__vindr_test (1) of 4 in common",
        "values that moved with seeds: seeded__vindr_test (1) of 4 in common",
        "values that moved with seeds and data: both__vindr_test (1) of 4 in common",
    ]
    sizes = [line.split("largest ")[1] for line in found if "absolute" in line]
    assert [size.split()[0] for size in sizes] == ["0.1", "0.02", "0.1"]


def test_an_interval_that_moved_alone_is_told_too(tmp_path):
    run(tmp_path / "a")
    path = run(tmp_path / "b")
    path.write_text(path.read_text().replace("0.6", "0.7"))
    found = differences(summarize_run(tmp_path / "a"), summarize_run(tmp_path / "b"))
    assert found == [
        "values that moved though seeds, data and split agree: "
        "supermodel__vindr_test (1) of 1 in common"
    ]


def test_results_that_only_one_run_has_are_told(tmp_path):
    for folder, extra in (("a", "chexnomaly"), ("b", "attention_supermodel")):
        run(tmp_path / folder)
        run(tmp_path / folder, extra)
    found = differences(summarize_run(tmp_path / "a"), summarize_run(tmp_path / "b"))
    assert found == [
        "only here: chexnomaly__vindr_test (1)",
        "only there: attention_supermodel__vindr_test (1)",
    ]


def test_a_written_run_stands_for_its_folder(tmp_path):
    run(tmp_path / "a")
    content = summarize_run(tmp_path / "a")
    write_run(content, tmp_path / "deep" / "demo.json")
    assert load_run(tmp_path / "deep" / "demo.json") == content
    assert load_run(tmp_path / "a") == content


@pytest.mark.parametrize("text", ["{", "[]", '{"results": {}}'])
def test_what_is_no_run_is_refused(tmp_path, text):
    (tmp_path / "f.json").write_text(text)
    with pytest.raises(ResultError, match="f.json"):
        load_run(tmp_path / "f.json")
    with pytest.raises(ResultError, match="no results files"):
        summarize_run(tmp_path)
