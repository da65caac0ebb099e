"""Folds of patients: nobody in two parts, and what is kept from training stays out."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from chexnomaly.datasets import sampling
from chexnomaly.datasets.annotations.splits import split_by_fold
from tests.real_films import LABELLED_ALONE, N_FOLDS, as_films


@pytest.fixture(scope="module")
def films(squares):
    return as_films(squares)


@pytest.fixture(scope="module")
def held(films):
    return films.hold_out(1, val_share=0.3)


@pytest.mark.parametrize("fold", range(N_FOLDS))
def test_no_patient_is_in_two_parts(films, fold):
    split = films.hold_out(fold, val_share=0.3).split
    assert set(split.index) == set(films.films.index)
    parts = split.groupby(films.films.patient).nunique()
    assert (parts == 1).all()
    assert set(split[films.films.fold == fold]) == {"test"}
    assert set(split[films.films.fold != fold]) == {"train", "val"}


def test_every_film_is_tested_once(films):
    tested = [i for k in range(N_FOLDS) for i in films.hold_out(k).ids("test")]
    assert Counter(tested) == Counter(films.findings.image_id.unique())


def test_the_split_of_a_patient_depends_on_nobody_else(films):
    whole = split_by_fold(films.films, 1, 0.3)
    order = np.random.default_rng(0).permutation(len(films.films))
    fewer = split_by_fold(films.films.iloc[order[:25]], 1, 0.3)
    assert fewer.to_dict() == whole[fewer.index].to_dict()
    # SHA-256 of "1\\n0" begins with 4ea2ed14, 0.3072 of 2**32.
    one = films.films.iloc[:1].assign(patient="0", fold=0)
    rest = films.films.iloc[2:3].assign(patient="9", fold=1)
    two = pd.concat([one, rest])
    assert split_by_fold(two, 1, 0.3071).iloc[0] == "train"
    assert split_by_fold(two, 1, 0.3072).iloc[0] == "val"


def test_about_the_share_asked_for_validates():
    films = pd.DataFrame({"patient": map(str, range(4000)), "fold": 0})
    films.loc[3000:, "fold"] = 1
    split = split_by_fold(films, 1, 0.15)
    assert (split[films.fold == 0] == "val").mean() == pytest.approx(0.15, abs=0.02)
    assert split_by_fold(films, 0, 0.15)[films.fold == 1].eq("val").any()


def test_a_fold_that_is_not_there_is_refused(films, squares):
    with pytest.raises(ValueError, match="fold 7, expected one of"):
        films.hold_out(7)
    with pytest.raises(ValueError, match="patients are known"):
        squares.hold_out(0)


def test_films_with_a_label_alone_are_for_labels_alone(held):
    for part in ("train", "val", "test"):
        boxed, labelled = held.part(part), held.labelled_part(part)
        more = set(labelled.ids) - set(boxed.ids)
        assert set(boxed.ids) <= set(labelled.ids)
        assert not more & set(held.findings.image_id)
        expected = [int(i[3:]) % 2 == 0 for i in labelled.ids]
        assert labelled.is_abnormal().tolist() == expected
    everything = [held.labelled_part(p).ids for p in ("train", "val", "test")]
    n_boxed = held.findings.image_id.nunique()
    assert sum(map(len, everything)) == n_boxed + LABELLED_ALONE
    unknown = held.films.assign(abnormal=pd.array([pd.NA] * 40, dtype="boolean"))
    assert not replace(held, films=unknown).labelled_part("train").ids


def test_phantoms_have_boxes_for_labels(squares):
    assert squares.labelled_part("train").ids == squares.part("train").ids


def test_a_disease_kept_from_training_is_nowhere_in_it(held):
    without = sampling.without_findings(held, ["ild"])
    for part in ("train", "val"):
        seen = set(without.labelled_part(part).ids)
        assert seen and not any(int(i[3:]) % 4 == 0 for i in seen)
        assert seen == {i for i in held.labelled_part(part).ids if int(i[3:]) % 4}
    assert without.ids("test") == held.ids("test")


def test_the_unseen_films_show_it_and_stand_beside_healthy_ones(held):
    part = sampling.unseen_part(held, ["ild"])
    shown = [i for i in held.ids("test") if int(i[3:]) % 4 == 0]
    healthy = [i for i in held.ids("test") if int(i[3:]) % 2]
    assert [i for i in part.ids if int(i[3:]) % 2 == 0] == shown
    n = min(len(healthy), round(2.5 * len(shown)))
    assert len(part) == len(shown) + n and set(part.ids) <= {*shown, *healthy}


def test_fewer_films_are_among_the_more(held):
    whole = held.part("train")
    some, few = (sampling.few_films(held, n).part("train") for n in (12, 6))
    assert (len(some), len(few)) == (12, 6)
    assert set(few.ids) < set(some.ids) < set(whole.ids)
    share = whole.is_abnormal().mean()
    assert some.is_abnormal().mean() == pytest.approx(share, abs=0.1)
    kept = sampling.few_films(held, 6)
    assert kept.ids("val") == held.ids("val") and kept.ids("test") == held.ids("test")
    with pytest.raises(ValueError, match="at least 99"):
        sampling.few_films(held, 99)


def test_shuffled_masks_belong_to_other_films_of_their_part(held):
    mixed = sampling.shuffled_masks(held, seed=3)
    for part in ("train", "val"):
        before, after = held.part(part), mixed.part(part)
        assert before.ids == after.ids
        counts = [
            Counter(tuple(map(tuple, films.boxes(i).tolist())) for i in films.ids)
            for films in (before, after)
        ]
        assert counts[0] == counts[1]
        assert before.is_abnormal().tolist() != after.is_abnormal().tolist()
        labels = [data.labelled_part(part) for data in (held, mixed)]
        assert sum(labels[0].is_abnormal()) == sum(labels[1].is_abnormal())
    one, other = held.part("test"), mixed.part("test")
    assert all((one.mask(i) == other.mask(i)).all() for i in one.ids)
    assert mixed.data_hash != held.data_hash
    assert sampling.shuffled_masks(held, 4).data_hash != mixed.data_hash
