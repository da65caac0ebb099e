"""Pairs: who meets whom, how often, and that nobody meets himself."""

from collections import Counter

import numpy as np
import pytest
import torch
from scipy import stats

from chexnomaly.datasets.pairs import PAIR_KINDS, PairsSet
from chexnomaly.datasets.segmentation import SegmentationSet

N_PAIRS = 4000


def scans(data, abnormal: int, normal: int, repeats: int = 1) -> SegmentationSet:
    """A set of `squares` with so many scans of each kind (even ids are abnormal)."""
    ids = [f"img{2 * i:03d}" for i in range(abnormal)]
    ids += [f"img{2 * i + 1:03d}" for i in range(normal)]
    return SegmentationSet(data.store, data.findings, ids * repeats)


def is_abnormal(image_id: str) -> bool:
    return int(image_id[3:]) % 2 == 0


def expected_shares(scheme: str, p: int, q: int) -> dict[str, float]:
    """Class shares, from the number of ordered pairs of each kind."""
    if scheme == "balanced":
        return {"PP": 0.5, "PN": 0.25, "NP": 0.25, "NN": 0.0}
    ways = {"PP": p * (p - 1), "PN": p * q, "NP": q * p, "NN": q * (q - 1)}
    if scheme == "random":
        ways["NN"] = 0
    return {kind: n / sum(ways.values()) for kind, n in ways.items()}


@pytest.mark.parametrize("scheme", ["balanced", "random", "random_nn"])
def test_class_shares_are_as_expected(squares, scheme):
    pairs = PairsSet(scans(squares, 6, 14), N_PAIRS, scheme, seed=3)
    found = pairs.class_shares()
    assert list(found) == list(PAIR_KINDS)
    for kind, share in expected_shares(scheme, 6, 14).items():
        low, high = stats.binom.interval(1 - 1e-4, N_PAIRS, share)
        assert low <= found[kind] * N_PAIRS <= high, kind


def test_balanced_shares_are_exact(squares):
    assert PairsSet(scans(squares, 3, 5), 40).class_shares() == expected_shares(
        "balanced", 3, 5
    )


def test_the_registers_majority_baselines_follow_from_the_vindr_counts():
    # 4,394 of 15,000 scans are positive: register item 44.
    p, q = 4394, 15000 - 4394
    without, with_nn = (
        1 - expected_shares(s, p, q)["PP"] for s in ("random", "random_nn")
    )
    assert without == pytest.approx(0.828, abs=5e-4)
    assert with_nn == pytest.approx(0.914, abs=5e-4)


@pytest.mark.parametrize("scheme", ["balanced", "random", "random_nn"])
def test_kinds_and_classes_agree_with_the_annotations(squares, scheme):
    pairs = PairsSet(scans(squares, 6, 14), 200, scheme)
    for (first, second), kind in zip(pairs.ids, pairs.kinds, strict=True):
        letters = "".join("P" if is_abnormal(i) else "N" for i in (first, second))
        assert letters == PAIR_KINDS[kind]
    for i in range(8):
        assert pairs[i][2].item() == float(all(map(is_abnormal, pairs.ids[i])))


@pytest.mark.parametrize("repeats", [1, 3])
def test_no_scan_is_paired_with_itself(squares, repeats):
    pairs = PairsSet(scans(squares, 2, 2, repeats), 500, "random_nn")
    assert all(first != second for first, second in pairs.ids)
    assert set(Counter(pairs.ids)) == {
        (a, b) for a in pairs.scans.ids for b in pairs.scans.ids if a != b
    }


def test_members_are_drawn_evenly_within_their_kind(squares):
    pairs = PairsSet(scans(squares, 5, 4), N_PAIRS)
    similar = Counter(ids for ids in pairs.ids if all(map(is_abnormal, ids)))
    assert len(similar) == 5 * 4  # ordered pairs
    assert stats.chisquare(list(similar.values())).pvalue > 1e-3
    mixed = Counter(first for first, second in pairs.ids if not is_abnormal(second))
    assert stats.chisquare(list(mixed.values())).pvalue > 1e-3


def test_a_pair_is_two_images_and_a_label(squares):
    pairs = PairsSet(squares.part("train"), 10)
    first, second, similar = pairs[1]
    assert len(pairs) == 10
    assert first.shape == second.shape == (1, 32, 32) and similar.shape == ()
    assert first.dtype == second.dtype == similar.dtype == torch.float32
    np.testing.assert_array_equal(first[0], squares.store.image(pairs.ids[1][0]))
    np.testing.assert_array_equal(second[0], squares.store.image(pairs.ids[1][1]))


def test_the_seed_decides(squares):
    train = squares.part("train")
    assert PairsSet(train, 30, seed=1).ids == PairsSet(train, 30, seed=1).ids
    assert PairsSet(train, 30, seed=1).ids != PairsSet(train, 30, seed=2).ids


def test_pairs_stay_in_their_part(squares):
    pairs = PairsSet(squares.part("train"), 400, "random_nn")
    used = {image_id for ids in pairs.ids for image_id in ids}
    assert used == set(squares.ids("train"))
    assert not used & set(squares.ids("test"))


@pytest.mark.parametrize(("abnormal", "normal"), [(1, 5), (0, 5), (5, 0)])
def test_too_few_scans_of_a_kind_are_refused(squares, abnormal, normal):
    with pytest.raises(ValueError, match=f"got {abnormal} and {normal}"):
        PairsSet(scans(squares, abnormal, normal), 4)


def test_an_unknown_scheme_and_no_pairs_are_refused(squares):
    with pytest.raises(ValueError, match="'even'"):
        PairsSet(squares.part("train"), 4, "even")
    with pytest.raises(ValueError, match="at least 1 pair"):
        PairsSet(squares.part("train"), 0)


def test_fresh_pairs_depend_on_seed_and_epoch_alone(squares):
    """An epoch's pairs are the same whichever epochs were read before it."""
    train = squares.part("train")
    once, later = (PairsSet(train, 40, seed=3, fresh=True) for _ in range(2))
    epochs = []
    for epoch in range(4):
        read = [once[40 * epoch + k] for k in range(40)]
        assert once.class_shares() == expected_shares("balanced", 3, 5)
        for (first, second), item in zip(once.ids, read, strict=True):
            np.testing.assert_array_equal(item[0][0], squares.store.image(first))
            np.testing.assert_array_equal(item[1][0], squares.store.image(second))
            assert item[2] == float(is_abnormal(first) and is_abnormal(second))
        epochs.append(once.ids)
    assert len(set(map(tuple, epochs))) == 4
    assert epochs[0] == PairsSet(train, 40, seed=3).ids
    _ = later[40 * 3 + 5]
    assert later.ids == epochs[3]


def test_pairs_that_are_not_fresh_stay(squares):
    pairs = PairsSet(squares.part("train"), 40)
    before = pairs.ids
    again, first = pairs[40 + 1], pairs[1]
    assert pairs.ids == before and all(map(torch.equal, again, first))
