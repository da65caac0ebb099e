"""Scans chosen anew from one part: specialized data and oversampling (Section III).

"Specialized models utilized datasets with a 50-50 split between disease and no-disease
data"; the supermodel's second "contrasting method" (Fig. 8) is read as repeating the
abnormal films. Both choose within one part, so that a test film stays a test film.
"""

from dataclasses import replace

import numpy as np

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.segmentation import SegmentationSet

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


def oversampled_part(
    data: PreparedSet, part: str, factor: float | None = None
) -> SegmentationSet:
    """Repeat the abnormal films of a part.

    Args:
        data: A prepared set.
        part: "train", "val" or "test".
        factor: How often an abnormal film occurs, at least 1; the fraction is made up
            by films drawn without replacement. By default both kinds are equally
            frequent, or all films occur once where most are abnormal.

    Returns:
        The data set, ordered by image id.

    Raises:
        ValueError: The factor is below 1, or no film is abnormal.
    """
    everything = data.part(part)
    abnormal, normal = everything.kinds()
    if not len(abnormal):
        raise ValueError(f"expected abnormal scans in the {part} part, got none")
    if factor is None:
        factor = max(1.0, len(normal) / len(abnormal))
    if factor < 1:
        raise ValueError(f"factor {factor}, expected at least 1")
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
