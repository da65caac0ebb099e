"""An evaluator writes what direct computation gives, and keeps scores for later."""

import json

import numpy as np
import pytest
import torch

from chexnomaly import evaluation, metrics
from chexnomaly.errors import CheckpointError
from chexnomaly.evaluation.evaluator import Evaluator, TestSet
from chexnomaly.results import read_result
from chexnomaly.systems import baselines
from chexnomaly.workspace import Workspace


@pytest.fixture
def study(squares, tmp_path):
    workspace = Workspace("tiny", tmp_path)
    return Evaluator(workspace, "03_supermodels", squares, resamples=50)


def oracle(dataset):
    """Right everywhere, but never above 0.3."""
    yield torch.stack([dataset.mask(i) for i in dataset.ids]) * 0.3


def empty(dataset):
    yield from baselines.constant(dataset, 0.0)


def test_a_system_is_scored_at_both_thresholds(study, squares):
    tests = {"vindr_test": TestSet(squares.part("test"), "phantom")}
    study.measure("all_empty", empty, tests, learned=False)
    study.measure("oracle", oracle, tests, rivals=["all_empty", "oracle", "never_run"])
    result = read_result(study.workspace.results / "oracle__vindr_test.json")
    assert result["threshold"]["operating"] < 0.3 < result["threshold"]["paper"]
    assert result["values"]["iou_c"]["value"] == 0
    assert result["values"]["iou_c@operating"]["value"] == 1
    assert result["evidence"] == "phantom" and result["n_positive"] == 5
    assert list(result["paired"]) == ["all_empty"]
    assert result["paired"]["all_empty"]["iou_c@operating"]["value"] == 1


def test_scores_come_back_as_they_were(study, squares):
    test = TestSet(squares.part("test"), "phantom")
    scored = study.measure("oracle", oracle, {"vindr_test": test})["vindr_test"]
    loaded, operating = study.scores("oracle", "vindr_test")
    assert loaded.ids == scored.ids == test.scans.ids
    for threshold, table in scored.scores.items():
        for name, values in table.items():
            np.testing.assert_array_equal(loaded.scores[threshold][name], values)
    assert metrics.iou_statistic(loaded.scores[operating], "C") == 1
    with pytest.raises(CheckpointError):
        study.scores("oracle", "other_200")


def test_two_studies_write_the_same_bytes(study, squares):
    tests = {"vindr_test": TestSet(squares.part("test"), "phantom")}
    path = study.workspace.results / "oracle__vindr_test.json"
    study.measure("oracle", oracle, tests)
    first = path.read_bytes()
    study.measure("oracle", oracle, tests)
    assert path.read_bytes() == first
    assert json.loads(path.with_suffix(".stamp.json").read_text())["wall_s"] >= 0


def test_test_scans_play_no_part_in_the_threshold(study, squares, monkeypatch):
    seen = []

    def watching(dataset):
        seen.append(tuple(dataset.ids))
        return oracle(dataset)

    study.measure("oracle", watching, {"x": TestSet(squares.part("test"), "phantom")})
    assert seen[0] == tuple(squares.ids("val"))
    assert evaluation.PAPER_THRESHOLD == 0.5
