"""Results entries of plain samples: means, shares and spreads with 95 % intervals."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from chexnomaly import metrics
from chexnomaly.results import Entry


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
    if len(values) < 3:
        spread = values.std(ddof=1) if len(values) == 2 else np.nan
        return entry(spread, None, None, len(values))
    return interval(
        lambda sample: sample["value"].std(axis=-1, ddof=1),
        {"value": values},
        resamples=resamples,
        seed=seed,
    )


class Drawn(dict):
    """Scores of drawn films; what a statistic does not ask for is not drawn.

    Args:
        scores: Per-image scores.
        index: Which films, by position.
    """

    def __init__(self, scores: metrics.Scores, index: np.ndarray):
        self._scores, self._index = scores, index

    def __missing__(self, name: str) -> np.ndarray:
        """Draw one kind of score, when it is first asked for."""
        self[name] = drawn = self._scores[name].take(self._index)
        return drawn


def interval(
    statistic: Callable[..., np.ndarray],
    *samples: metrics.Scores,
    patients: Sequence[str] = (),
    resamples: int = 2000,
    seed: int = 0,
) -> Entry:
    """Percentile bootstrap over films, paired where several systems are given.

    Films of one patient are alike. Where patients are known, these are drawn, each
    with all films, so that twenty films of one are no twenty witnesses.

    Args:
        statistic: Called with one Scores per system; reduces the last axis.
        samples: Per-image scores of each system on the same films, in one order.
        patients: Whose each film is; by default each is another's.
        resamples: Bootstrap samples.
        seed: Seed of the resampling.

    Returns:
        The entry, with the number of films as its n; without ends where that, or the
        number of patients, is below 2.
    """
    n = len(next(iter(samples[0].values())))
    films = films_of(patients)

    def of(index: np.ndarray) -> np.ndarray:  # films (..., N) to (...)
        return statistic(*(Drawn(s, index) for s in samples))

    def resampled(drawn: np.ndarray) -> np.ndarray:  # units (draws, units) to (draws,)
        if not len(films):
            return of(drawn)
        totals = (films >= 0).sum(axis=1)[drawn].sum(axis=1)
        values = np.empty(len(drawn))
        for total in np.unique(totals):  # draws with equally many films make an array
            taken = films[drawn[totals == total]]
            values[totals == total] = of(taken[taken >= 0].reshape(-1, total))
        return values

    value, units = float(of(np.arange(n))), len(films) or n
    if units < 2 or np.isnan(value):
        return entry(value, None, None, n)
    rng, most = np.random.default_rng(seed), max(1, 2_000_000 // n)
    parts = (min(most, resamples - done) for done in range(0, resamples, most))
    draws = (rng.integers(0, units, (part, units)) for part in parts)
    drawn = np.concatenate([resampled(units_drawn) for units_drawn in draws])
    drawn = drawn[~np.isnan(drawn)]  # a draw may lack what the statistic needs
    ends = np.percentile(drawn, [2.5, 97.5]) if len(drawn) else (None, None)
    return entry(value, *ends, n)


def films_of(patients: Sequence[str]) -> np.ndarray:
    """Give each patient's films, to draw patients with all their films.

    Args:
        patients: Whose each film is, one name for each film.

    Returns:
        Films by position, one row a patient, filled up with -1.
    """
    owners, names = pd.factorize(np.asarray(patients, dtype=str), sort=True)
    nth = pd.Series(owners).groupby(owners).cumcount()
    films = np.full((len(names), max(nth, default=-1) + 1), -1)
    films[owners, nth] = np.arange(len(owners))
    return films
