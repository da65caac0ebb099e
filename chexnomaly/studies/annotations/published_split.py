"""The split of the author's public code, simulated on the real table (ambiguity 17).

As described in the register, and not shown to be the one behind the printed numbers:
every abnormal film is listed once per finding, the list is shuffled and cut 80-10-10,
and a film belongs to the first part that any of its entries falls into. Each of the
fourteen specialized models has a balanced list and a cut of its own. No line of that
code is used here.
"""

import numpy as np
import pandas as pd

from chexnomaly.evaluation.intervals import Entry, entry
from chexnomaly.labels import NO_FINDING

CUTS = (0.8, 0.9)
"""Shares of a list at which training ends and testing begins."""


def first_parts(entries: np.ndarray, n: int, seed: int) -> tuple[np.ndarray, ...]:
    """Shuffle and cut a list in which films repeat.

    Args:
        entries: The film of each entry, in [0, n).
        n: Number of films, each listed at least once.
        seed: Seed of the shuffle.

    Returns:
        First and last part of each film: 0 training, 1 validation, 2 test. Shape (n,).
    """
    part = np.searchsorted(
        [round(cut * len(entries)) for cut in CUTS],
        np.random.default_rng(seed).permutation(len(entries)),
        side="right",
    )
    first, last = np.full(n, 2), np.zeros(n, dtype=int)
    np.minimum.at(first, entries, part)
    np.maximum.at(last, entries, part)
    return first, last


def specialized_training(
    positives: np.ndarray, normals: np.ndarray, seed: int | list[int]
) -> np.ndarray:
    """Draw one specialized model's balanced list and keep its training part.

    Args:
        positives: Films with the finding.
        normals: Films without any.
        seed: Seed of draw and cut.

    Returns:
        The films that train the model.
    """
    rng = np.random.default_rng(seed)
    listed = np.concatenate(
        [positives, rng.choice(normals, min(len(positives), len(normals)), False)]
    )
    return rng.permutation(listed)[: round(CUTS[0] * len(listed))]


def simulate(findings: pd.DataFrame, seeds: range) -> dict[str, Entry]:
    """Split a table as described, several times.

    Args:
        findings: Findings table.
        seeds: One split each.

    Returns:
        Entries: mean and the range of the middle 95 % of the splits, n the number of
        splits. "test_abnormal" and "test_normal" films of the test part,
        "test_abnormal_share", "negatives_per_positive"; "repeated_share", of the films
        with an entry in the test part those with one in training too; and of the test
        part the shares that train at least one specialized model: "seen_share",
        "seen_abnormal_share", "seen_normal_share".
    """
    ids, image = np.unique(findings.image_id.to_numpy(), return_inverse=True)
    pairs = findings.assign(image=image)[["image", "finding"]].drop_duplicates()
    drawn = pairs[pairs.finding != NO_FINDING]
    abnormal = np.isin(np.arange(len(ids)), drawn.image)
    entries = np.concatenate([drawn.image.to_numpy(), np.flatnonzero(~abnormal)])
    lists = [group.to_numpy() for _, group in drawn.groupby("finding").image]
    rows = []
    for seed in seeds:
        first, last = first_parts(entries, len(ids), seed)
        seen = np.zeros(len(ids), dtype=bool)
        for k, positives in enumerate(lists):
            normals = np.flatnonzero(~abnormal)
            seen[specialized_training(positives, normals, [seed, k])] = True
        test, entered = first == 2, last == 2
        ill, normal = test & abnormal, test & ~abnormal
        row = {
            "test_abnormal": ill.sum(),
            "test_normal": normal.sum(),
            "test_abnormal_share": ill.sum() / test.sum(),
            "negatives_per_positive": normal.sum() / max(1, ill.sum()),
            "repeated_share": (entered & (first == 0)).sum() / entered.sum(),
            "seen_share": seen[test].mean(),
            "seen_abnormal_share": seen[ill].mean(),
            "seen_normal_share": seen[normal].mean(),
        }
        rows.append(row)
    table = pd.DataFrame(rows)
    low, high = table.quantile(0.025), table.quantile(0.975)
    return {
        key: entry(table[key].mean(), low[key], high[key], len(table)) for key in table
    }
