"""Films chosen anew: specialized data, oversampling, a disease kept from training.

"Specialized models utilized datasets with a 50-50 split between disease and no-disease
data"; the supermodel's second "contrasting method" (Fig. 8) is read as repeating the
abnormal films. Both choose within one part, so that a test film stays a test film, and
so does what real films are asked: to learn without a disease, from few films, or from
masks of other films.
"""

import hashlib
from collections.abc import Collection
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.labels import NO_FINDING

NEGATIVES = ("no_finding", "any")
"""Who stands against a finding: normal films, or all films without that finding."""


def specialized_part(
    data: PreparedSet,
    part: str,
    finding: str,
    negatives: str = "no_finding",
    seed: int = 0,
) -> SegmentationSet:
    """Choose as many films with a finding as without; masks show this finding only.

    Args:
        data: A prepared set.
        part: "train", "val" or "test".
        finding: Key of the finding.
        negatives: One of `NEGATIVES`.
        seed: Seed of the choice; every finding draws its own films.

    Returns:
        The data set, ordered by image id. All films with the finding, unless there
        are fewer without.

    Raises:
        ValueError: Unknown `negatives`, or no film of one of the two kinds.
    """
    if negatives not in NEGATIVES:
        raise ValueError(f"negatives {negatives!r}, expected one of {NEGATIVES}")
    everything, shown = data.part(part), data.part(part, findings_kept=[finding])
    (has, lacks), normal = shown.kinds(), everything.kinds()[1]
    if negatives == "no_finding":
        lacks = normal
    n = min(len(has), len(lacks))
    if n == 0:
        raise ValueError(
            f"expected scans with and without {finding} in the {part} part, got "
            f"{len(has)} and {len(lacks)}"
        )
    rng = np.random.default_rng([seed, *finding.encode()])
    return shown.subset(i for kind in (has, lacks) for i in rng.permutation(kind)[:n])


def oversampled_part(data: PreparedSet, part: str) -> SegmentationSet:
    """Repeat the abnormal films of a part until both kinds are equally frequent.

    The fraction is made up by films drawn without replacement. Where most films are
    abnormal, all occur once.

    Args:
        data: A prepared set.
        part: "train", "val" or "test".

    Returns:
        The data set, ordered by image id.

    Raises:
        ValueError: No film is abnormal.
    """
    everything = data.part(part)
    abnormal, normal = everything.kinds()
    if not len(abnormal):
        raise ValueError(f"expected abnormal scans in the {part} part, got none")
    factor = max(1.0, len(normal) / len(abnormal))
    shuffled = np.random.default_rng(0).permutation(abnormal)
    repeated = np.resize(shuffled, round(factor * len(abnormal)))
    return everything.subset([*normal, *repeated])


FOLDS = 2
"""Parts into which training films are cut for out-of-fold predictions."""


def fold_ids(data: PreparedSet, fold: int) -> list[str]:
    """Choose one fold of the training part, abnormal and normal films alike.

    Args:
        data: A prepared set.
        fold: From 0 to `FOLDS` - 1.

    Returns:
        Image ids, sorted; the folds share none and leave none out.

    Raises:
        ValueError: There is no such fold.
    """
    if fold not in range(FOLDS):
        raise ValueError(f"fold {fold}, expected 0 to {FOLDS - 1}")
    rng = np.random.default_rng(0)
    kinds = [rng.permutation(kind) for kind in data.part("train").kinds()]
    return sorted(i for kind in kinds for i in kind[fold::FOLDS])


def without_fold(data: PreparedSet, fold: int) -> PreparedSet:
    """Take one fold out of the training part; the other parts stay."""
    return replace(data, split=data.split.drop(fold_ids(data, fold)))


HEALTHY_PER_ABNORMAL = 10 / 4
"""Healthy films for each abnormal one in the paper's test sets (Section III)."""


def films_showing(data: PreparedSet, findings: Collection[str]) -> set[str]:
    """Find the films on which a reader, or the report's label, names a finding."""
    rows = data.findings.finding.isin(set(findings))
    named = set(data.findings.image_id[rows])
    if data.films is not None:
        told = data.films["labels"].fillna("").str.split("|")
        named |= set(told.index[[bool({*findings} & {*one}) for one in told]])
    return named


