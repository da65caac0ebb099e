"""Metrics against pencil arithmetic and slow loops."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from chexnomaly import metrics
from chexnomaly.metrics import detection


def maps(*rows: list[float]) -> torch.Tensor:
    """One image per row, (B, 1, 1, W)."""
    return torch.tensor(rows, dtype=torch.float32)[:, None, None]


def test_half_covered_and_both_empty():
    # Image 1: one of two true pixels found, IoU 1/2. Image 2: empty and empty.
    probs = maps([0.9, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1])
    mask = maps([1, 1, 0, 0], [0, 0, 0, 0])
    assert metrics.iou(probs, mask, "C") == 0.5
    assert metrics.iou(probs, mask, "A") == 0.75
    assert metrics.iou(probs, mask, "D") == 0.25
    # Pooled: foreground 1/2; background 6 of 7 pixels.
    assert metrics.iou(probs, mask, "B") == pytest.approx((1 / 2 + 6 / 7) / 2)


def test_two_squares_shifted_by_one_pixel():
    mask = torch.zeros(1, 1, 6, 6)
    probs = mask.clone()
    mask[0, 0, 1:4, 1:4] = 1
    probs[0, 0, 1:4, 2:5] = 1
    assert metrics.iou(probs, mask) == pytest.approx(6 / 12)
    assert metrics.mean_absolute_error(probs, mask, threshold=0.5) == pytest.approx(
        6 / 36
    )


def test_convention_c_is_undefined_without_an_abnormal_image():
    assert np.isnan(metrics.iou(maps([0.9, 0.1]), maps([0, 0]), "C"))
    assert metrics.iou(maps([0.9, 0.1]), maps([0, 0]), "A") == 0


def test_soft_iou_by_hand():
    # Intersection 0.5, union 0.5 + 0.25 + 1 - 0.5 = 1.25; one added to both.
    assert metrics.iou(maps([0.5, 0.25]), maps([1, 0]), "E") == pytest.approx(
        1.5 / 2.25
    )


def test_soft_and_hard_errors():
    probs, mask = maps([0.6, 0.2, 0.2, 0.2]), maps([1, 0, 0, 0])
    assert metrics.mean_absolute_error(probs, mask) == pytest.approx((0.4 + 0.6) / 4)
    assert metrics.mean_absolute_error(probs, mask, threshold=0.5) == 0


def test_a_probability_on_the_threshold_is_not_predicted():
    assert metrics.iou(maps([0.5, 0.9]), maps([1, 1]), "C", threshold=0.5) == 0.5


def test_all_empty_scores_the_share_of_normal_images_under_a():
    mask = maps([1, 0], [0, 0], [0, 0], [0, 0])
    empty = torch.zeros_like(mask)
    assert metrics.iou(empty, mask, "A") == 0.75
    assert metrics.iou(empty, mask, "C") == 0
    assert metrics.f1_score(empty, mask, "any_pixel") == 0


def test_f1_rules_by_hand():
    # 1 found, 2 missed, 3 falsely flagged, 4 and 5 rightly empty.
    probs = maps([1, 0], [0, 0], [0, 1], [0, 0], [0, 0])
    mask = maps([1, 0], [1, 0], [0, 0], [0, 0], [0, 0])
    assert metrics.f1_score(probs, mask, "any_pixel") == pytest.approx(2 / 4)
    assert metrics.f1_score(probs, mask, "healthy") == pytest.approx(4 / 6)
    assert metrics.f1_score(probs, mask, "pooled") == pytest.approx(2 / 4)
    # Strict: image 1 is exact, image 2 FN, image 3 FP.
    assert metrics.f1_score(probs, mask, "strict") == pytest.approx(2 / 4)
    # Image 2, all missed: background IoU 1/2, foreground 0, mean 0.25: not found.
    assert metrics.f1_score(probs, mask, "mean_iou_0.3") == pytest.approx(2 / 4)


def test_an_empty_mask_counts_as_found_under_the_mean_iou_rule():
    # One true pixel of ten, nothing predicted: (0 + 9/10) / 2 = 0.45 > 0.3.
    probs, mask = maps([0] * 10), maps([1] + [0] * 9)
    assert metrics.f1_score(probs, mask, "mean_iou_0.3") == 1
    assert metrics.f1_score(probs, mask, "any_pixel") == 0


def test_f1_is_undefined_without_positives_of_either_kind():
    assert np.isnan(metrics.f1_score(maps([0, 0]), maps([0, 0]), "any_pixel"))


def test_strict_categories_at_the_limit_of_one_hundred_pixels():
    # At 512 x 512, 99 wrong pixels are a true positive and 100 are not.
    mask = torch.zeros(4, 1, 512, 512)
    mask[:2, 0, 100:200, 100:200] = 1
    probs = mask.clone()
    probs[0, 0, 300, :99] = 1
    probs[1, 0, 300, :100] = 1
    probs[2, 0, 0, 0] = 1
    category = metrics.strict_categories(metrics.image_scores(probs, mask))
    assert category.tolist() == ["TP", "FP", "FP", "TN"]


def pixels(flags: np.ndarray) -> set[int]:
    """The set pixels of one or many images, as a set of positions."""
    return set(np.flatnonzero(flags.ravel()).tolist())


def jaccard(first: set, second: set) -> float:
    union = first | second
    return len(first & second) / len(union) if union else 1.0


def dice(first: set, second: set) -> float:
    return 2 * len(first & second) / (len(first) + len(second))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_metrics_agree_with_sets_of_pixels(seed):
    rng = np.random.default_rng(seed)
    probs = rng.random((6, 1, 5, 4)).astype(np.float32)
    mask = rng.random((6, 1, 5, 4)) < rng.random((6, 1, 1, 1))
    hard = probs > 0.5
    p, y = torch.from_numpy(probs), torch.from_numpy(mask).float()
    per_image = [jaccard(pixels(m), pixels(h)) for m, h in zip(mask, hard, strict=True)]
    assert metrics.iou(p, y, "A") == pytest.approx(np.mean(per_image))
    abnormal = [j for j, m in zip(per_image, mask, strict=True) if m.any()]
    assert metrics.iou(p, y, "C") == pytest.approx(np.mean(abnormal))
    foreground = jaccard(pixels(mask), pixels(hard))
    background = jaccard(pixels(~mask), pixels(~hard))
    assert metrics.iou(p, y, "B") == pytest.approx((foreground + background) / 2)
    assert metrics.f1_score(p, y, "pooled") == pytest.approx(
        dice(pixels(mask), pixels(hard))
    )
    truth, flagged = mask.any((1, 2, 3)), hard.any((1, 2, 3))
    assert metrics.f1_score(p, y) == pytest.approx(dice(pixels(truth), pixels(flagged)))


def test_statistics_reduce_along_any_axis():
    probs, mask = torch.rand(7, 1, 4, 4), torch.randint(0, 2, (7, 1, 4, 4)).float()
    scores = metrics.image_scores(probs, mask)
    index = np.random.default_rng(0).integers(0, 7, (5, 7))
    resampled = {name: values[index] for name, values in scores.items()}
    for c in metrics.IOU_CONVENTIONS:
        rows = [
            metrics.iou_statistic({n: v[i] for n, v in scores.items()}, c)
            for i in index
        ]
        np.testing.assert_allclose(metrics.iou_statistic(resampled, c), rows)


def test_average_precision_by_hand():
    # Ranked: hit (0.9), miss (0.8), hit (0.7); three true boxes in all.
    # Recall 1/3, 1/3, 2/3 with precision 1, 1/2, 2/3: area 1/3 + 1/3 * 2/3.
    boxes = torch.tensor([[0.0, 0, 4, 4], [10, 10, 14, 14], [20, 20, 24, 24]])
    truth = torch.tensor([[0.0, 0, 4, 4], [20, 20, 24, 24], [30, 30, 34, 34]])
    found = [(boxes, torch.tensor([0.9, 0.8, 0.7]))]
    (value,) = metrics.average_precisions(found, [truth], [0.4])
    assert value == pytest.approx(1 / 3 + 2 / 9)


def test_a_second_prediction_of_one_box_is_false():
    boxes = torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 5]])
    found = [(boxes, torch.tensor([0.9, 0.8]))]
    (value,) = metrics.average_precisions(found, [boxes[:1]], [0.4])
    assert value == 1.0  # the envelope is full before the second one


def test_average_precision_of_many_films_against_a_loop_over_boxes():
    rng = np.random.default_rng(0)

    def some(n: int) -> torch.Tensor:
        low = rng.integers(0, 12, (n, 2))
        return torch.tensor(np.hstack([low, low + rng.integers(1, 9, (n, 2))])).float()

    found = [some(n) for n in rng.integers(0, 5, 60)]
    scores = [torch.tensor(rng.random(len(boxes)).round(1)) for boxes in found]
    truth = [some(n) for n in rng.integers(0, 4, 60)]
    bounds = [0.2, 0.4, 0.7]
    got = metrics.average_precisions([*zip(found, scores, strict=True)], truth, bounds)
    ranked = [
        (-float(s), k, i) for k, one in enumerate(scores) for i, s in enumerate(one)
    ]
    for bound, value in zip(bounds, got, strict=True):
        taken, hits = set(), []
        for _, k, i in sorted(ranked):
            ious = [
                *detection.box_iou(found[k][i : i + 1].numpy(), truth[k].numpy())[0]
            ]
            best = ious.index(max(ious)) if ious else 0
            hits.append(bool(ious) and max(ious) > bound and (k, best) not in taken)
            taken |= {(k, best)} if hits[-1] else set()
        precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        area = sum(precision[j:].max() for j in np.flatnonzero(hits))
        assert value == pytest.approx(area / sum(map(len, truth)))


def test_average_precision_from_probability_maps():
    probs = torch.zeros(2, 1, 8, 8)
    probs[0, 0, 1:4, 1:4] = 0.9
    probs[1, 0, 5:7, 5:7] = 0.6
    truth = [torch.tensor([[1.0, 1, 4, 4]]), torch.zeros(0, 4)]
    found, nothing = detection.detections(probs), [torch.zeros(0, 4)] * 2
    assert metrics.average_precisions(found, truth, [0.4, 0.7]) == [1.0, 1.0]
    assert metrics.average_precision(probs, truth) == 1.0
    assert np.isnan(metrics.average_precisions(found, nothing, [0.4]))
    with pytest.raises(ValueError, match="shorter"):
        metrics.average_precisions(found, truth[:1], [0.4])


def test_box_iou_by_hand():
    first = np.array([[0.0, 0, 2, 2], [0, 0, 0, 0]])
    second = np.array([[1.0, 1, 3, 3], [0, 0, 0, 0]])
    np.testing.assert_allclose(detection.box_iou(first, second), [[1 / 7, 0], [0, 0]])


@pytest.mark.parametrize("call", [metrics.iou, metrics.f1_score])
def test_unknown_conventions_and_shapes_are_refused(call):
    with pytest.raises(ValueError, match="expected one of"):
        call(torch.rand(1, 1, 2, 2), torch.zeros(1, 1, 2, 2), "Z")
    with pytest.raises(ValueError, match="one shape"):
        call(torch.rand(1, 1, 2, 2), torch.zeros(1, 1, 2, 3))


@pytest.mark.parametrize("threshold", [0.2, 0.5])
def test_pixels_counted_from_flags_are_those_counted_from_maps(threshold):
    generator = torch.Generator().manual_seed(0)
    probs = torch.rand(6, 1, 5, 7, generator=generator)
    mask = (torch.rand(6, 1, 5, 7, generator=generator) > 0.6).float()
    mask[::3] = 0
    scores = metrics.image_scores(probs, mask, threshold)
    counts = metrics.count_pixels(probs.numpy() > threshold, mask.numpy() > 0)
    assert set(counts) == {"tp", "fp", "fn"}
    for name, values in counts.items():
        np.testing.assert_array_equal(values, scores[name])
    ious = metrics.iou_per_image(counts)
    assert np.isnan(ious[::3]).all()
    assert np.nanmean(ious) == metrics.iou(probs, mask, "C", threshold)


def test_one_prediction_may_stand_for_all_images():
    marked = np.array([True, True, False])
    masks = np.array([[True, False, False], [False, False, True], [False] * 3])
    ious = metrics.iou_per_image(metrics.count_pixels(marked, masks))
    np.testing.assert_array_equal(ious, [1 / 2, 0, np.nan])


def test_a_films_score_is_the_mean_of_its_highest_pixels():
    probs = torch.linspace(0, 1, 100).reshape(1, 1, 10, 10)
    mask = torch.zeros(1, 1, 10, 10)
    mask[..., 9, 9] = 1  # the highest pixel
    scores = metrics.film_scores(probs, mask)
    # the highest 5 of 0, 1/99, ..., 99/99: the mean of 95 to 99 is 97
    assert scores["film_score"] == pytest.approx([97 / 99])
    assert scores["peak_inside"] == [1]
    assert metrics.film_scores(probs, 1 - mask)["peak_inside"] == [0]
    flat = metrics.film_scores(torch.full_like(probs, 0.5), mask)
    assert flat["peak_inside"] == pytest.approx([0.01])  # one of a hundred equals


def test_auc_counts_pairs():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 6, size=(3, 20)).astype(float)
    positive = rng.random((3, 20)) < 0.4
    for row, kinds, found in zip(
        values, positive, metrics.auc(values, positive), strict=True
    ):
        gaps = row[kinds][:, None] - row[~kinds][None]
        assert found == pytest.approx(((gaps > 0) + 0.5 * (gaps == 0)).mean())
    assert np.isnan(metrics.auc(np.ones(3), np.ones(3, dtype=bool)))
