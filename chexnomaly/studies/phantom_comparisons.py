"""Differences between worlds of the ablation study, with many of them in mind.

Each world's network is compared with the natural world's, scan by scan and seed by
seed. Two things make such a difference uncertain: which scans were drawn, and which
network a seed happened to give. With three seeds the second cannot be estimated for
each difference alone, so it is pooled over all differences of one kind.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from chexnomaly.intervals import Entry, entry
from chexnomaly.results import format_entry

LEVEL = 0.05
"""Chance that any of a family of comparisons is called different by chance alone."""


def pooled_seed_variance(differences: Sequence[np.ndarray]) -> tuple[float, int]:
    """Variance, between seeds, of a mean difference; pooled over several.

    Args:
        differences: Scores of a world minus the natural ones, (seeds, scans) each;
            scans with NaN are left out.

    Returns:
        The variance and its degrees of freedom; 0 and 0 with a single seed.
    """
    spread, degrees = 0.0, 0
    for one in differences:
        means = np.nanmean(one, axis=1)
        spread += float(((means - means.mean()) ** 2).sum())
        degrees += len(means) - 1
    return (spread / degrees if degrees else 0.0), degrees


def compare(
    difference: np.ndarray, seed_variance: float, seed_degrees: int
) -> tuple[Entry, float]:
    """Test one mean difference against zero.

    Its variance is the scans' (over the mean of the seeds) plus the seeds'; the
    degrees of freedom follow Welch and Satterthwaite. The scans' part already holds a
    little of the seeds' noise, which makes the interval a little too wide.

    Args:
        difference: (seeds, scans); scans with NaN are left out.
        seed_variance: From `pooled_seed_variance`.
        seed_degrees: Its degrees of freedom.

    Returns:
        The mean with its 95 % interval, not adjusted for other comparisons, and the
        two-sided p value; NaN where fewer than two scans count.
    """
    scans = np.nanmean(difference[:, ~np.isnan(difference).all(axis=0)], axis=0)
    if len(scans) < 2:
        value = scans.mean() if len(scans) else np.nan
        return entry(value, None, None, len(scans)), float("nan")
    parts = [scans.var(ddof=1) / len(scans), seed_variance / len(difference)]
    degrees = [len(scans) - 1, max(seed_degrees, 1)]
    error = np.sqrt(sum(parts))
    if error == 0:
        equal = scans.mean() == 0
        return entry(scans.mean(), *(scans.mean(),) * 2, len(scans)), float(equal)
    freedom = error**4 / sum(p**2 / d for p, d in zip(parts, degrees, strict=True))
    mean, reach = scans.mean(), stats.t.ppf(1 - LEVEL / 2, freedom) * error
    p = 2 * stats.t.sf(abs(mean) / error, freedom)
    return entry(mean, mean - reach, mean + reach, len(scans)), float(p)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjust p values for their number by Holm's step-down method.

    Args:
        p_values: Comparison to p value; undefined ones stay NaN and are not counted.

    Returns:
        Comparison to adjusted p value, at most 1. All below a level may be called
        different, and the chance of one wrong call among them is at most that level.
    """
    order = sorted((p, key) for key, p in p_values.items() if not np.isnan(p))
    adjusted, highest = dict.fromkeys(p_values, float("nan")), 0.0
    for rank, (p, key) in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p))
        adjusted[key] = highest
    return adjusted


def format_tested(tested: Mapping | None, digits: int = 2) -> str:
    """Write a difference for a table: its interval, and a star where it holds.

    Args:
        tested: An entry with "p_holm"; None where nothing was compared.
        digits: Behind the point.

    Returns:
        "value [low, high]", then " *" where the adjusted p value is below `LEVEL`; a
        dash where it is undefined.
    """
    text = format_entry(tested, digits)
    holds = tested is not None and _below(tested["p_holm"])
    return f"{text} *" if holds else text


def _below(p: float | None) -> bool:
    return p is not None and p < LEVEL
