"""Scores, thresholds and intervals against direct computation."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from chexnomaly import evaluation, metrics
from chexnomaly.boxes import mask_to_boxes
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.evaluation.statistics import FILM_STATISTICS, QUANTITIES
from chexnomaly.models import MaxEnsemble, ModelEnsemble, UNet
from chexnomaly.systems import baselines


def random_scores(n: int = 60, seed: int = 0) -> metrics.Scores:
    generator = torch.Generator().manual_seed(seed)
    probs = torch.rand(n, 1, 8, 8, generator=generator)
    mask = (torch.rand(n, 1, 8, 8, generator=generator) > 0.7).float()
    mask[::3] = 0
    return metrics.image_scores(probs, mask)


@pytest.mark.parametrize("given", [1, 3, 10])
@pytest.mark.parametrize("counted", [4, 64])
def test_scoring_in_batches_equals_scoring_at_once(
    squares, given, counted, monkeypatch
):
    monkeypatch.setattr(evaluation.scores, "AT_ONCE", counted)
    data = squares.part("test")
    generator = torch.Generator().manual_seed(0)
    probs = torch.rand(len(data), 1, 32, 32, generator=generator)
    scored = evaluation.score_set(probs.split(given), data, (0.5, 0.7, 0.5))
    masks = torch.stack([data.mask(i) for i in data.ids])
    for threshold in (0.5, 0.7):
        direct = metrics.image_scores(probs, masks, threshold)
        for name, values in direct.items():
            np.testing.assert_array_equal(scored.scores[threshold][name], values)
    summary = evaluation.summarize(scored, operating=0.7, resamples=50)
    assert summary["iou_c"]["value"] == pytest.approx(
        metrics.iou(probs, masks), abs=1e-6
    )
    assert summary["iou_c@operating"]["value"] == pytest.approx(
        metrics.iou(probs, masks, threshold=0.7), abs=1e-6
    )
    truth = [mask_to_boxes(m) for m in masks]
    ap = metrics.average_precision(probs, truth, 0.5)
    assert summary["ap_0.5"]["value"] == pytest.approx(ap, abs=1e-6)


def test_one_pass_predicts_what_each_ensemble_does_by_itself(squares):
    data, small = squares.part("test"), {"base_channels": 4, "depth": 2}
    torch.manual_seed(0)
    parts = [UNet(**small).eval() for _ in range(3)]
    ensemble = ModelEnsemble(parts, UNet(3, **small)).eval()
    masks, joined = evaluation.predict_ensemble(ensemble, data, 4)
    *alone, apart, largest = (
        torch.cat([*evaluation.predict(model, data, 4)])
        for model in (*parts, ensemble, MaxEnsemble(parts))
    )
    assert torch.equal(joined, apart) and torch.equal(masks, torch.cat(alone, dim=1))
    assert torch.equal(masks.amax(dim=1, keepdim=True), largest)


def test_too_few_predictions_are_refused(squares):
    data = squares.part("test")
    with pytest.raises(ValueError, match="expected 10 predictions, got 4"):
        evaluation.score_set([torch.zeros(4, 1, 32, 32)], data, (0.5,))


def test_the_interval_of_a_mean_agrees_with_the_normal_approximation():
    scores = random_scores(400)
    entry = evaluation.interval(metrics.mae_statistic, scores)
    values = scores["soft_error"]
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    assert entry["value"] == pytest.approx(values.mean(), abs=1e-6)
    assert entry["low"] == pytest.approx(values.mean() - half, abs=half / 8)
    assert entry["high"] == pytest.approx(values.mean() + half, abs=half / 8)


def test_paired_differences_are_narrower_than_unpaired_ones():
    first = random_scores(100)
    second = {k: v.copy() for k, v in first.items()}
    second["soft_error"] = first["soft_error"] + 0.01
    paired = evaluation.interval(
        lambda a, b: metrics.mae_statistic(b) - metrics.mae_statistic(a), first, second
    )
    assert paired["low"] == pytest.approx(0.01, abs=1e-6)
    assert paired["high"] == pytest.approx(0.01, abs=1e-6)


def test_paired_differences_of_two_systems(squares):
    data = squares.part("test")
    masks = torch.stack([data.mask(i) for i in data.ids])
    right = evaluation.score_set([masks * 0.9], data, (0.5, 0.3))
    empty = evaluation.score_set(baselines.constant(data, 0.0), data, (0.5, 0.3))
    others = {"empty": (empty, 0.5), "itself": (right, None)}
    found = evaluation.paired_differences(right, others, 0.3, resamples=50)
    values, itself = found["empty"], found["itself"]
    assert {gap["value"] for gap in itself.values()} == {0}
    assert {*values} - {*itself} == {k for k in values if k.endswith("@operating")}
    assert values["iou_c"]["value"] == values["iou_c@operating"]["value"] == 1
    assert values["mae_hard"]["value"] < 0 and "mae_soft@operating" not in values
    # Right marks are off by 0.1 in the mask, an empty mask by 1; healthy films by none.
    area = masks[masks.sum((1, 2, 3)) > 0].mean().item()
    gained = values["mae_soft_abnormal"]
    assert gained["value"] == pytest.approx(-0.9 * area, abs=1e-5)
    assert values["mae_soft"]["value"] == pytest.approx(
        -0.9 * masks.mean().item(), 1e-4
    )
    told = evaluation.summarize(empty, keys=["mae_soft_abnormal"], resamples=50)
    assert told["mae_soft_abnormal"]["n"] == data.is_abnormal().sum() < len(data)
    with pytest.raises(ValueError, match="the same films"):
        other = evaluation.ScoredSet(right.ids[::-1], right.scores, [], [])
        evaluation.paired_differences(right, {"other": (other, None)})


def test_intervals_depend_on_the_seed_alone():
    scores = random_scores()
    first = evaluation.interval(metrics.iou_statistic, scores)
    assert first == evaluation.interval(metrics.iou_statistic, scores)
    assert first["low"] < first["value"] < first["high"]


def test_an_undefined_statistic_is_none():
    mask = torch.zeros(5, 1, 4, 4)
    scores = metrics.image_scores(mask, mask)
    entry = evaluation.interval(metrics.iou_statistic, scores)
    assert entry == {"value": None, "low": None, "high": None, "n": 5}


def test_the_operating_threshold_is_the_best_on_its_part(squares):
    data = squares.part("val")
    masks = torch.stack([data.mask(i) for i in data.ids])
    probs = masks * 0.3 + 0.02  # right everywhere, but never above 0.5
    scored = evaluation.score_set([probs], data, evaluation.THRESHOLDS)
    chosen = evaluation.choose_threshold(scored)
    assert metrics.iou(probs, masks, threshold=chosen) == 1
    assert chosen == 0.3  # 0.05 to 0.3 are all perfect; the nearest to 0.5 is kept


def test_pixels_alone_choose_the_same_threshold_as_full_scores(squares):
    data = squares.part("val")
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        probs = torch.rand(len(data), 1, 32, 32, generator=generator)
        scored = evaluation.score_set(probs.split(3), data, evaluation.THRESHOLDS)
        masks = map(data.mask, data.ids)
        chosen = evaluation.operating_threshold(probs.split(3), masks)
        assert chosen == evaluation.choose_threshold(scored)


def test_without_anything_to_find_the_papers_threshold_stays():
    probs, masks = torch.rand(3, 1, 4, 4), torch.zeros(3, 1, 4, 4)
    assert evaluation.operating_threshold([probs], masks) == evaluation.PAPER_THRESHOLD


def test_baselines_by_hand(squares):
    train, test = squares.part("train"), squares.part("test")
    empty = evaluation.score_set(baselines.constant(test, 0.0), test, (0.5,))
    full = evaluation.score_set(baselines.constant(test, 1.0), test, (0.5,))
    assert metrics.iou_statistic(empty.scores[0.5], "A") == 0.5  # half are normal
    assert metrics.iou_statistic(empty.scores[0.5], "C") == 0
    # All ones on an abnormal image: the square's share of the image, 80 of 1024.
    assert metrics.iou_statistic(full.scores[0.5], "C") == pytest.approx(80 / 1024)
    prior = baselines.mean_mask(train)
    stacked = torch.stack([train.mask(i) for i in train.ids])
    abnormal = stacked.flatten(1).any(1)
    assert torch.allclose(prior, stacked[abnormal].mean(0))


def test_priors_look_at_training_scans_alone(squares, monkeypatch):
    seen = set()
    for method in ("reader_mask", "boxes"):
        read = getattr(SegmentationSet, method)

        def recording(self, image_id, *rest, read=read):
            seen.add(image_id)
            return read(self, image_id, *rest)

        monkeypatch.setattr(SegmentationSet, method, recording)
    train, test = squares.part("train"), squares.part("test")
    list(baselines.fixed_map(test, probs=baselines.mean_mask(train)))
    list(baselines.random_box(test, train_set=train))
    assert seen == set(train.ids)


def test_random_boxes_have_the_sizes_of_training_boxes(squares):
    maps = torch.cat(
        list(baselines.random_box(squares.part("test"), squares.part("train")))
    )
    assert maps.shape == (10, 1, 32, 32)
    assert maps.sum((1, 2, 3)).tolist() == [80.0] * 10
    again = torch.cat(
        list(baselines.random_box(squares.part("test"), squares.part("train")))
    )
    assert torch.equal(maps, again)


def test_one_reader_against_the_others(squares):
    data = squares.part("test")
    predictions, masks = baselines.one_reader(data, seed=1)
    scored = evaluation.score(predictions, masks, data.ids, (0.5,))
    scores = scored.scores[0.5]
    assert len(scores["tp"]) == len(data)
    agreed = (scores["fp"] == 0) & (scores["fn"] == 0)
    # Only where R3 overlooked a square and was chosen can a reader disagree.
    assert agreed.sum() >= len(data) - sum(i.endswith("8") for i in data.ids)


def test_a_network_predicts_in_the_order_of_the_data(squares):
    class Brightness(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.tensor(10.0))

        def forward(self, image):
            return (image - 0.5) * self.scale

    data = squares.part("test")
    probs = torch.cat(list(evaluation.predict(Brightness(), data, batch_size=4)))
    images = torch.stack([data[i][0] for i in range(len(data))])
    assert torch.allclose(probs, torch.sigmoid((images - 0.5) * 10), atol=1e-6)


def test_shares_of_films_have_wilsons_interval_also_where_none_is_found(squares):
    test = squares.part("test")
    empty = [torch.zeros(len(test.ids), 1, 32, 32)]
    scored = evaluation.score_set(empty, test, [0.5, 0.4])
    values = evaluation.summarize(scored, 0.4, 10)
    abnormal = int(test.is_abnormal().sum())
    expected = {"fn_share_strict": (abnormal, 10), "tp_share_lenient": (0, 10)}
    expected |= {"recall_any_pixel": (0, abnormal), "false_alarms": (0, 10 - abnormal)}
    for key, (count, n) in expected.items():
        ends = stats.binomtest(count, n).proportion_ci(method="wilson")
        wanted = {"value": count / n, "low": ends.low, "high": ends.high, "n": n}
        for suffix in ("", "@operating"):
            assert values[key + suffix] == pytest.approx(wanted, abs=1e-6)


def test_a_share_of_0_or_1_has_a_width_where_patients_are_drawn_too(squares):
    """No draw of patients differs there; each patient stands for one film."""
    test = squares.part("test")
    patients = [f"p{k // 2}" for k in range(len(test.ids))]
    abnormal = test.is_abnormal()
    marked = torch.ones(len(test.ids), 1, 32, 32)
    scored = evaluation.score_set([marked], test, [0.5])
    values = evaluation.summarize(replace(scored, patients=patients), None, 50)
    ill = len({p for p, has in zip(patients, abnormal, strict=True) if has})
    healthy = len({p for p, has in zip(patients, abnormal, strict=True) if not has})
    expected = {"false_alarms": (healthy, healthy, int((~abnormal).sum()))}
    expected |= {"recall_any_pixel": (ill, ill, int(abnormal.sum()))}
    expected |= {"tn_share_strict": (0, 5, 10)}
    for key, (count, units, n) in expected.items():
        ends = stats.binomtest(count, units).proportion_ci(method="wilson")
        wanted = {"value": count / units, "low": ends.low, "high": ends.high, "n": n}
        assert values[key] == pytest.approx(wanted, abs=1e-6)
        assert values[key]["low"] < values[key]["high"]


def test_every_statistic_has_its_row_in_the_table_of_quantities():
    table = evaluation.statistics() | FILM_STATISTICS
    named = {key for key in QUANTITIES.index if not key.startswith("ap_")}
    assert named - {"iou_c@operating"} == table.keys()
    assert {*QUANTITIES["films"]} == {"all", "abnormal", "healthy"}
    assert QUANTITIES["heading"].is_unique and QUANTITIES.index.is_unique
