"""What the default build must show, where it has been built."""

import json
from pathlib import Path

import pytest

from chexnomaly.results import read_result

RESULTS = Path(__file__).parents[1] / "_build" / "results" / "demo"
BLIND = ("all_empty", "all_ones", "mean_mask", "random_box")
built = pytest.mark.skipif(
    not (RESULTS / "supermodel__vindr_test.json").exists(), reason="no demo build here"
)


@built
@pytest.mark.parametrize("rival", BLIND)
def test_the_supermodel_beats_what_never_looks(rival):
    """On the same scans, at the threshold chosen on validation, by the interval."""
    result = read_result(RESULTS / "supermodel__vindr_test.json")
    assert result["evidence"] == "phantom" and result["n"] >= 400
    difference = result["paired"][rival]["iou_c@operating"]
    assert difference["low"] > 0


@built
def test_every_result_has_a_stamp_without_names_of_this_machine():
    for path in RESULTS.glob("*.json"):
        if path.name.endswith(".stamp.json"):
            continue
        stamp = json.loads(path.with_suffix(".stamp.json").read_text())
        assert stamp["versions"]["python"] and stamp["hardware"]["cores"]
        assert str(Path.home()) not in path.read_text() + json.dumps(stamp)
