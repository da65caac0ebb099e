"""Steady verdicts are enforced, and one changed value moves what depends on it."""

import json
import math

import pandas as pd
import pytest

from chexnomaly.claims import expected as verification
from chexnomaly.claims.expected import CODE, PAPER, RUNS, TABLES
from chexnomaly.claims.ledger import load_ledger

LEDGER = load_ledger()
CLAIMS = {claim["id"]: claim for claim in LEDGER.to_dict("records")}


def put(folder, system, dataset, values, source):
    items = {k: {"value": v, "low": None, "high": None, "n": 9} for k, v in values}
    content = {
        "schema": 1,
        "system": system,
        "set": dataset,
        "profile": "demo",
        "notebook": "02_data" if source == "annotations" else "07_chexnomaly",
        "evidence": source,
        "trained_on": None if source == "annotations" else source,
        "scored_on": source,
        "n": 9,
        "values": items,
    }
    folder.mkdir(exist_ok=True)
    (folder / f"{system}__{dataset}.json").write_text(json.dumps(content))


@pytest.fixture
def results(tmp_path):
    """Give a folder of two results: one system on real films, counts of real tables."""
    folder = tmp_path / "results"
    put(folder, "chexnomaly", "vindr_test", [("iou_c", 0.7487)], "images")
    put(folder, "annotations", "vindr", [("max_boxes_per_image", 57)], "annotations")
    return folder


@pytest.mark.parametrize(
    ("id_", "basis"),
    [
        ("attention-gain", PAPER),
        ("q-similar-ratios", PAPER),
        ("t3-darapaneni", PAPER),
        ("focal-alpha", CODE),
        ("n-models-compared", PAPER),
        ("data-max-annot", TABLES),
        ("rsna-n-images", TABLES),
        ("q-small-boxes", TABLES),
        ("t1-vindr-chexnomaly-mean_iou", RUNS),
        ("q-model-ensemble-low-mae", RUNS),
    ],
)
def test_what_a_verdict_rests_on(id_, basis):
    assert verification.rests_on(CLAIMS[id_], set(LEDGER["system"])) == basis


def flipped(before, after):
    both = before.set_index("id")["verdict"] != after.set_index("id")["verdict"]
    return set(both.index[both])


def test_one_changed_value_flips_what_depends_on_it_and_nothing_else(results):
    before = verification.all_verdicts(results)
    put(results, "chexnomaly", "vindr_test", [("iou_c", 0.5)], "images")
    assert flipped(before, verification.all_verdicts(results)) == {
        "t1-vindr-chexnomaly-mean_iou",
        "t5-chexnomaly-mean_iou",
        "t6-chexnomaly",
        "conclusion-iou",
    }


def test_one_changed_count_flips_its_row_and_nothing_else(results):
    before = verification.all_verdicts(results)
    values = [("max_boxes_per_image", 58)]
    put(results, "annotations", "vindr", values, "annotations")
    assert flipped(before, verification.all_verdicts(results)) == {"data-max-annot"}


def test_each_measured_row_names_its_notebook(results):
    table = verification.all_verdicts(results).set_index("id")
    assert table.notebook["data-max-annot"] == "02_data"
    assert table.notebook["conclusion-iou"] == "07_chexnomaly"
    assert table.notebook["attention-gain"] == ""


def test_a_changed_count_is_told_and_a_changed_run_is_not(results):
    expected = verification.expectations(verification.all_verdicts(results))
    put(results, "chexnomaly", "vindr_test", [("iou_c", 0.5)], "images")
    same = verification.all_verdicts(results)
    assert verification.changes(same, expected, with_tables=True).empty
    put(results, "annotations", "vindr", [("n_images", 3)], "annotations")
    changed = verification.changes(
        verification.all_verdicts(results), expected, with_tables=True
    )
    # the maximum is gone, and 3 differs from the printed 18,000 as nothing did before
    assert dict(zip(changed["id"], changed["found"], strict=True)) == {
        "data-max-annot": "not testable here",
        "q-more-than-one-box": "not testable here",
        "data-n-images": "differs",
    }


def test_without_the_tables_the_text_alone_is_held_to(results):
    expected = verification.expectations(verification.all_verdicts(results))
    put(results, "annotations", "vindr", [("max_boxes_per_image", 58)], "annotations")
    other = verification.all_verdicts(results)
    assert verification.changes(other, expected, with_tables=False).empty
    assert not verification.changes(other, expected, with_tables=True).empty


def test_a_verdict_that_waits_for_its_file_is_no_change(results, tmp_path):
    expected = verification.expectations(verification.all_verdicts(results))
    nothing = verification.all_verdicts(tmp_path)
    row = nothing.set_index("id").loc["data-max-annot"]
    assert row.missing == "annotations__vindr.json"
    assert verification.changes(nothing, expected, with_tables=True).empty


def test_a_row_that_came_or_went_is_told(results):
    table = verification.all_verdicts(results)
    expected = verification.expectations(table)
    gone = table[table["id"] != "attention-gain"]
    told = verification.changes(gone, expected, with_tables=True).to_dict("records")
    assert [(row["id"], row["found"]) for row in told] == [("attention-gain", "")]
    fewer = expected[expected["id"] != "attention-gain"]
    told = verification.changes(table, fewer, with_tables=True).to_dict("records")
    assert [(row["id"], row["expected"]) for row in told] == [("attention-gain", "")]


def test_the_committed_expectations_hold_without_any_result(tmp_path):
    table = verification.all_verdicts(tmp_path)
    expected = verification.load_expected()
    assert verification.changes(table, expected, with_tables=False).empty
    assert set(expected["id"]) == set(table.loc[table.rests_on != RUNS, "id"])


def test_what_is_written_reads_back(results, tmp_path):
    table = verification.all_verdicts(results)
    as_json, as_csv = verification.write_verdicts(table, tmp_path / "html")
    rows = json.loads(as_json.read_text())
    assert [row["id"] for row in rows] == list(CLAIMS)
    found = next(row for row in rows if row["id"] == "data-max-annot")
    assert (found["measured"], found["printed"], found["low"]) == (57.0, "58", None)
    back = pd.read_csv(as_csv, keep_default_na=False)
    assert list(back["verdict"]) == list(table["verdict"])
    assert list(back.columns) == [
        "level" if c == "evidence" else c for c in table.columns
    ]


def test_an_open_end_of_an_interval_is_written_as_text(tmp_path):
    table = pd.DataFrame([{"id": "a", "low": -math.inf, "high": math.nan}])
    as_json, _ = verification.write_verdicts(table, tmp_path)
    assert json.loads(as_json.read_text()) == [{"id": "a", "low": "-inf", "high": None}]
