"""Tables of the last chapter: every cell stands in a results file."""

import pandas as pd

from chexnomaly.evaluation.intervals import entry
from chexnomaly.figures import beyond
from chexnomaly.results import format_entry, read_result, write_result
from chexnomaly.studies import held_out
from chexnomaly.studies.multiverse import tables as bt
from chexnomaly.workspace import Workspace


def write_family(folder, system: str, ending: str = "", **paired) -> None:
    """Write a system's results on one family, with gains over others."""
    gaps = {o: entry(gain, gain - 0.1, gain + 0.1, 9) for o, gain in paired.items()}
    gains = {other: {held_out.METRIC: gap} for other, gap in gaps.items()}
    about = {"profile": "study", "notebook": "n", "scored_on": "phantom"}
    about |= {"trained_on": "phantom", "n": 30, "n_positive": 9, "paired": gains}
    values = {held_out.METRIC: entry(0.4, 0.3, 0.5, 9)}
    write_result(
        folder, system, f"study_without_opacity{ending}", values=values, **about
    )


def test_who_never_saw_a_family_stands_beside_the_control(tmp_path):
    workspace = Workspace("demo", tmp_path)
    write_family(workspace.results, "supermodel", mean_mask=0.05)
    write_family(workspace.results, "supermodel", "_control", mean_mask=0.2)
    write_family(workspace.results, "chexnomaly", supermodel=-0.3)
    for ending in ("", "_control"):
        write_family(workspace.results, "mean_mask", ending)
    table = held_out.held_out_table(workspace)
    assert table.index.tolist() == ["phantoms, Opacity (family)"]
    row = table.iloc[0]
    assert row["films"] == "9 of 30" and row["CheX-Nomaly, control"] == "–"
    assert row["supermodel, control"] == "0.400 [0.300, 0.500]"
    told = held_out.held_out_gaps(workspace).loc[table.index[0]]
    assert told.tolist() == [
        "-0.300 [-0.400, -0.200]",
        "+0.050 [-0.050, +0.150]",
        "+0.200 [+0.100, +0.300]",
    ]


def test_a_study_that_is_not_there_is_not_measured_yet(tmp_path):
    workspace = Workspace("demo", tmp_path)
    assert held_out.study_result(workspace, "multiverse__study_test") is None
    for lay_out in (held_out.held_out_table, held_out.held_out_gaps):
        assert "not measured yet" in lay_out(workspace).to_string()


def arms(folder, dataset: str) -> dict:
    one, two = entry(0.3, 0.2, 0.4, 9), entry(0.1, 0.05, 0.15, 9)
    values = {"4.default_s.iou": one, "4.a_s.iou": two, "12.default_s.iou_a": one}
    values |= {"12.mix_s.iou_a": two, "17.default_s.iou": one, "17.films_1_s.iou": two}
    said = {"system": "s__arm", "default": "4.default_s", "says": "under A"}
    told = {"4.a_s": said, "12.mix_s": {**said, "system": "s", "says": "a mix"}}
    told["17.films_1_s"] = {**said, "default": "17.default_s", "says": "films 1"}
    paired = {"4.a_s.iou": entry(-0.2, -0.3, -0.1, 9)}
    paired["17.films_1_s.iou"] = entry(-0.02, -0.03, 0.01, 9)
    common = {"profile": "demo", "notebook": "n", "scored_on": "phantom"}
    details = {"arms": told, "paired": {"default": paired}}
    path = write_result(
        folder, "multiverse", dataset, n=9, values=values, **common, **details
    )
    return read_result(path)


def test_an_arm_stands_beside_its_default(tmp_path):
    stored = arms(tmp_path, "vindr_test")
    table = bt.arm_table(stored, "iou")
    row = table.reset_index().iloc[0]
    assert row["our reading"] == "0.300"
    assert row["this reading"] == format_entry(stored["values"]["4.a_s.iou"])
    assert row["difference"].startswith("-0.200")
    rows = bt.decision_rows(stored, "iou")
    assert [*rows] == ["under A  (4, s)", "films 1  (17, s)"]
    assert rows["films 1  (17, s)"] == {"value": -0.02, "low": -0.03, "high": 0.01}
    fig = beyond.figure_panels({"decisions": {"minus its default": rows}}, "IoU")
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
