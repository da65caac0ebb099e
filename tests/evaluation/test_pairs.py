"""Pair scores by hand and against SciPy; intervals by films, not by pairs."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import mannwhitneyu

from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.evaluation import pairs as pair_metrics
from chexnomaly.models import CNNBase, SiameseNetwork, UNetBase


def table(prob, similar, first=None, second=None):
    names = [f"a{k}" for k in range(len(prob))], [f"b{k}" for k in range(len(prob))]
    first, second = first or names[0], second or names[1]
    columns = {"first": first, "second": second, "similar": similar, "prob": prob}
    return pd.DataFrame(columns)


def test_scores_by_hand():
    # Right, right, wrong, wrong; one of the two similar pairs above both others.
    scores, once = table([0.9, 0.2, 0.4, 0.6], [1, 0, 1, 0]), np.ones((1, 4))
    assert pair_metrics.accuracy(scores, once) == 0.5
    assert pair_metrics.absolute_error(scores, once) == pytest.approx(1.5 / 4)
    assert pair_metrics.auc(scores, once) == pytest.approx(3 / 4)


def test_a_weight_counts_a_pair_as_often():
    rng = np.random.default_rng(1)
    scores = table(rng.random(30).round(1), rng.integers(0, 2, 30))
    weights = rng.integers(0, 4, 30)
    repeated = scores.loc[scores.index.repeat(weights)]
    for statistic in (
        pair_metrics.accuracy,
        pair_metrics.absolute_error,
        pair_metrics.auc,
    ):
        once = statistic(repeated, np.ones((1, len(repeated))))
        assert statistic(scores, weights[None].astype(float)) == pytest.approx(once)


def test_auc_agrees_with_scipy():
    rng = np.random.default_rng(0)
    prob, similar = rng.random(200).round(1), rng.integers(0, 2, 200)
    u = mannwhitneyu(prob[similar == 1], prob[similar == 0]).statistic
    expected = u / ((similar == 1).sum() * (similar == 0).sum())
    found = pair_metrics.auc(table(prob, similar), np.ones((2, 200)))
    assert found.tolist() == pytest.approx([expected] * 2)


def test_auc_of_one_kind_is_undefined():
    summary = pair_metrics.summarize_pairs(table([0.4, 0.6, 0.7], [1, 1, 1]), 50)
    assert summary["auc"]["value"] is None and summary["auc"]["low"] is None


def test_the_summary_knows_the_majority():
    summary = pair_metrics.summarize_pairs(table([0.9, 0.8, 0.1, 0.7], [1, 1, 0, 1]))
    assert summary["majority_share"]["value"] == 0.75
    found = summary["accuracy"]
    assert found["value"] == found["high"] == 1.0 and found["n"] == 4
    # Wilson's lower end for 4 of 4, one for each two films: 4 / (4 + 1.96^2)
    assert found["low"] == pytest.approx(4 / (4 + 1.96**2), abs=1e-4)


def test_a_pair_weighs_as_much_as_its_films_were_drawn():
    scores = table([0.5, 0.5], [1, 0], ["x", "x"], ["y", "z"])
    weights = pair_metrics.resampled_weights(scores, 4000)
    assert set(np.unique(weights)) <= {0, 1, 2}  # three films drawn, two in a pair
    # Of 27 ordered draws of three films, x and y meet once each in 6 (with z), and as
    # (2, 1) or (1, 2) in 3 + 3: the mean weight is (6 * 1 + 6 * 2) / 27.
    assert weights.mean(0) == pytest.approx([18 / 27] * 2, abs=0.04)


def test_pairs_that_share_films_say_less_than_their_number():
    """Twenty films make 800 pairs: an interval over pairs would be far too narrow."""
    rng = np.random.default_rng(3)
    quality = rng.normal(size=20)
    first, second = rng.integers(0, 20, (2, 800))
    keep = first != second
    first, second = first[keep], second[keep]
    similar = rng.integers(0, 2, keep.sum())
    prob = 1 / (1 + np.exp(-(quality[first] + quality[second]) * (2 * similar - 1)))
    names = [f"f{k}" for k in first], [f"f{k}" for k in second]
    summary = pair_metrics.summarize_pairs(table(prob, similar, *names))["accuracy"]
    over_pairs = 2 * 1.96 * np.sqrt(0.25 / keep.sum())
    assert summary["high"] - summary["low"] > 3 * over_pairs


def test_patients_are_drawn_with_all_their_pairs_against_a_slow_loop():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 40, size=(2, 150))
    similar = np.arange(150) % 2
    prob = (0.5 + 0.1 * similar + 0.02 * first + rng.normal(0, 0.2, 150)).clip(0, 1)
    names = [f"f{k}" for k in first], [f"g{k}" for k in second]
    found = pair_metrics.summarize_pairs(
        table(prob, similar, *names),
        2000,
        {f"{kind}{k}": str(k // 5) for kind in "fg" for k in range(40)},
    )["auc"]
    drawn = []
    for _ in range(1000):
        times = np.bincount(rng.integers(0, 8, 8), minlength=8)
        often = np.repeat(np.arange(150), times[first // 5] * times[second // 5])
        ill = similar[often] == 1
        if 0 < ill.sum() < len(ill):
            wins = mannwhitneyu(prob[often][ill], prob[often][~ill]).statistic
            drawn.append(wins / ill.sum() / (~ill).sum())
    low, high = np.percentile(drawn, [2.5, 97.5])
    assert found["low"] == pytest.approx(low, abs=0.04)
    assert found["high"] == pytest.approx(high, abs=0.04)


class Told(torch.nn.Module):
    """Gives each film of a set what it was told, in order, of any shape."""

    def __init__(self, told):
        super().__init__()
        self.told, self.place = torch.nn.Parameter(torch.as_tensor(told)), 0

    def forward(self, image):
        self.place += len(image)
        return torch.logit(self.told[self.place - len(image) : self.place])


def test_single_films_score_a_pair_by_their_product(squares):
    pairs = PairsSet(squares.part("train"), 40, seed=3)
    scores = np.random.default_rng(0).random(len(pairs.scans)).astype(np.float32)
    table = pair_metrics.score_singly(Told(scores), pairs)
    by_id = dict(zip(squares.ids("train"), scores, strict=True))
    for k, (one, other) in enumerate(pairs.ids):
        assert table.prob[k] == pytest.approx(by_id[one] * by_id[other], rel=1e-5)
        assert table.similar[k] == pairs[k][2].item()
        assert (table["first"][k], table["second"][k]) == (one, other)


def test_a_network_that_draws_scores_a_film_by_its_highest_pixels(squares):
    pairs = PairsSet(squares.part("train"), 40)
    rng = np.random.default_rng(0)
    maps = rng.random((len(pairs.scans), 1, 20, 20)).astype(np.float32)
    table = pair_metrics.score_singly(Told(maps), pairs)
    highest = [np.sort(one.ravel())[-20:].mean() for one in maps]  # 5 % of 400
    by_id = dict(zip(squares.ids("train"), highest, strict=True))
    expected = [by_id[one] * by_id[other] for one, other in pairs.ids]
    assert table.prob.to_list() == pytest.approx(expected, rel=1e-4)


def test_a_perfect_judge_of_single_films_knows_every_pair(squares):
    pairs = PairsSet(squares.part("train"), 40)
    for told, expected in (
        (pairs.scans.is_abnormal().astype(np.float32), 1.0),
        (np.ones(len(pairs.scans), np.float32), 0.5),  # calls every film abnormal
    ):
        table = pair_metrics.score_singly(Told(told), pairs)
        summary = pair_metrics.summarize_pairs(table, 20)
        assert summary["accuracy"]["value"] == summary["auc"]["value"] == expected


def test_the_cut_is_the_one_with_the_most_right_answers():
    rng = np.random.default_rng(2)
    scores = table(rng.random(30).round(1), rng.integers(0, 2, 30))

    def right(cut: float) -> int:
        pairs = zip(scores.prob, scores.similar, strict=True)
        return sum((p > cut) == bool(y) for p, y in pairs)

    cut = pair_metrics.choose_cut(scores)
    assert right(cut) == max(map(right, scores.prob))
    assert cut == min(p for p in scores.prob if right(p) == right(cut))
    at = pair_metrics.summarize_pairs(scores, 20, cut=cut)
    assert at["accuracy@operating"]["value"] == pytest.approx(right(cut) / 30)
    assert at["accuracy"]["value"] == pytest.approx(right(0.5) / 30)


def test_a_scale_is_undone_by_the_cut():
    """Scores of a map are far below 0.5; the same order gives the same accuracy."""
    rng = np.random.default_rng(4)
    similar = rng.integers(0, 2, 60)
    prob = (0.3 * similar + 0.7 * rng.random(60)).clip(0, 1)
    found = []
    for factor in (1.0, 0.01):
        scores = table(prob * factor, similar)
        cut = pair_metrics.choose_cut(scores)
        found.append(pair_metrics.summarize_pairs(scores, 50, cut=cut))
    assert found[0]["accuracy@operating"] == found[1]["accuracy@operating"]
    assert found[0]["auc"] == found[1]["auc"]
    assert found[1]["accuracy"]["value"] == pytest.approx(1 - similar.mean())


@pytest.mark.parametrize("base", ["cnn", "unet"])
def test_pairs_of_films_seen_once_score_as_pairs_seen_one_by_one(squares, base):
    torch.manual_seed(0)
    shape = {"base_channels": 8, "depth": 3, "batch_norm": True}
    seen = {"cnn": (CNNBase(16, **shape), 16), "unet": (UNetBase(**shape), 32 * 32)}
    twin = SiameseNetwork(*seen[base]).eval()
    pairs = PairsSet(squares.part("train"), 37)
    table = pair_metrics.score_pairs(twin, pairs, batch_size=4)
    assert [*zip(table["first"], table["second"], strict=True)] == pairs.ids
    with torch.no_grad():
        for row, (one, other, similar) in zip(table.itertuples(), pairs, strict=False):
            logit, distance = twin(one[None], other[None])
            assert row.prob == pytest.approx(torch.sigmoid(logit).item(), abs=1e-6)
            assert row.distance == pytest.approx(distance.item(), rel=1e-4)
            assert row.similar == similar.item()
    pairs.ids, pairs.kinds = pairs.ids[:8], pairs.kinds[:8]
    alone = pair_metrics.score_pairs(twin, pairs, batch_size=4)
    pd.testing.assert_frame_equal(alone, table[:8], check_exact=True)
