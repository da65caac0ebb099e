"""The decision register: whole, in step with the ledger, the profiles, the prose."""

import json
import re
from pathlib import Path

import pytest

from chexnomaly.claims.decisions import (
    CLAIM_ID,
    DECISION_COLUMNS,
    effects,
    items,
    load_decisions,
    load_errata,
)
from chexnomaly.claims.ledger import load_ledger
from chexnomaly.errors import ClaimError, ResultError
from chexnomaly.profiles import load_profile

ROOT = Path(__file__).parents[2]
REGISTER = (
    "4 5 6 7 12 16 17 18 20 22 24 25 27 29 30 31 33 41 42 43 45 46 47 53 54 55".split()
)


def test_every_point_is_a_decision_or_a_slip_and_none_is_both():
    decisions, errata = set(load_decisions().index), set(load_errata().index)
    assert decisions | errata == items() == set(range(1, 79))
    assert not decisions & errata
    assert {int(item) for item in REGISTER} <= decisions


def test_every_claim_that_the_register_names_exists():
    known = set(load_ledger()["id"])
    texts = [*load_decisions().to_numpy().ravel(), *load_errata().to_numpy().ravel()]
    named = [id_ for text in texts for id_ in CLAIM_ID.findall(text)]
    assert len(named) > 10
    assert set(named) <= known


@pytest.mark.parametrize("name", ["tiny", "demo", "paper"])
def test_profiles_deviate_from_items_that_exist(name):
    profile = load_profile(ROOT / "notebooks" / "profiles" / f"{name}.yml")
    assert {entry["item"] for entry in profile.deviations} <= set(
        load_decisions().index
    )


def test_notebooks_refer_to_items_that_exist():
    named = set()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        text = path.read_text()
        for numbers in re.findall(r"items? ((?:\d+(?:, | and )?)+)", text):
            named |= set(map(int, re.findall(r"\d+", numbers)))
    assert len(named) > 20
    assert named <= items()


def write(folder, text):
    path = folder / "decisions.csv"
    path.write_text(",".join(DECISION_COLUMNS) + "\n" + text)
    return path


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("1,a,b,c,d,\n1,a,b,c,d,\n", "item"),
        ("1,a,b,c,d,\nx,a,b,c,d,\n", "item"),
        ("1,a,b,c,d,\n2,a,b,,d,\n", "question"),
        ("1,a,b,c,d,\n2,a,b,c\n", None),
    ],
)
def test_a_malformed_row_is_refused_by_place(tmp_path, text, column):
    with pytest.raises(ClaimError) as caught:
        load_decisions(write(tmp_path, text))
    assert (caught.value.row, caught.value.column) == (3, column)


def put(folder, values, dataset="vindr_test", **more):
    entries = {k: {"value": v, "low": None, "high": None, "n": 9} for k, v in values}
    content = {
        "schema": 1,
        "system": "multiverse",
        "set": dataset,
        "profile": "demo",
        "notebook": "11_beyond_the_paper",
        "evidence": "phantom",
        "trained_on": "phantom",
        "scored_on": "phantom",
        "n": 9,
        "values": entries,
        **more,
    }
    folder.mkdir(exist_ok=True)
    (folder / f"multiverse__{dataset}.json").write_text(json.dumps(content))


def test_effects_are_read_by_item_arm_and_metric(tmp_path):
    put(tmp_path, [("4.convention_a.iou_a", 0.5), ("7.sweep.ap_0.4", None)])
    put(tmp_path, [("4.convention_a.iou_a", 0.25)], "other_200")
    (tmp_path / "multiverse__other_200.stamp.json").write_text("{}")
    found = list(effects(tmp_path))
    assert [(e.item, e.arm, e.metric, e.dataset, e.entry.value) for e in found] == [
        (4, "convention_a", "iou_a", "other_200", 0.25),
        (4, "convention_a", "iou_a", "vindr_test", 0.5),
    ]
    assert found[0].entry.evidence == "phantom"
    assert list(effects(tmp_path / "nowhere")) == []


def test_an_effect_carries_its_gap_and_its_words(tmp_path):
    gap = {"value": -0.1, "low": -0.2, "high": -0.05, "n": 9}
    put(
        tmp_path,
        [("8.seed_1.iou_c", 0.5), ("8.default.iou_c", 0.6)],
        paired={"default": {"8.seed_1.iou_c": gap}},
        arms={"8.seed_1": {"says": "another seed"}},
    )
    default, arm = sorted(effects(tmp_path), key=lambda effect: effect.arm)
    assert (default.gap, default.says) == (None, "")
    assert (arm.gap.value, arm.gap.low, arm.says) == (-0.1, -0.2, "another seed")


def test_a_key_of_another_form_is_refused(tmp_path):
    put(tmp_path, [("iou_a", 0.5)])
    with pytest.raises(ClaimError, match="multiverse__vindr_test.json"):
        list(effects(tmp_path))
    (tmp_path / "multiverse__vindr_test.json").write_text("{")
    with pytest.raises(ResultError):
        list(effects(tmp_path))
