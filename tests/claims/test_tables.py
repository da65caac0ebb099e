"""Printed beside measured: never without the level of what was measured."""

from types import SimpleNamespace

from chexnomaly.claims import tables
from chexnomaly.results import write_result

CELLS = ["t1-vindr-supermodel-mean_iou", "t1-vindr-chexnomaly-mean_iou"]


def write(folder, system: str, value: float):
    entry = {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 9}
    write_result(
        folder,
        system,
        "vindr_test",
        profile="tiny",
        notebook="09_comparison",
        trained_on="phantom",
        scored_on="phantom",
        n=9,
        values={"iou_c": entry},
    )


def test_every_measured_row_names_its_evidence(tmp_path):
    write(tmp_path, "supermodel", 0.4)
    grid = tables.printed_and_measured(CELLS, tmp_path)
    assert list(grid.columns) == ["supermodel", "chexnomaly"]
    printed = grid.loc[("vindr_test", "mean IoU", "printed")]
    assert printed.tolist() == ["0.6118", "0.7487"]
    measured = grid.loc[("vindr_test", "mean IoU", "measured (phantom)")]
    assert measured.tolist() == ["0.400 [0.300, 0.500]", "–"]


def test_cells_of_table_1_are_claims_of_the_ledger(tmp_path):
    cells = tables.table_1(["supermodel", "chexnomaly"])
    assert len(cells) == 12 and set(CELLS) <= set(cells)
    grid = tables.printed_and_measured(cells, tmp_path)
    assert list(grid.columns) == ["supermodel", "chexnomaly"]


def test_nothing_measured_says_so(tmp_path):
    grid = tables.printed_and_measured(CELLS, tmp_path)
    assert ("vindr_test", "mean IoU", "measured (nothing)") in grid.index


def test_verdicts_hold_the_interval_the_level_and_a_dash_for_nothing(tmp_path):
    write(tmp_path, "supermodel", 0.4)
    write(tmp_path, "supermodel__plain_focal", 0.3)
    found = tables.verdicts(["q-loss-enhances", "q-nodule-few"], tmp_path)
    assert found.index.tolist() == [
        "The box focal loss raises the supermodel's overlap",
        "Nodules are on fewer images than the typical finding",
    ]
    assert found.evidence.tolist()[0] == "phantom"
    assert found.measured.tolist()[1] == "–"
    assert not found.isna().any(axis=None)


def test_a_count_is_written_in_full():
    claim = SimpleNamespace(measured=15000.0, low=None, high=None, measured_as="")
    assert tables._measured_freely(claim) == "15,000"
    spread = SimpleNamespace(
        measured=-0.0121, low=-0.02, high=0.001, measured_as="difference"
    )
    assert tables._measured_freely(spread) == "difference -0.0121 [-0.02, 0.001]"


def test_beating_asks_for_an_interval_above_zero(tmp_path):
    def entry(value, low, high):
        return {"value": value, "low": low, "high": high, "n": 9}

    write_result(
        tmp_path,
        "supermodel",
        "vindr_test",
        profile="tiny",
        notebook="03_supermodels",
        trained_on="phantom",
        scored_on="phantom",
        n=9,
        values={"iou_c": entry(0.3, 0.2, 0.4)},
        paired={
            "all_empty": {"iou_c": entry(0.3, 0.2, 0.4)},
            "all_ones": {"iou_c": entry(0.1, -0.01, 0.2)},
            "mean_mask": {"iou_c": entry(-0.1, -0.2, -0.05)},
        },
    )
    systems = ["supermodel", "chexnomaly"]
    table = tables.against_the_floor(tmp_path, systems, "vindr_test", "iou_c")
    assert table.index.tolist() == ["supermodel"]
    row = table.loc["supermodel"]
    assert row.all_empty == "+0.300 [+0.200, +0.400] beats"
    assert row.all_ones == "+0.100 [-0.010, +0.200] does not beat"
    assert row.mean_mask == "-0.100 [-0.200, -0.050] is beaten"
    assert row.random_box == "–"
    assert (row.n, row.evidence) == (9, "phantom")
