"""Networks of a study compared over networks and films at once.

Another seed trains another network, other films ask it other questions. The value is
the mean over folds of the mean over a fold's networks. Its error has two parts: what
networks do, from their spread within folds, with as many degrees of freedom as there
are networks less folds (between folds, where each has one network of a seed of its
own); and what films do, from a bootstrap over films (patients, where they are known)
within folds. Each part has Student's reach of its own, and the squares
of the reaches are added. So three networks count as three and not as many films; added
variances with Satterthwaite's degrees of freedom are too narrow for so few. What
networks and films do together is in both parts, which makes an interval somewhat too
wide.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from scipy import optimize, special

from chexnomaly.evaluation.intervals import entry, share_entry
from chexnomaly.results import Entry

RESAMPLES = 500
"""Bootstrap samples of films: enough for a variance."""

Network = tuple[int, int]
"""Fold and seed."""

ByNetwork = Mapping[Network, np.ndarray]
"""By network, one statistic on the films as they are and on each draw; (1 + R,)."""


def one_each(networks: Collection[Network]) -> bool:
    """Tell whether each fold has one network, of a seed that not all folds share."""
    folds, seeds = zip(*networks, strict=True)
    return len({*folds}) == len(folds) and len({*seeds}) > 1


def crossed_entry(
    values: ByNetwork, n: int, units: Mapping[int, int], kind: str = "difference"
) -> Entry:
    """Average a statistic over networks, with an interval over networks and films.

    Args:
        values: Of each network; the draws of films are the same for one fold.
        n: Films behind it.
        units: Fold to how many films, or patients, were drawn from.
        kind: A "difference" is held against 0. What lies in [0, 1] is "bounded" and
            has its interval on the scale of log odds, or is a "share" of films, which
            at 0 and 1 has Wilson's of as many as were drawn from; else a "number".

    Returns:
        The entry; for a difference with "p", the two-sided p-value against 0 that
        belongs to its intervals of any width, and "within", the farther end of its 90 %
        interval from 0: two one-sided tests at 5 % exclude what is larger. One network
        a fold, all of one seed, gives an interval over films alone; no ends and neither
        of both where a fold has fewer than two films or patients.
    """
    folds = sorted({fold for fold, _ in values})
    by_fold = [np.stack([v for (f, _), v in values.items() if f == k]) for k in folds]
    value = float(np.mean([one[:, 0].mean() for one in by_fold]))
    if np.isnan(value) or min(units[fold] for fold in folds) < 2:
        return entry(value, None, None, n)
    share = 1 / len(folds) ** 2
    films = sum(
        np.nanvar(one[:, 1:].mean(0)) * units[fold] / (units[fold] - 1)
        for fold, one in zip(folds, by_fold, strict=True)
    )
    parts = [(share * films, sum(units[fold] - 1 for fold in folds))]
    if one_each(values):
        by_fold = [np.concatenate(by_fold)]
    freedom = sum(len(one) - 1 for one in by_fold)
    if freedom:
        within = sum(((one[:, 0] - one[:, 0].mean()) ** 2).sum() for one in by_fold)
        each = sum(1 / len(one) for one in by_fold) / len(by_fold) ** 2
        parts.append((within / freedom * each, freedom))
    reach = _reach(parts, 0.05)
    if kind == "share" and value in (0, 1):
        drawn = sum(units.values())
        return share_entry(round(value * drawn), drawn) | {"n": n}
    ends = value + reach * np.array([-1, 1])
    bounded = kind in ("bounded", "share")
    if bounded and value in (0, 1):
        ends = ends.clip(0, 1)
    elif bounded:
        odds = special.logit(value) + (ends - value) / (value * (1 - value))
        ends = special.expit(odds)
    found = entry(value, *ends, n)
    if kind != "difference":
        return found
    farther = round(abs(value) + _reach(parts, 0.1), 6)
    return found | {"p": _p_value(abs(value), parts), "within": farther}


def _reach(parts: Iterable[tuple[float, int]], alpha: float) -> float:
    """Half an interval's width, from variances and their degrees of freedom."""
    squares = (v * special.stdtrit(freedom, alpha / 2) ** 2 for v, freedom in parts)
    return float(np.sqrt(sum(squares)))


def _p_value(distance: float, parts: Sequence[tuple[float, int]]) -> float:
    """Find the share at which the interval just touches 0; three digits."""
    smallest = 1e-12
    if distance == 0:
        return 1.0
    if _reach(parts, smallest) <= distance:
        return smallest if any(part for part, _ in parts) else 0.0
    found = optimize.brentq(
        lambda log: _reach(parts, np.exp(log)) - distance, np.log(smallest), 0.0
    )
    return float(f"{np.exp(found):.3g}")


def difference(one: ByNetwork, other: ByNetwork, blind: bool = False) -> ByNetwork:
    """Subtract values of networks of the same fold and seed.

    Args:
        one: Of one system.
        other: Of the other.
        blind: Whether the other never looks and has one predictor a fold.

    Returns:
        Of the networks that both have. Where one system has a single network in each
        fold, and not of the other's seeds, of the folds' means. Nothing where networks
        are missing: few that both have would stand for many.
    """
    if blind:
        by_fold = {fold: values for (fold, _), values in other.items()}
        other = {net: by_fold[net[0]] for net in one if net[0] in by_fold}
    found = {net: values - other[net] for net, values in one.items() if net in other}
    if len(found) == min(len(one), len(other)):
        return found
    if not (one_each(one) or one_each(other)):
        return {}
    a, b = (_fold_means(values) for values in (one, other))
    return {(fold, fold): a[fold] - b[fold] for fold in a.keys() & b.keys()}


def _fold_means(values: ByNetwork) -> dict[int, np.ndarray]:
    folds = {fold for fold, _ in values}
    return {k: np.mean([v for (f, _), v in values.items() if f == k], 0) for k in folds}
