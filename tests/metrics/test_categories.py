"""Lenient categories by hand."""

import numpy as np
import torch

from chexnomaly.metrics import categories


def scene() -> tuple[torch.Tensor, torch.Tensor]:
    """Five images of 64 px: found, half found, missed, speck on normal, false blob."""
    mask = torch.zeros(5, 1, 64, 64)
    mask[:3, 0, 5:15, 5:15] = 1
    mask[1, 0, 40:50, 40:50] = 1
    probs = torch.zeros(5, 1, 64, 64)
    probs[0, 0, 8:12, 8:12] = 0.9
    probs[1, 0, 42:45, 42:45] = 0.9
    probs[3, 0, 30, 30] = 0.9  # one pixel; 100 of 512 x 512 are 1.6 of 64 x 64
    probs[4, 0, 30:34, 30:34] = 0.9
    return probs, mask


def test_counts_by_hand():
    scores = categories.box_scores(*scene(), threshold=0.5)
    assert scores["boxes"].tolist() == [1, 2, 1, 0, 0]
    assert scores["touched"].tolist() == [1, 1, 0, 0, 0]
    assert scores["flagged"].tolist() == [1, 1, 0, 0, 1]


def test_lenient_and_unseen_categories():
    scores = categories.box_scores(*scene(), threshold=0.5)
    assert categories.lenient_categories(scores).tolist() == [
        "TP",
        "TP",
        "FN",
        "TN",
        "FP",
    ]
    abnormal = {name: values[:3] for name, values in scores.items()}
    assert categories.unseen_categories(abnormal).tolist() == ["TP", "50/50", "FN"]


def test_a_threshold_above_everything_finds_nothing():
    scores = categories.box_scores(*scene(), threshold=0.95)
    assert np.all(scores["flagged"] == 0) and np.all(scores["touched"] == 0)


def test_a_square_fills_its_box_and_an_l_does_not():
    probs = torch.zeros(3, 1, 32, 32)
    probs[0, 0, 2:6, 2:6] = 1  # 16 of 16 px
    probs[1, 0, 2:6, 2:4] = 1
    probs[1, 0, 4:6, 4:6] = 1  # an L: 8 + 4 of 4 x 4 px
    scores = categories.box_scores(probs, torch.zeros_like(probs), threshold=0.5)
    assert scores["mark_px"].tolist() == [16, 12, 0]
    assert scores["mark_box_px"].tolist() == [16, 16, 0]
    assert categories.rectangularity(scores) == 28 / 32
    nothing = {name: values[2:] for name, values in scores.items()}
    assert np.isnan(categories.rectangularity(nothing))
