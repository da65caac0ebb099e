"""The audit as a whole, on a small table."""

import numpy as np
import pytest

from chexnomaly.studies.annotations import audit as aa
from chexnomaly.studies.annotations import predictors


@pytest.fixture(scope="module")
def audited(squares):
    return aa.score_table(squares.findings, size=32)


def test_readers_are_scored_where_there_are_several(squares, audited):
    assert {"all_empty", "mean_mask", "one_reader"} <= set(audited.scores)
    alone = squares.findings[squares.findings.reader == "R1"]
    assert "one_reader" not in aa.score_table(alone, size=32).scores


def test_every_set_holds_every_predictor(audited):
    values = aa.values_by_set(audited, {"few": (3, 7)}, draws=20, seed=0)
    assert list(values) == ["", "positives", "few"]
    assert all(set(v) == set(audited.scores) for v in values.values())
    assert values[""]["all_empty"]["iou_a"]["value"] == 0.5  # every second is normal
    assert values["positives"]["all_empty"]["iou_a"]["value"] == 0
    few = values["few"]["all_empty"]["iou_a"]
    assert few == {"value": 0.7, "low": 0.7, "high": 0.7, "n": 10}


def test_the_readings_of_other_200():
    assert aa.rsna_sets() == {
        "200": (200, 0),
        "200_mixed": (57, 143),  # 4:10
        "200_plus_normal": (200, 500),
    }


def test_a_tenth_is_stratified(audited):
    assert aa.vindr_sets(audited) == {"tenth": (2, 2)}
    assert np.sum(audited.abnormal) == 20


def test_results_say_what_they_rest_on(audited, tmp_path):
    values = aa.values_by_set(audited, {}, draws=2, seed=0)
    common = {"profile": "tiny", "notebook": "n", "seeds": [0], "frame": "one frame"}
    written = aa.write_values(tmp_path, "vindr", values, **common)
    assert {p.stem for p in tmp_path.glob("*.json")} >= set(written)
    fitted, blind = (written[f"{s}__vindr"] for s in ("mean_mask", "all_empty"))
    assert fitted["trained_on"] == "annotations" and blind["trained_on"] is None
    assert fitted["evidence"] == blind["evidence"] == "annotations"
    assert written["all_empty__vindr_positives"]["n"] == 20
    assert blind["frame"] == "one frame"


def test_a_zero_shot_mask_rests_on_tables(audited, tmp_path):
    place = predictors.place_from(audited.cover, audited.cover)
    fitted = {"zero_shot_mask__largest_frame": place}
    scored = aa.Audited(audited.cover, fitted, audited.abnormal)
    values = aa.values_by_set(scored, {"200": (5, 0)}, draws=3, seed=0)
    common = {"profile": "tiny", "notebook": "n", "seeds": [0]}
    written = aa.write_values(tmp_path, "rsna", values, **common)
    one = written["zero_shot_mask__largest_frame__rsna_200"]
    assert one["trained_on"] == one["evidence"] == "annotations"
    assert one["n"] == 5
