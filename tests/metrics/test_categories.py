"""Lenient categories by hand, and limits of 512 px at every size."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from chexnomaly import metrics
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


def blobs(size: int, films: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """Films of squares of 1 to 3 px, marked now and then a pixel off, or not at all."""
    rng = np.random.default_rng(size)
    probs, mask = np.zeros((2, films, 1, size, size), np.float32)
    for k in range(films):
        for _ in range(rng.integers(0, 3)):
            y, x = rng.integers(2, size - 6, 2)
            side, off = rng.integers(1, 4), rng.integers(0, 2)
            mask[k, 0, y : y + side, x : x + side] = 1
            if rng.random() < 0.8:
                probs[k, 0, y : y + side, x + off : x + off + side] = 1
        if rng.random() < 0.4:
            probs[k, 0, 0, 0] = 1  # a speck
    return torch.from_numpy(probs), torch.from_numpy(mask)


@pytest.mark.parametrize("size", [32, 128])
def test_counts_of_a_batch_are_those_of_each_film_labelled_by_scipy(size):
    rng = np.random.default_rng(1)
    probs, mask = (
        ndimage.gaussian_filter(rng.random((9, size, size)), (0, 2, 2))
        for _ in range(2)
    )
    probs[0], mask[1] = 0, 0
    cut, eight = 0.5, np.ones((3, 3))
    found = categories.box_scores(
        torch.from_numpy(probs)[:, None],
        torch.from_numpy(mask > 0.5).float()[:, None],
        cut,
    )
    for k in range(9):
        marks, n_marks = ndimage.label(probs[k] > cut, eight)
        boxes, n_boxes = ndimage.label(mask[k] > 0.5, eight)
        shapes = [marks == m for m in range(1, n_marks + 1)]
        large = [m for m in shapes if m.mean() >= 100 / 512**2]
        kept = np.any(large, axis=0) if large else np.zeros((size, size), bool)
        boxed = [np.prod(np.ptp(np.nonzero(m), axis=1) + 1) for m in large]
        expected = {
            "boxes": n_boxes,
            "touched": sum(kept[boxes == b].any() for b in range(1, n_boxes + 1)),
            "flagged": bool(large),
            "mark_px": kept.sum(),
            "mark_box_px": sum(boxed),
        }
        assert {name: values[k] for name, values in found.items()} == expected


def judged_in_px(probs: np.ndarray, mask: np.ndarray) -> tuple[str, bool, int]:
    """Judge one film of 512 px by the paper's words, in pixels."""
    wrong, marked = np.count_nonzero(probs != mask), probs.any()
    outlier = wrong > 0.04 * 512**2
    labels, count = ndimage.label(probs, structure=np.ones((3, 3)))
    kept = sum(np.count_nonzero(labels == k) >= 100 for k in range(1, count + 1))
    if not mask.any():
        return ("FP" if marked else "TN"), outlier, kept
    if wrong < 100:
        return "TP", outlier, kept
    missed = np.count_nonzero(mask > probs), np.count_nonzero(probs > mask)
    return ("FN" if missed[0] >= missed[1] else "FP"), outlier, kept


@pytest.mark.parametrize("size", [32, 64, 128, 256, 512])
def test_limits_are_those_of_masks_scaled_up_to_512_px(size):
    """At 64 px one pixel stands for 64 of 512 px and is within 100; two are not."""
    probs, mask = blobs(size, 12 if size == 512 else 40)
    counts = metrics.image_scores(probs, mask)
    counts |= categories.box_scores(probs, mask, 0.5)
    strict = metrics.strict_categories(counts)
    outlier = metrics.hard_error(counts) > categories.OUTLIER_LIMIT
    for k, maps in enumerate(zip(probs[:, 0].numpy(), mask[:, 0].numpy(), strict=True)):
        large = [m.repeat(512 // size, 0).repeat(512 // size, 1) for m in maps]
        found, far, kept = judged_in_px(*large)
        assert (strict[k], outlier[k]) == (found, far)
        assert counts["flagged"][k] == (kept > 0)
    if size == 64:
        assert {"TP", "TN", "FP", "FN"} == {*strict}
