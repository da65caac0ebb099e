"""Results entries of plain samples: means, shares and spreads with 95 % intervals."""

import warnings
from collections.abc import Callable

import numpy as np
from scipy import stats

from chexnomaly import metrics

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


def excludes_zero(one: Entry) -> bool:
    """Tell whether an interval lies on one side of 0."""
    return one["low"] is not None and not one["low"] <= 0 <= one["high"]


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


def interval(
    statistic: Callable[..., np.ndarray],
    *samples: metrics.Scores,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, float | int | None]:
    """Percentile bootstrap over scans, paired where several systems are given.

    Args:
        statistic: Called with one Scores per system; reduces the last axis.
        samples: Per-image scores of each system on the same scans, in one order.
        resamples: Bootstrap samples.
        seed: Seed of the resampling.

    Returns:
        "value", "low", "high" (95 %) and "n", the number of scans; None where the
        statistic is undefined.
    """
    n = len(next(iter(samples[0].values())))

    def resampled(index: np.ndarray, axis: int = -1) -> np.ndarray:
        return statistic(*({k: v[index] for k, v in s.items()} for s in samples))

    value = float(resampled(np.arange(n)))
    if n < 2 or np.isnan(value):
        return {"value": number(value), "low": None, "high": None, "n": n}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            (np.arange(n),),
            resampled,
            n_resamples=resamples,
            batch=max(1, 2_000_000 // n),
            method="percentile",
            vectorized=True,
            rng=np.random.default_rng(seed),
        )
    drawn = result.bootstrap_distribution
    drawn = drawn[~np.isnan(drawn)]  # a draw may lack what the statistic needs
    low, high = np.percentile(drawn, [2.5, 97.5]) if len(drawn) else (np.nan, np.nan)
    return {"value": number(value), "low": number(low), "high": number(high), "n": n}


def number(value: float) -> float | None:
    """Round to what a results file keeps; None for an undefined value."""
    return None if np.isnan(value) else round(float(value), 6)
