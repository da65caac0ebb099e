import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from chexnomaly.datasets.annotations.splits import (
    load_split,
    save_split,
    split_hash,
    split_images,
)
from chexnomaly.datasets.sources import packaged
from chexnomaly.errors import AnnotationError


def table_of(positives, negatives):
    ids = [f"p{i}" for i in range(positives)] + [f"n{i}" for i in range(negatives)]
    finding = ["ild"] * positives + ["no_finding"] * negatives
    return pd.DataFrame({"image_id": ids, "finding": finding})


def shares(split):
    positive = split.index.str.startswith("p")
    return {
        part: (int((split == part).sum()), int(((split == part) & positive).sum()))
        for part in ("train", "val", "test")
    }


def test_parts_and_strata_are_exact():
    """439.4 and 1,060.6 of 1,500: the larger remainder takes the missing image."""
    split = split_images(table_of(4_394, 10_606))
    assert shares(split) == {
        "train": (12_000, 3_516),
        "val": (1_500, 439),
        "test": (1_500, 439),
    }


@pytest.mark.parametrize("n", range(3, 40, 4))
def test_small_sets_keep_their_totals(n):
    split = split_images(table_of(n // 3, n - n // 3), fractions=(0.5, 0.25, 0.25))
    counts = shares(split)
    assert counts["test"][0] == counts["val"][0] == int(n / 4 + 0.5)
    assert len(split) == n and split.index.is_unique


def test_the_order_of_rows_does_not_matter():
    table = table_of(40, 60)
    shuffled = table.sample(frac=1, random_state=1)
    pd.testing.assert_series_equal(split_images(table), split_images(shuffled))


def test_the_order_is_that_of_the_hashes():
    """The test part holds the ids whose hash of seed and id is lowest."""
    split = split_images(table_of(0, 50), seed=7)
    order = sorted(
        split.index, key=lambda i: hashlib.sha256(f"7\n\n{i}".encode()).hexdigest()
    )
    assert set(split.index[split == "test"]) == set(order[:5])
    assert set(split.index[split == "val"]) == set(order[5:10])


def test_another_seed_gives_another_split():
    table = table_of(40, 60)
    assert split_hash(split_images(table, 0)) != split_hash(split_images(table, 1))


def test_an_image_with_any_finding_is_positive():
    table = pd.DataFrame(
        {"image_id": ["a", "a", "b"], "finding": ["no_finding", "ild", "no_finding"]}
    )
    assert len(split_images(table)) == 2


def test_a_patients_images_stay_together():
    rng = np.random.default_rng(0)
    table = table_of(300, 700)
    groups = {name: f"patient{rng.integers(0, 250)}" for name in table["image_id"]}
    split = split_images(table, groups=groups)
    parts = split.groupby(split.index.map(groups)).nunique()
    assert (parts == 1).all()
    assert abs((split == "test").sum() - 100) <= 8
    assert abs((split == "val").sum() - 100) <= 8


def test_an_image_without_a_patient_is_its_own():
    table = table_of(10, 10)
    split = split_images(table, groups={"p0": "x", "p1": "x"})
    assert len(split) == 20 and split["p0"] == split["p1"]


@pytest.mark.parametrize("fractions", [(0.8, 0.1), (0.8, 0.1, 0.2), (1.2, -0.1, -0.1)])
def test_impossible_fractions_are_refused(fractions):
    with pytest.raises(ValueError, match="sum to 1"):
        split_images(table_of(5, 5), fractions=fractions)


def test_a_split_is_read_back_with_its_hash(tmp_path):
    split = split_images(table_of(40, 60))
    save_split(split, tmp_path / "out" / "splits.csv")
    digest = split_hash(split)
    again = load_split(tmp_path / "out" / "splits.csv")
    pd.testing.assert_series_equal(again, split)
    assert digest == split_hash(again) == split_hash(split[::-1])
    note = json.loads((tmp_path / "out" / "splits.csv.json").read_text())
    assert note == {
        "split_hash": digest,
        "counts": {"train": 80, "val": 10, "test": 10},
    }


@pytest.mark.parametrize("fault", ["moved", "gone", "part", "twice", "note", "column"])
def test_a_changed_split_is_refused(tmp_path, fault):
    path = tmp_path / "splits.csv"
    save_split(split_images(table_of(4, 6)), path)
    note = tmp_path / "splits.csv.json"
    lines = path.read_text().splitlines(keepends=True)
    if fault == "moved":
        part = "val" if lines[1].endswith("train\n") else "train"
        lines[1] = lines[1].split(",")[0] + f",{part}\n"
    elif fault == "gone":
        del lines[1]
    elif fault == "part":
        lines[1] = lines[1].split(",")[0] + ",dev\n"
    elif fault == "twice":
        lines.append(lines[1])
    elif fault == "column":
        lines[0] = "image_id,part\n"
    else:
        note.write_text("[]")
    path.write_text("".join(lines))
    with pytest.raises(AnnotationError) as caught:
        load_split(path)
    assert caught.value.file == str(path)


def test_the_real_table_splits_as_the_paper_says():
    """Ambiguities 16 and 21: 12,000/1,500/1,500, and 439 : 1,061 in the test part."""
    read = packaged.read_vindr()
    if read is None:
        pytest.skip("the package with the table is not installed")
    table, _ = read
    split = split_images(table)
    positive = set(table.loc[table["finding"] != "no_finding", "image_id"])
    test = split.index[split == "test"]
    assert split.value_counts().to_dict() == {
        "train": 12_000,
        "val": 1_500,
        "test": 1_500,
    }
    assert sum(name in positive for name in test) == 439