def without_findings(data: PreparedSet, findings: Collection[str]) -> PreparedSet:
    """Take every film that shows one of some findings out of training and validation.

    Args:
        data: A prepared set.
        findings: A finding and its synonyms; see `labels.SYNONYMS`.

    Returns:
        The same set with a smaller split; the test part stays.
    """
    shown = data.split.index.isin(films_showing(data, findings))
    return replace(data, split=data.split[~shown | (data.split == "test")])


def without_as_many(
    data: PreparedSet, findings: Collection[str], seed: int
) -> PreparedSet:
    """Take out as many abnormal films as `without_findings` would, but at random.

    Args:
        data: A prepared set.
        findings: A finding and its synonyms; films that show them may stay.
        seed: Seed of the choice.

    Returns:
        The same set with a smaller split; the test part stays. Films with boxes and
        films with a label alone are counted apart.
    """
    shown = films_showing(data, findings)
    boxed = {*data.findings.image_id[data.findings.finding != NO_FINDING]}
    known = data.films is not None
    labelled = data.films["abnormal"].fillna(False) if known else pd.Series(dtype=bool)
    kinds = (boxed, {*labelled.index[labelled]} - boxed)
    rng, gone = np.random.default_rng(seed), []
    for part, kind in product(("train", "val"), kinds):
        ids = sorted({*data.split.index[data.split == part]} & kind)
        gone += [*rng.permutation(np.array(ids, object))[: len(shown & {*ids})]]
    return replace(data, split=data.split.drop(gone))


def unseen_part(data: PreparedSet, findings: Collection[str]) -> SegmentationSet:
    """Choose test films that show a finding, and healthy ones at the paper's ratio.

    Args:
        data: A prepared set.
        findings: The finding and its synonyms; masks show these alone.

    Returns:
        The data set, ordered by image id; all healthy films where there are too few.
    """
    shown = data.part("test", findings_kept=sorted(findings))
    abnormal, (_, healthy) = shown.kinds()[0], data.part("test").kinds()
    n = round(HEALTHY_PER_ABNORMAL * len(abnormal))
    return shown.subset([*abnormal, *_in_drawn_order(healthy)[:n]])


def few_films(data: PreparedSet, n: int) -> PreparedSet:
    """Keep n training films, abnormal and healthy in the proportion of all.

    Args:
        data: A prepared set.
        n: How many; fewer films are always among the more.

    Returns:
        The same set with a smaller training part; validation and test stay.

    Raises:
        ValueError: There are fewer than n.
    """
    abnormal, healthy = data.part("train").kinds()
    total = len(abnormal) + len(healthy)
    if n > total:
        raise ValueError(f"expected at least {n} training films, got {total}")
    k = round(n * len(abnormal) / total)
    kept = {*_in_drawn_order(abnormal)[:k], *_in_drawn_order(healthy)[: n - k]}
    learns = (data.split == "train") & ~data.split.index.isin(kept)
    return replace(data, split=data.split[~learns])


def shuffled_masks(data: PreparedSet, seed: int) -> PreparedSet:
    """Give the films to learn from each other's boxes and labels, as a control.

    What a network then learns is where findings tend to be, and nothing of a film.

    Args:
        data: A prepared set.
        seed: Seed of the permutation, within each part.

    Returns:
        The same set; the test part keeps its own.
    """
    rng, swap = np.random.default_rng(seed), {}
    for part in ("train", "val"):
        placed = data.ids(part)
        labelled = sorted({*data.split.index[data.split == part]} - {*placed})
        for ids in (placed, labelled):
            swap |= dict(zip(ids, rng.permutation(np.array(ids, object)), strict=True))
    renamed = data.findings.image_id.map(lambda name: swap.get(name, name))
    findings = data.findings.assign(image_id=renamed.astype("str"))
    films = data.films
    if films is not None:
        given = films["abnormal"].rename(index=lambda name: swap.get(name, name))
        films = films.assign(abnormal=given.reindex(films.index))
    changed = f"masks and labels shuffled, seed {seed}"
    return replace(data, findings=findings, films=films, changed=changed)


def _in_drawn_order(ids: Collection[str]) -> list[str]:
    """Order films by a hash of their ids, the same whatever else there is."""
    return sorted(ids, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
