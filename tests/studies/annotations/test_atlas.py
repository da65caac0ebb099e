"""Scores of a mixture against scores of sets that have it."""

import numpy as np
import pytest

from chexnomaly import metrics
from chexnomaly.studies.annotations import atlas, audit


def random_scores(n_ill, n_normal, seed):
    rng = np.random.default_rng(seed)
    tp = np.r_[rng.integers(0, 20, n_ill), np.zeros(n_normal)]
    fn = np.r_[rng.integers(1, 20, n_ill), np.zeros(n_normal)]
    fp = rng.integers(0, 3, n_ill + n_normal) * rng.integers(0, 2, n_ill + n_normal)
    return {"tp": tp, "fp": fp, "fn": fn, "tn": 100.0 - tp - fp - fn}


@pytest.mark.parametrize("times", [1, 3, 8])
def test_a_share_is_what_repeating_the_normal_scans_gives(times):
    scores = random_scores(12, 9, seed=times)
    ill = scores["tp"] + scores["fn"] > 0
    rows = np.r_[np.flatnonzero(ill), np.tile(np.flatnonzero(~ill), times)]
    repeated = {name: values[rows] for name, values in scores.items()}
    share = 9 * times / (12 + 9 * times)
    found = atlas.with_normal_share(scores, [share]).iloc[0]
    for convention in "ABCD":
        wanted = metrics.iou_statistic(repeated, convention)
        assert found[convention] == pytest.approx(float(wanted))
    for rule in ("any_pixel", "healthy"):
        wanted = metrics.f1_statistic(repeated, rule)
        assert found[f"f1_{rule}"] == pytest.approx(float(wanted))
    wanted = metrics.hard_error(repeated).mean()
    assert found["mae_hard"] == pytest.approx(wanted)


def test_c_does_not_move_and_a_does():
    table = atlas.with_normal_share(random_scores(12, 9, 0), [0.0, 0.5, 0.9])
    assert table.C.nunique() == 1
    assert table.A[0.0] == table.C[0.0]
    assert table.A.nunique() == 3


def test_readers_are_averaged():
    one, other = random_scores(12, 9, 1), random_scores(12, 9, 2)
    both = {name: np.stack([one[name], other[name]]) for name in one}
    found = atlas.with_normal_share(both, [0.4]).A[0.4]
    each = [atlas.with_normal_share(s, [0.4]).A[0.4] for s in (one, other)]
    assert found == pytest.approx(np.mean(each))


def test_a_row_is_printed_or_measured():
    scores = random_scores(12, 9, 3)
    wrong = metrics.hard_error(scores)
    scores |= {"soft_error": wrong, "soft_iou": 1 - wrong}
    measured = {"group one": {"mine": audit.whole_entries(scores)}}
    table = atlas.atlas_rows({"theirs": 0.7}, measured)
    assert table.system.tolist() == ["theirs", "mine"]
    assert table.printed.tolist()[0] == 0.7 and np.isnan(table.printed[1])
    assert table[list("ABCDE")].isna().all(axis=1).tolist() == [True, False]
    wanted = metrics.iou_statistic(scores, "A")
    assert table.A[1] == pytest.approx(float(wanted), abs=1e-6)
    shown = atlas.as_table(table, {"iou_a": "IoU A", "f1_healthy": "F1"})
    assert shown.index.tolist() == [("group one", "mine")]
    assert shown["IoU A"].tolist() == [f"{table.A[1]:.3f}"]
