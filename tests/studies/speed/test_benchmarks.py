"""The page shows what the committed files hold, and no GPU figure that was not made."""

import json
from pathlib import Path

import pytest

from chexnomaly.errors import ResultError
from chexnomaly.labels import FINDINGS
from chexnomaly.studies.speed import benchmarks
from tests.benchmarks import print_ratios

REFERENCE = Path(__file__).parents[3] / "book" / "reference"


@pytest.fixture(scope="module")
def benches():
    return benchmarks.read_benchmarks(REFERENCE)


def test_every_peer_has_a_row_with_its_range(benches):
    rows = benchmarks.ratios(benches)
    for peer in ("scikit-image", "MONAI BasicUNet", "MONAI AttentionUnet", "bare"):
        assert [label for label in rows if peer in label]
    for ratio in rows.values():
        assert 0 < ratio["min"] <= ratio["median"] <= ratio["max"]


def test_the_faster_way_of_each_peer_is_the_one_shown(benches):
    step = benches["bench_step"]["step"]
    for one in step["networks"].values():
        kind = one["fastest_peer"].split(",")[0]
        ways = {k: v for k, v in step["seconds"].items() if k.startswith(f"{kind},")}
        assert len(ways) == 2
        assert min(ways, key=lambda k: ways[k]["median_s"]) == one["fastest_peer"]


def test_the_box_transform_meets_its_goal_on_the_cpu(benches):
    rows, goals = benchmarks.ratios(benches), benchmarks.goals(benches)
    for label, ratio in rows.items():
        if label.startswith("box transform"):
            assert ratio["median"] >= goals[label] == 2.0


def test_training_costs_at_most_what_was_allowed_beside_a_bare_loop(benches):
    (label,) = (name for name in benchmarks.ratios(benches) if "bare loop" in name)
    least = benchmarks.goals(benches)[label]
    assert benchmarks.ratios(benches)[label]["median"] >= least == 0.87  # 1 / 1.15


def test_builds_are_told_by_profile_and_none_is_no_error(tmp_path):
    assert benchmarks.read_timings(tmp_path) == {}
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "timings_tiny.json").write_text('{"units": 3}')
    assert benchmarks.read_timings(tmp_path) == {"tiny": {"units": 3}}


def test_preparing_compressed_films_is_nearly_as_fast_as_decoding_them(benches):
    shares, goals = benchmarks.floors(benches), print_ratios.FLOOR_GOALS
    assert list(goals.values()) == [0.9]
    for label, goal in goals.items():
        assert shares[label] >= goal


def test_preparing_takes_as_much_time_and_memory_a_film_however_many(benches):
    prepare = benches["bench_prepare"]
    assert prepare["largest_to_smallest_cpu_per_image"] < 1.25
    assert prepare["largest_to_smallest_peak"] < 1.1


def test_a_killed_ingest_lost_nothing_and_ended_with_the_same_store(benches):
    resume = benches["bench_ingest"]["resume"]
    assert resume["same_store"] and resume["lost"] == 0
    assert 0 < resume["done_when_killed"] < resume["films"]


def test_floors_are_shares(benches):
    assert all(0 < share <= 1.1 for share in benchmarks.floors(benches).values())


def test_without_a_gpu_nothing_is_read(tmp_path):
    assert benchmarks.read_step_costs(tmp_path) == {}


def test_a_bundle_that_ran_without_a_gpu_is_not_shown_as_one(tmp_path):
    (tmp_path / "gpu").mkdir()
    for gpu, shown in ((None, {}), ("a GPU", {"64": {"images_per_s": 9.0}})):
        report = {"unet": {"64": {"images_per_s": 9.0}}}
        report["stamp"] = {"hardware": {"gpu": gpu}}
        (tmp_path / "gpu" / "bundle_0.json").write_text(json.dumps(report))
        assert benchmarks.read_step_costs(tmp_path) == shown


def test_a_missing_benchmark_is_named(tmp_path):
    with pytest.raises(ResultError, match="make bench"):
        benchmarks.read_benchmarks(tmp_path)


def test_each_rate_of_phantoms_that_has_a_goal_meets_it(benches):
    rates = benches["bench_phantom"]["rates"]
    goals = {k: one["required"] for k, one in rates.items() if "required" in one}
    assert goals == {"128": 20.0, "512": 1.0, "2048": 0.05}
    for one in rates.values():
        assert one["films_per_s_in_the_slowest_round"] <= one["films_per_s"]
        assert one.get("met") in (None, one["films_per_s"] >= one.get("required", 0))
    store = benches["bench_phantom"]["store"]
    assert store["hours_for_15000"] <= 2 and store["same_bytes_for_one_worker"]


def test_the_tables_of_phantoms_hold_what_was_promised(benches):
    tables = benches["bench_phantom"]["tables"]
    assert len(tables["shares"]) == 14
    promises = [tables[k] for k in ("agreement", "prior_vindr", "prior_rsna")]
    assert [(p["goal"], p["leeway"]) for p in promises] == [
        (0.511, 0.05),
        (0.256, 0.03),
        (0.29, 0.04),
    ]
    for one in promises:
        assert one["met"] and abs(one["value"] - one["goal"]) <= one["leeway"]
    for one in tables["shares"].values():
        assert one["met"] and 0.9 <= one["to_real"] <= 1.1


def test_memory_that_is_kept_is_no_longer_brought_page_by_page(benches):
    tasks = benches["bench_allocator"]["tasks"]
    assert len(tasks) == 3
    for one in tasks.values():
        assert one["page_faults"]["kept"] < one["page_faults"]["given back"] / 50


def test_what_make_bench_found_is_printed(benches):
    found = print_ratios.tables(benches, {})
    assert len(found) == 9
    assert (found["times as fast as the peer"][""] != "MISSED").all()
    assert list(found["their findings' shares"].index) == list(FINDINGS)
