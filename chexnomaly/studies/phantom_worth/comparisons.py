"""Differences between worlds of the ablation study, with many of them in mind.

Two things make such a difference uncertain: which films were drawn, and which network
a random start happened to give. The second is read from the many networks that ought
to agree: all those for which the finding in question was computed, whatever else was
painted for one of them. What painting something else does to a finding is counted as
noise with it, so intervals are too wide rather than too narrow.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from chexnomaly.evaluation.intervals import Entry, entry
from chexnomaly.results import format_entry

LEVEL = 0.05
"""Chance that any of a family of comparisons is called different by chance alone."""


def network_variance(scores: ArrayLike) -> tuple[float, int]:
    """Variance, between networks, of a mean score.

    Args:
        scores: Of networks that ought to agree, (networks, films); films with NaN are
            left out.

    Returns:
        The variance of one network's mean and its degrees of freedom; 0 and 0 for fewer
        than two networks.
    """
    if len(scores) < 2:
        return 0.0, 0
    means = np.nanmean(scores, axis=1)
    return float(means.var(ddof=1)), len(means) - 1


def compare(
    difference: np.ndarray, variance: float, degrees: int
) -> tuple[Entry, float]:
    """Test a mean difference of two networks, or groups of them, against zero.

    Its variance is the films' plus the networks'; the degrees of freedom follow Welch
    and Satterthwaite.

    Args:
        difference: Per film, (N,); NaN is left out.
        variance: What the networks add to the variance of the mean.
        degrees: Degrees of freedom of that.

    Returns:
        The mean with its 95 % interval, not adjusted for other comparisons, and the
        two-sided p value; NaN where fewer than two films count.
    """
    scans = difference[~np.isnan(difference)]
    if len(scans) < 2:
        value = scans.mean() if len(scans) else np.nan
        return entry(value, None, None, len(scans)), float("nan")
    parts = [scans.var(ddof=1) / len(scans), variance]
    error = np.sqrt(sum(parts))
    if error == 0:
        equal = scans.mean() == 0
        return entry(scans.mean(), *(scans.mean(),) * 2, len(scans)), float(equal)
    each = zip(parts, (len(scans) - 1, degrees), strict=True)
    freedom = error**4 / sum(part**2 / max(count, 1) for part, count in each)
    mean, reach = scans.mean(), stats.t.ppf(1 - LEVEL / 2, freedom) * error
    p = 2 * stats.t.sf(abs(mean) / error, freedom)
    return entry(mean, mean - reach, mean + reach, len(scans)), float(p)


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
    p = (tested or {}).get("p_holm")
    return text if p is None or p >= LEVEL else f"{text} *"
