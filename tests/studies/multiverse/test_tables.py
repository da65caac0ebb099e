"""Tables of the last chapter: every cell stands in a results file."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from chexnomaly.evaluation.intervals import entry
from chexnomaly.figures import beyond
from chexnomaly.labels import DISPLAY_NAMES, FINDINGS
from chexnomaly.results import format_entry, read_result, write_result
from chexnomaly.studies.design import Design
from chexnomaly.studies.generalization import answers as g
from chexnomaly.studies.generalization import tables as gt
from chexnomaly.studies.generalization.scores import MEASURES
from chexnomaly.studies.multiverse import tables as bt
from chexnomaly.workspace import Workspace

SYSTEMS = ("supermodel", "chexnomaly", "chexnomaly__random_base", "mean_mask")
DATA = SimpleNamespace(data_hash="0")


def scores(rng, levels: dict[str, float]) -> dict:
    return {
        system: {m: rng.normal(level, 0.05, 25).clip(0, 1) for m in MEASURES}
        for system, level in levels.items()
    }


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    """A build that holds a study with a gain of 0.1 on half of the findings."""
    rng = np.random.default_rng(1)
    level = dict.fromkeys(SYSTEMS, 0.4)
    held = {
        f: scores(rng, level | {"chexnomaly": 0.4 + 0.1 * (k % 2)})
        for k, f in enumerate(FINDINGS)
    }
    control = {f: scores(rng, dict.fromkeys(SYSTEMS[:2], 0.5)) for f in FINDINGS}
    study = {"held_out": held, "held_out_control": control}
    study["unseen"] = {"": scores(rng, level)}
    workspace = Workspace("demo", tmp_path_factory.mktemp("root"))
    about = Design().about("n", DATA, 0.0)
    g.write_generalization(workspace.results, [study], (0,), about)
    return workspace


@pytest.fixture(scope="module")
def answers(workspace) -> dict:
    return read_result(workspace.results / "generalization__held_out.json")


def test_the_study_is_described_by_its_stamp(workspace, answers):
    path = workspace.results / "generalization__held_out.stamp.json"
    told = gt.describe(answers, json.loads(path.read_text()))
    assert told.loc["seeds"].item() == "0" and told.loc["evidence"].item() == "phantom"
    assert told.loc["films"].item().startswith(str(Design().counts[0]))


def test_every_question_has_a_verdict(answers):
    table = gt.verdict_table(answers)
    assert list(table.index) == [q.says for q in g.QUESTIONS.values()]
    row = table.loc[g.QUESTIONS["generalizes"].says]
    assert row["findings for : against"] == "7 : 0" and row.n == "14 findings"
    assert row.verdict.startswith("held in the phantom")
    unseen = table.loc[g.QUESTIONS["generalizes_unseen"].says]
    assert unseen["findings for : against"] == "–" and unseen.n == "25 scans"


def test_panels_name_every_finding_and_their_mean(answers):
    drawn = gt.panels(answers)
    assert list(drawn) == list(gt.SHOWN.values())
    for name, table in zip(gt.SHOWN, drawn.values(), strict=True):
        names = [*(DISPLAY_NAMES[f] for f in FINDINGS), "all findings"]
        assert list(table.index) == names
        key = f"{name}.iou@operating.{FINDINGS[0]}"
        assert table.value.iloc[0] == answers["values"][key]["value"]
    fig = beyond.figure_generalization(drawn)
    assert len(fig.axes) == len(gt.SHOWN)
    labels = [t.get_text() for t in fig.axes[0].get_yticklabels()]
    assert labels[-1] == "all findings"


def test_scores_stand_beside_their_control(workspace):
    table = gt.score_table(workspace)
    assert list(table.columns) == ["scans", *gt.SCORE_COLUMNS.values()]
    stored = read_result(workspace.results / "chexnomaly__held_out.json")["values"]
    row = table.loc[DISPLAY_NAMES[FINDINGS[2]]]
    expected = stored[f"{FINDINGS[2]}.iou@operating"]
    assert row["CheX-Nomaly, never saw it"] == expected["value"]
    assert row.scans == str(expected["n"]) and table.scans.iloc[-1] == "–"
    assert len(table) == len(FINDINGS) + 1


def arms(folder, dataset: str) -> dict:
    one, two = entry(0.3, 0.2, 0.4, 9), entry(0.1, 0.05, 0.15, 9)
    values = {"4.default_s.iou": one, "4.a_s.iou": two, "12.default_s.iou_a": one}
    values |= {"12.mix_s.iou_a": two, "8.default_s.iou": one, "8.seed_1_s.iou": two}
    said = {"system": "s__arm", "default": "4.default_s", "says": "under A"}
    told = {"4.a_s": said, "12.mix_s": {**said, "system": "s", "says": "a mix"}}
    told["8.seed_1_s"] = {**said, "default": "8.default_s", "says": "seed 1"}
    paired = {"4.a_s.iou": entry(-0.2, -0.3, -0.1, 9)}
    paired["8.seed_1_s.iou"] = entry(-0.02, -0.03, 0.01, 9)
    common = {"profile": "demo", "notebook": "n", "scored_on": "phantom"}
    details = {"arms": told, "paired": {"default": paired}}
    path = write_result(
        folder, "multiverse", dataset, n=9, values=values, **common, **details
    )
    return read_result(path)


def test_an_arm_stands_beside_its_default(tmp_path):
    stored = arms(tmp_path, "vindr_test")
    table = bt.arm_table(stored)
    row = table.reset_index().iloc[0]
    assert row["register"] == "0.300"
    assert row["this reading"] == format_entry(stored["values"]["4.a_s.iou"])
    assert row["difference"].startswith("-0.200")
    rows = bt.decision_rows(stored, "iou")
    assert rows.says.tolist() == ["under A"] and rows.decided.tolist() == [True]
    assert bt.seed_noise(stored, "iou") == 0.02
    fig = beyond.figure_decisions(rows, 0.02)
    assert fig.axes[0].get_yticklabels()[0].get_text() == "under A  (4, s)"


def test_mixes_stand_apart_and_may_be_missing(tmp_path):
    stored = arms(tmp_path, "other_200")
    table = bt.mix_table(stored)
    assert table.index.tolist() == [("s", "the unseen finding alone"), ("s", "a mix")]
    values = {k: v for k, v in stored["values"].items() if not k.startswith("12.")}
    assert bt.mix_table(stored | {"values": values}).empty


def test_ranks_and_spread_count_readings():
    base = pd.DataFrame(
        {
            "convention": list("AACC"),
            "threshold": ["0.5", "operating"] * 2,
            "masks": "union",
            "transform": False,
            "iou": [0.7, 0.6, 0.1, 0.2],
        }
    )
    better = base.assign(iou=[0.8, 0.6, 0.0, 0.3])
    tables = {"a": base, "b": better}
    ranks = bt.rank_table(tables)
    assert ranks.loc["b"].tolist() == ["2 of 4", "1 of 2", "1 of 2"]
    spread = bt.spread_entries(tables, "b")
    assert spread["default"]["value"] == 0.3 and spread["share_first"]["value"] == 0.5
    assert (spread["smallest"]["value"], spread["largest"]["value"]) == (0.0, 0.8)
    fig = beyond.figure_readings(tables, {"a": 0.2, "b": 0.3})
    points = [line for line in fig.axes[0].lines if line.get_marker() == "D"]
    assert [list(line.get_xdata()) for line in points] == [[0.2, 0.3]]
