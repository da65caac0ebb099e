"""Real films: sets by view and reader, group against group, draws by patient."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from chexnomaly import evaluation, metrics
from chexnomaly.evaluation.evaluator import Evaluator, TestSet
from chexnomaly.evaluation.films import film_sets, group_against_group
from chexnomaly.evaluation.intervals import interval
from chexnomaly.results import read_result
from chexnomaly.systems import baselines
from chexnomaly.workspace import Workspace
from tests.real_films import as_films


@pytest.fixture(scope="module")
def held(squares):
    return as_films(squares).hold_out(1, val_share=0.3)


def means(scores):
    return scores["x"].mean(-1)


def test_films_of_one_patient_are_drawn_together():
    # 50 patients with 4 films each that all have the patient's value: as wide as 50
    # single films, and twice as wide as 200 films of 200 patients.
    rng = np.random.default_rng(0)
    alone = rng.normal(size=50)
    films, owners = np.repeat(alone, 4), np.repeat(np.arange(50), 4).astype(str)
    mixed = rng.permutation(200)
    films, owners = films[mixed], owners[mixed]
    width = {}
    for name, values, patients in (
        ("single", alone, ()),
        ("by patient", films, owners),
        ("by film", films, ()),
    ):
        one = interval(means, {"x": values}, patients=patients, resamples=4000)
        assert one["value"] == pytest.approx(alone.mean(), abs=1e-6)
        width[name] = one["high"] - one["low"]
    assert width["by patient"] == pytest.approx(width["single"], rel=0.06)
    assert width["by film"] == pytest.approx(width["single"] / 2, rel=0.06)


def test_patients_with_unequally_many_films_against_a_slow_loop():
    rng = np.random.default_rng(1)
    owners = rng.integers(0, 30, size=80)
    values = rng.normal(size=80) + owners / 10
    one = interval(means, {"x": values}, patients=owners.astype(str), resamples=5000)
    names = np.unique(owners)
    drawn = [
        np.concatenate([values[owners == n] for n in rng.choice(names, len(names))])
        for _ in range(5000)
    ]
    low, high = np.percentile([d.mean() for d in drawn], [2.5, 97.5])
    assert one["low"] == pytest.approx(low, abs=0.03)
    assert one["high"] == pytest.approx(high, abs=0.03)
    assert one["n"] == 80


def test_one_film_a_patient_is_the_bootstrap_over_films():
    values = {"x": np.random.default_rng(2).normal(size=40)}
    owners = [f"{k:02d}" for k in range(40)]
    assert interval(means, values) == interval(means, values, patients=owners)
    assert interval(means, values, patients=["1"] * 40)["low"] is None


def test_sets_by_view_and_by_reader(held):
    sets = film_sets(held)
    assert set(sets) == {
        *("nih_boxes", "nih_boxes_pa", "nih_boxes_ap"),
        *("nih_boxes_rsna", "nih_boxes_chestx_det"),
    }
    whole = sets["nih_boxes"].scans
    assert whole.ids == held.ids("test")
    views = held.films["view"]
    pa, ap = sets["nih_boxes_pa"].scans.ids, sets["nih_boxes_ap"].scans.ids
    assert sorted([*pa, *ap]) == whole.ids and (views[ap] == "AP").all()
    for key, reader, lost in (("rsna", "rsna", "4"), ("chestx_det", "chestx-det", "6")):
        one = sets[f"nih_boxes_{key}"].scans
        looked = [i for i in whole.ids if not i.endswith(lost)]
        assert one.ids == looked
        assert all((one.mask(i) == whole.reader_mask(i, reader)).all() for i in one.ids)


def test_outlines_stand_in_for_boxes(held):
    ids = held.ids("test")
    sick = [i for i in ids if int(i[3:]) % 2 == 0]
    shape = np.zeros((32, 32), dtype=bool)
    shape[3, 5] = True
    outlines = {sick[0]: shape, sick[1]: shape & False, "elsewhere": shape}
    scans = film_sets(held, outlines)["nih_polygons"].scans
    assert [i for i in scans.ids if i in sick] == [sick[0]]
    assert scans.is_abnormal().sum() == 1
    np.testing.assert_array_equal(scans.mask(sick[0])[0], shape)


def test_view_alone_predicts_the_share_of_its_films(held):
    train, test, views = held.part("train"), held.part("test"), held.films["view"]
    maps = torch.cat(list(baselines.label_alone(test, views, train)))
    assert maps.shape == (len(test), 1, 32, 32)
    for image_id, one in zip(test.ids, maps, strict=True):
        alike = [i for i in train.ids if views[i] == views[image_id]]
        share = np.mean([int(i[3:]) % 2 == 0 for i in alike])
        assert torch.allclose(one, torch.tensor(share, dtype=torch.float32))


def test_one_group_against_the_other(held):
    found, truth = group_against_group(held, "rsna", "chestx-det", ["ild"])
    looked = held.films.index[held.films.chestx_det.notna()]
    assert found.ids == sorted(looked)
    ild = {
        i for i in found.ids if int(i[3:]) % 4 == 0 and i in {*held.findings.image_id}
    }
    assert truth.scans.is_abnormal().sum() == len(ild)
    overlap = metrics.iou_per_image(found.scores[0.5])
    for image_id, value in zip(found.ids, overlap, strict=True):
        if image_id in ild:  # both drew the same box, but where rsna has none
            assert value == (not image_id.endswith("4"))
        else:
            assert np.isnan(value)


def test_results_on_films_know_patients_and_paired_ones_too(held, tmp_path):
    data = replace(held)
    study = Evaluator(Workspace("tiny", tmp_path), "x", data, resamples=50)

    def oracle(dataset):
        yield torch.stack([dataset.mask(i) for i in dataset.ids]) * 0.3

    def blind(dataset):
        yield from baselines.constant(dataset, 0.2)

    sets = film_sets(data)
    study.measure("blind", blind, sets)
    study.measure("oracle", oracle, sets, rivals=["blind"], start="phantoms:blind")
    result = read_result(study.workspace.results / "oracle__nih_boxes.json")
    assert result["evidence"] == "open-images" and result["start"] == "phantoms:blind"
    assert result["values"]["auc"]["value"] == 1
    assert result["values"]["pointing"]["value"] == 1
    assert result["paired"]["blind"]["auc"]["value"] == 0.5
    assert result["paired"]["blind"]["pointing"]["low"] > 0
    few = read_result(study.workspace.results / "oracle__nih_boxes_pa.json")["values"]
    assert set(few) == {
        *("iou_c", "iou_c@operating", "mae_hard", "auc", "pointing")
    } | {"mae_hard@operating"}
    scored, operating = study.scores("oracle", "nih_boxes")
    assert [*scored.patients] == held.films.patient[scored.ids].tolist()


def test_results_without_patients_stay_as_they_were(squares, tmp_path):
    test = TestSet(squares.part("test"), "phantom")
    scored = test.score(baselines.constant(test.scans, 1.0), [0.5])
    assert not {"auc", "pointing"} & set(evaluation.summarize(scored, resamples=10))
