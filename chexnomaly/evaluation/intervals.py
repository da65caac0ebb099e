"""Results entries of plain samples: means, shares and spreads with 95 % intervals."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

import numpy as np
import pandas as pd
from scipy import stats

from chexnomaly import metrics
from chexnomaly.results import Entry

Statistic = Callable[..., np.ndarray]

TOGETHER = 100_000
"""Drawn films whose scores are computed at once: as many as stay near the processor."""


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


def spread_entry(values: np.ndarray) -> Entry:
    """Standard deviation with a percentile bootstrap over the values.

    Args:
        values: Shape (N,).

    Returns:
        The entry; without ends where N is below 3.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) < 3:
        value = values.std(ddof=1) if len(values) == 2 else np.nan
        return entry(value, None, None, len(values))

    def spread(drawn: metrics.Scores) -> np.ndarray:
        return drawn["value"].std(axis=-1, ddof=1)

    return interval(spread, {"value": values}, resamples=1000)


class Drawn(dict):
    """Scores of drawn films, and statistics of these; none before it is asked for.

    Args:
        scores: Per-image scores.
        index: Which films, by position.
    """

    def __init__(self, scores: metrics.Scores, index: np.ndarray):
        self._scores, self._index = scores, index

    def __missing__(self, asked: str | Statistic) -> np.ndarray:
        """Draw one kind of score, or compute a statistic, when first asked for it."""
        scores, index = self._scores, self._index
        self[asked] = asked(self) if callable(asked) else scores[asked].take(index)
        return self[asked]


def interval(statistic: Statistic, *samples: metrics.Scores, **how) -> Entry:
    """Bootstrap one statistic; see `intervals`."""
    return intervals({"": statistic}, *samples, **how)[""]


def intervals(
    statistics: Mapping[str, Statistic],
    *samples: metrics.Scores,
    patients: Sequence[str] = (),
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Entry]:
    """Percentile bootstrap over films, paired where several systems are given.

    Films of one patient are alike. Where patients are known, these are drawn, each
    with all films, so that twenty films of one are no twenty witnesses.

    Args:
        statistics: Each called with one Scores per system; reduces the last axis.
        samples: Per-image scores of each system on the same films, in one order.
        patients: Whose each film is; by default each is another's.
        resamples: Bootstrap samples, the same ones for all statistics.
        seed: Seed of the resampling.

    Returns:
        The entries by key, with the number of films as their n; without ends where
        that, or the number of patients, is below 2.
    """
    n = len(next(iter(samples[0].values())))

    def of(index: np.ndarray, keys: Iterable[str]) -> dict[str, np.ndarray]:
        drawn = [Drawn(s, index) for s in samples]  # films (..., N) to (...)
        return {key: statistics[key](*drawn) for key in keys}

    values, units = of(np.arange(n), statistics), len({*patients}) or n
    defined = [k for k, v in values.items() if units > 1 and not np.isnan(v)]
    draws = draw_films(n, patients, resamples, seed) if defined else ()
    parts = (np.array_split(i, 1 + i.size // TOGETHER) for i in draws)
    drawn, ends = [of(part, defined) for part in chain(*parts)], {}
    for key in defined:
        found = np.concatenate([one[key] for one in drawn])
        found = found[~np.isnan(found)]  # a draw may lack what the statistic needs
        ends[key] = np.percentile(found, [2.5, 97.5]) if len(found) else (None, None)
    return {k: entry(v, *ends.get(k, (None, None)), n) for k, v in values.items()}


def draw_films(
    n: int, patients: Sequence[str] = (), resamples: int = 2000, seed: int = 0
) -> Iterator[np.ndarray]:
    """Draw films with replacement; patients with all their films, where known.

    Args:
        n: How many films there are.
        patients: Whose each film is.
        resamples: How many draws.
        seed: Seed of the draws.

    Yields:
        Films by position, (draws, films): draws of equally many films together.
    """
    owners, names = pd.factorize(
        np.asarray(patients if len(patients) else range(n)), sort=True
    )
    nth = pd.Series(owners).groupby(owners).cumcount()
    films = np.full((len(names), nth.max() + 1), -1)  # a row for each patient
    films[owners, nth] = np.arange(n)
    rng, most = np.random.default_rng(seed), max(1, 2_000_000 // n)
    for done in range(0, resamples, most):
        drawn = rng.integers(len(films), size=(min(most, resamples - done), len(films)))
        if films.shape[1] == 1:
            yield films[:, 0][drawn]
            continue
        totals = (films >= 0).sum(axis=1)[drawn].sum(axis=1)
        for total in np.unique(totals):
            taken = films[drawn[totals == total]]
            yield taken[taken >= 0].reshape(-1, total)
