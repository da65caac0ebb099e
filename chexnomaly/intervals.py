"""Results entries of plain samples: means, shares and spreads with 95 % intervals."""

import numpy as np
from scipy import stats

Entry = dict[str, float | int | None]


def entry(value: float, low: float | None, high: float | None, n: int) -> Entry:
    """Make one entry of a results file; an undefined number becomes None.

    Args:
        value: The value.
        low: Lower end of its interval; None for a value without one.
        high: Upper end; None together with `low`.
        n: Items behind it.

    Returns:
        "value", "low", "high" (rounded to six digits behind the point) and "n".
    """
    ends = (value, low, high)
    numbers = [None if x is None or np.isnan(x) else round(float(x), 6) for x in ends]
    if None in numbers[1:]:
        numbers[1:] = None, None
    return dict(zip(("value", "low", "high"), numbers, strict=True)) | {"n": n}


def mean_entry(values: np.ndarray) -> Entry:
    """Mean of independent values with Student's interval.

    Args:
        values: Shape (N,); NaN is left out. Differences give a paired interval.

    Returns:
        The entry; without ends where N is below 2.
    """
    values = np.asarray(values, dtype=np.float64)
    values = values[~np.isnan(values)]
    if len(values) < 2:
        return entry(values.mean() if len(values) else np.nan, None, None, len(values))
    mean, error = values.mean(), stats.sem(values)
    reach = stats.t.ppf(0.975, len(values) - 1) * error
    return entry(mean, mean - reach, mean + reach, len(values))


def share_entry(count: int, n: int) -> Entry:
    """Share of n items with Wilson's interval; undefined where n is 0."""
    if n == 0:
        return entry(np.nan, None, None, 0)
    ends = stats.binomtest(count, n).proportion_ci(method="wilson")
    return entry(count / n, ends.low, ends.high, n)


def spread_entry(values: np.ndarray, resamples: int = 1000, seed: int = 0) -> Entry:
    """Standard deviation with a percentile bootstrap over the values.

    Args:
        values: Shape (N,).
        resamples: Bootstrap samples.
        seed: Seed of the resampling.

    Returns:
        The entry; without ends where N is below 3.
    """
    values = np.asarray(values, dtype=np.float64)
    n = len(values)
    if n < 3:
        return entry(values.std(ddof=1) if n > 1 else np.nan, None, None, n)
    ends = stats.bootstrap(
        (values,),
        lambda sample, axis: sample.std(axis=axis, ddof=1),
        n_resamples=resamples,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return entry(values.std(ddof=1), ends.low, ends.high, n)
