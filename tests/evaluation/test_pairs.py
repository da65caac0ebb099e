"""Pair scores by hand and against SciPy."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu

from chexnomaly.evaluation import pairs as pair_metrics


def test_scores_by_hand():
    # Right, right, wrong, wrong; one of the two similar pairs above both others.
    scores = {
        "prob": np.array([0.9, 0.2, 0.4, 0.6]),
        "similar": np.array([1.0, 0.0, 1.0, 0.0]),
    }
    assert pair_metrics.accuracy(scores) == 0.5
    assert pair_metrics.absolute_error(scores) == pytest.approx(
        (0.1 + 0.2 + 0.6 + 0.6) / 4
    )
    assert pair_metrics.auc(scores) == pytest.approx(3 / 4)


def test_auc_agrees_with_scipy():
    rng = np.random.default_rng(0)
    prob, similar = rng.random(200).round(1), rng.integers(0, 2, 200)
    u = mannwhitneyu(prob[similar == 1], prob[similar == 0]).statistic
    expected = u / ((similar == 1).sum() * (similar == 0).sum())
    scores = {"prob": prob, "similar": similar.astype(float)}
    assert pair_metrics.auc(scores) == pytest.approx(expected)
    stacked = {k: np.stack([v, v]) for k, v in scores.items()}
    assert pair_metrics.auc(stacked).tolist() == pytest.approx([expected] * 2)


def test_auc_of_one_kind_is_undefined():
    assert np.isnan(pair_metrics.auc({"prob": np.ones(3), "similar": np.ones(3)}))


def test_the_summary_knows_the_majority():
    table = pd.DataFrame({"prob": [0.9, 0.8, 0.1, 0.7], "similar": [1, 1, 0, 1]})
    summary = pair_metrics.summarize_pairs(table, resamples=50)
    assert summary["majority_share"]["value"] == 0.75
    assert summary["accuracy"]["value"] == 1.0 and summary["accuracy"]["n"] == 4
