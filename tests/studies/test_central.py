"""The central contrast and practice on phantoms, looked up in results made up here."""

import json

import pandas as pd
import pytest

from chexnomaly.studies import central, practice


@pytest.fixture
def folder(tmp_path):
    """Give a folder and a function that writes one results file into it."""

    def write(system, dataset, value, paired):
        def entries(x):
            ends = {"low": x - 0.01, "high": x + 0.03, "n": 9}
            return {
                k: {"value": x + plus} | ends
                for k, plus in (("iou_c", 0), ("iou_c@operating", 0.005))
            }

        result = {
            "schema": 1,
            "system": system,
            "set": dataset,
            "profile": "study",
            "notebook": "11_beyond_the_paper",
            "evidence": "open-images",
            "trained_on": "open-images",
            "scored_on": "open-images",
            "n": 9,
            "seeds": [0, 1, 2],
            "resampled": ["seeds", "films"],
            "values": entries(value),
            "paired": {other: entries(gap) for other, gap in paired.items()},
        }
        (tmp_path / f"{system}__{dataset}.json").write_text(json.dumps(result))

    return tmp_path, write


def test_an_arm_is_held_against_another_whichever_file_tells_of_both(folder):
    path, write = folder
    gaps = {"chexnomaly": 0.04, "chexnomaly__concat": -0.02}
    write("supermodel", "nih_boxes", 0.3, gaps)
    write("chexnomaly", "nih_boxes", 0.26, {})
    write("chexnomaly__concat", "nih_boxes", 0.32, {})
    found = central.differences(
        path, central.FROZEN_ARMS, central.ASKED_ON, "supermodel"
    )
    assert [*found] == ["real films"]
    first = found["real films"]["at 0.5"]
    assert [*first] == ["CheX-Nomaly", "the film beside the twin's map"]
    assert first["CheX-Nomaly"]["value"] == pytest.approx(-0.04)
    assert first["CheX-Nomaly"]["low"] == pytest.approx(-0.07)  # turned with the sign
    other = found["real films"]["at the chosen threshold"]
    assert other["the film beside the twin's map"]["value"] == pytest.approx(0.015)


def test_a_gain_is_that_of_a_network_over_the_same_one_on_an_untrained_twin(tmp_path):
    rows = [
        ("chexnomaly", 1, 0, "nih_boxes", 0.30, 0.7),
        ("chexnomaly", 2, 0, "nih_boxes", 0.28, 0.7),
        ("chexnomaly__random_base", 1, 0, "nih_boxes", 0.25, 0.7),
        ("chexnomaly__random_base", 2, 0, "nih_boxes", 0.33, 0.7),
        ("siamese_unet", 1, 0, "nih_pairs", None, 0.61),
        ("siamese_unet", 2, 0, "nih_pairs", None, 0.55),
        ("chexnomaly__warm_start", 1, 0, "nih_boxes", 0.26, 0.7),
        ("siamese_unet__warm_start", 2, 0, "nih_pairs", None, 0.66),
    ]
    columns = ["arm", "fold", "seed", "set", "iou_c@operating", "auc"]
    table = pd.DataFrame(rows, columns=columns)
    table.to_csv(tmp_path / "networks_films.csv", index=False)
    found = central.gains_by_twin(tmp_path)
    assert found.twin.unique().tolist() == ["CheX-Nomaly"]  # one network lacks its twin
    assert found.auc.tolist() == [0.61, 0.55]
    assert found.gain.tolist() == pytest.approx([0.05, -0.05])
    assert central.gains_by_twin(tmp_path / "elsewhere").empty


def test_practice_is_held_against_as_many_films_without_it(folder):
    path, write = folder
    write("supermodel", "nih_boxes", 0.30, {"supermodel__from_painted": 0.01})
    write("supermodel__100", "nih_boxes", 0.28, {"supermodel__from_phantoms__100": -1})
    write("supermodel__from_painted", "nih_boxes", 0.29, {})
    write("supermodel__from_phantoms__100", "nih_boxes", 0.5, {})
    write("supermodel__from_phantoms__0", "nih_boxes", 0.2, {})
    found = practice.gains(path, "nih_boxes")
    told = {
        k: {w: e["value"] for w, e in v["at 0.5"].items()} for k, v in found.items()
    }
    assert told == {
        "100 real films": {"phantoms": 1.0},
        "all real films": {"painted phantoms": pytest.approx(-0.01)},
    }
    drawn = practice.curves(path, "nih_boxes", "iou_c")
    assert {k: [*v] for k, v in drawn.items()} == {
        "U-Net, films alone": ["100", "all"],
        "U-Net, phantoms first": ["0", "100"],
    }


def test_simpler_phantoms_are_held_against_natural_ones_by_seed(folder):
    path, write = folder
    rows = [
        ("own_test", "supermodel__painted", 0, 0.50, 0.41),
        ("own_test", "supermodel__painted", 1, 0.54, 0.40),
        ("study_test", "supermodel__painted", 0, 0.10, 0.1),
        ("vindr_test", "supermodel", 0, 0.30, 0.35),
        ("vindr_test", "supermodel", 1, 0.30, 0.36),
        ("vindr_test", "supermodel", 2, 0.90, 0.90),  # the others lack this seed
    ]
    columns = ["set", "arm", "seed", "iou_c@operating", "iou_c"]
    table = pd.DataFrame(rows, columns=columns)
    table.to_csv(path / "networks_phantoms.csv", index=False)
    write("supermodel", "study_test", 0.3, {"supermodel__painted": 0.2})
    write("supermodel__painted", "study_test", 0.1, {})
    found = practice.simpler(path)
    assert [*found] == ["tested on films as simple", "tested on natural films"]
    own, natural = (one["at the chosen threshold"] for one in found.values())
    assert [*own] == [*natural] == ["every finding painted"]
    # gaps 0.20 and 0.24: mean 0.22, error 0.02, Student's reach 12.706 times that
    assert own["every finding painted"] == {
        "value": 0.22,
        "low": pytest.approx(0.22 - 0.254124, abs=1e-5),
        "high": pytest.approx(0.22 + 0.254124, abs=1e-5),
        "n": 2,
    }
    assert natural["every finding painted"]["value"] == pytest.approx(-0.205)
