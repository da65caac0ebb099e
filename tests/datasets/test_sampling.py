"""Specialized and oversampled data."""

from collections import Counter

import pytest

from chexnomaly.datasets.sampling import oversampled_part, specialized_part
from chexnomaly.datasets.segmentation import SegmentationSet


def number(image_id: str) -> int:
    """In `squares`, 0 mod 4 is ild, 2 mod 4 is nodule_mass, odd is normal."""
    return int(image_id[3:])


@pytest.mark.parametrize("part", ["train", "val", "test"])
@pytest.mark.parametrize("finding", ["ild", "nodule_mass"])
def test_half_of_the_scans_show_the_finding_and_half_show_nothing(
    squares, part, finding
):
    chosen = specialized_part(squares, part, finding)
    remainder = {"ild": 0, "nodule_mass": 2}[finding]
    own = [i for i in squares.ids(part) if number(i) % 4 == remainder]
    normal = [i for i in chosen.ids if number(i) % 2 == 1]
    assert [i for i in chosen.ids if number(i) % 2 == 0] == own
    assert len(normal) == len(set(normal)) == len(own) > 0
    assert set(chosen.ids) <= set(squares.ids(part))
    assert chosen.is_abnormal().tolist() == [number(i) % 2 == 0 for i in chosen.ids]


def test_any_negatives_may_show_other_findings_in_an_empty_mask(squares):
    chosen = specialized_part(squares, "train", "ild", negatives="any")
    assert chosen.is_abnormal().mean() == 0.5
    others = [i for i in chosen.ids if number(i) % 4 == 2]
    assert others and all(chosen.mask(i).sum() == 0 for i in others)


def test_each_finding_draws_its_own_normal_scans(squares):
    normal = [
        {i for i in specialized_part(squares, "train", f).ids if number(i) % 2}
        for f in ("ild", "nodule_mass")
    ]
    assert normal[0] != normal[1]


def test_the_seed_decides_the_negatives(squares):
    first, again, other = (
        specialized_part(squares, "train", "ild", seed=s).ids for s in (0, 0, 1)
    )
    assert first == again != other


def test_a_finding_that_nobody_has_is_refused(squares):
    with pytest.raises(ValueError, match="without cardiomegaly in the val part, got 0"):
        specialized_part(squares, "val", "cardiomegaly")
    with pytest.raises(ValueError, match="'all'"):
        specialized_part(squares, "val", "ild", negatives="all")


def few_positives(squares):
    """A prepared set whose training part has 3 abnormal and 8 normal scans."""
    ids = [f"img{i:03d}" for i in (0, 2, 4, 1, 3, 5, 7, 9, 11, 13, 15)]
    part = SegmentationSet(squares.store, squares.findings, ids)

    class Few:
        store, findings = squares.store, squares.findings

        def part(self, name):
            return part

    return Few()


def test_oversampling_makes_both_kinds_equally_frequent(squares):
    chosen = oversampled_part(few_positives(squares), "train")
    counts = Counter(chosen.ids)
    assert chosen.is_abnormal().mean() == 0.5
    assert sorted(counts[f"img00{i}"] for i in (0, 2, 4)) == [2, 3, 3]  # 8 of 3
    assert all(n == 1 for i, n in counts.items() if number(i) % 2)


def test_oversampling_never_drops_a_scan(squares):
    train = oversampled_part(squares, "train")
    assert set(train.ids) == set(squares.ids("train"))
