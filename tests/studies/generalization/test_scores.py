"""Only the held-out boxes are scored, and only where no other box lies."""

import numpy as np
import pandas as pd
import pytest

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.studies.generalization.answers import mean_study
from chexnomaly.studies.generalization.scores import (
    MEASURES,
    score_target,
    target_of,
)
from chexnomaly.studies.maps import best_threshold

FINDING = "ild"


@pytest.fixture(scope="module")
def crowded(squares) -> PreparedSet:
    """`squares` whose first test scan with "ild" is wholly under another finding."""
    table = squares.findings
    drawn = table[(table.finding == FINDING) & table.image_id.isin(squares.ids("test"))]
    cover = drawn[drawn.image_id == min(drawn.image_id)].assign(finding="atelectasis")
    beside = drawn[drawn.image_id == max(drawn.image_id)].assign(finding="atelectasis")
    beside = beside.assign(x_max=beside.x_min + 6)  # three of ten columns
    joined = pd.concat([table, cover, beside], ignore_index=True)
    return PreparedSet(squares.root, squares.store, joined, squares.split)


def test_a_scan_whose_finding_is_covered_by_others_is_left_out(squares, crowded):
    before, after = target_of(squares, FINDING), target_of(crowded, FINDING)
    assert len(after.scans) == len(before.scans) - 1
    assert set(before.scans.ids) - set(after.scans.ids) == {min(before.scans.ids)}


def test_pixels_in_other_boxes_are_not_scored(squares, crowded):
    whole, target = target_of(squares, FINDING), target_of(crowded, FINDING)
    assert whole.mask[-1].sum() == 80 and target.mask[-1].sum() == 56
    assert (~target.scored[-1]).sum() == 24
    maps = np.zeros(target.mask.shape)
    marked = maps + ~target.scored  # only what is not scored
    assert score_target(marked, target, 0.5)["iou@operating"].max() == 0
    perfect = target.mask | ~target.scored
    assert (score_target(perfect, target, 0.5)["iou@operating"] == 1).all()


def test_scores_of_a_half_found_finding(squares):
    target = target_of(squares, FINDING)
    maps = target.mask.astype(float)
    rows = np.flatnonzero(maps[0].any(axis=1))
    maps[0, rows[: len(rows) // 2]] = 0  # half of the box missed
    maps[0, 0 if rows[0] else 31, :4] = 1  # four pixels too many
    found = score_target(maps, target, 0.5)
    assert found["found@operating"][0] == 0.5
    assert found["iou@operating"][0] == pytest.approx(40 / 84)


def test_the_rank_score_counts_pairs_of_pixels(crowded):
    target = target_of(crowded, FINDING)
    maps = np.random.default_rng(0).random(target.mask.shape).round(1)  # with ties
    found = score_target(maps, target, 0.5)["auc"]
    for value, one, mask, scored in zip(
        found, maps, target.mask, target.scored, strict=True
    ):
        inside, outside = one[mask][:, None], one[scored & ~mask]
        wins = (inside > outside) + 0.5 * (inside == outside)
        assert value == pytest.approx(wins.mean())


def test_the_threshold_is_the_best_one_where_it_counts():
    masks = np.zeros((2, 8, 8), dtype=bool)
    masks[0, :4] = True
    maps = np.where(masks, 0.32, 0.27)
    counted = np.ones_like(masks)
    assert best_threshold(maps, masks) == best_threshold(maps, masks, counted) == 0.3
    maps[0, 7], counted[0, 7] = 0.9, False  # loud, but it does not count
    assert best_threshold(maps, masks, counted) == 0.3
    assert best_threshold(maps, np.zeros_like(masks), counted) == 0.5


def test_seeds_are_averaged_scan_by_scan():
    seeds = [dict.fromkeys(MEASURES, np.array([0.0, x, np.nan])) for x in (0.2, 0.4)]
    mean = mean_study(seeds)
    np.testing.assert_allclose(mean["iou@operating"], [0, 0.3, np.nan])
