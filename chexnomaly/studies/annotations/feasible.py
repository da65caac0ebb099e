"""Can the three printed scores of a system be true together (ambiguity 4)?

A test set is described by its share of abnormal films and the foreground shares of
their masks. A system on it is described by three numbers: the share r of abnormal
films on which it marks anything, the share f of normal films on which it does, and
its mean IoU c on abnormal films. A film without a mark has IoU 0, so c <= r. Every
convention of mean IoU and every image-level rule of F1 is linear in (r, f, c), and an
error below what was printed asks for a c above some least value, so that a linear
program decides. What it allows may still be absurd; what it forbids cannot be.

Pixels of marks on normal films are not charged, so that the bounds are generous.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd
from scipy import optimize

RULES = ("any_pixel", "healthy")
CONVENTIONS = ("A", "C", "D")
SCORE_READINGS = {
    f"IoU {convention}, F1 {rule.replace('_', ' ')}": (convention, rule)
    for convention in CONVENTIONS
    for rule in RULES
}
"""Every reading that the linear program decides, by its name in tables."""

INFEASIBLE = 2
"""What SciPy's `linprog` answers where no point satisfies all constraints."""

Range = tuple[float, float]


@dataclass(frozen=True)
class PrintedScores:
    """What was printed for one system: the values that round to each number.

    Attributes:
        iou: Lowest and highest mean IoU.
        f1: Of F1.
        mae: Of the mean absolute error.
    """

    iou: Range
    f1: Range
    mae: Range


@dataclass(frozen=True)
class TestMix:
    """What the bounds need to know of a test set.

    Attributes:
        abnormal_share: Share of its films with a mask, above 0.
        foreground: Foreground share of each abnormal film, in (0, 1], any order.
    """

    __test__ = False  # no test class, whatever pytest thinks

    abnormal_share: float
    foreground: np.ndarray


def rounded_from(printed: Decimal, digits: int = 0) -> Range:
    """Give the values that round to a printed number, within [0, 1].

    Args:
        printed: With the digits as printed.
        digits: Digits it had at least: a "0" in a column of two digits is "0.00".
    """
    half = Decimal(5).scaleb(min(printed.as_tuple().exponent, -digits) - 1)
    return float(max(0, printed - half)), float(min(1, printed + half))


def least_iou(mae: float, test: TestMix) -> float:
    """Bound the mean IoU on abnormal films from below by an error.

    A film with foreground share s and IoU j has at least s (1 - j) wrong pixels. They
    cost least where all of the missing IoU falls on the smallest masks. A wrong pixel
    at threshold 0.5 adds at least 0.5 to the error.

    Args:
        mae: Mean absolute error of probabilities over all films.
        test: The test set.

    Returns:
        The least mean IoU, in [0, 1].
    """
    wrong = 2 * mae / test.abnormal_share
    ordered = np.sort(test.foreground)
    cost = np.concatenate([[0.0], np.cumsum(ordered)]) / len(ordered)
    missed = np.interp(wrong, cost, np.linspace(0, 1, len(cost)))
    return float(1 - missed)


def regions(
    printed: PrintedScores,
    test: TestMix,
    convention: str = "C",
    rule: str = "any_pixel",
) -> dict[str, Range] | None:
    """Find what a system must be like for its printed scores to be true together.

    Args:
        printed: The scores.
        test: The test set.
        convention: "A", "C" or "D" of `metrics.iou`.
        rule: "any_pixel" or "healthy" of `metrics.f1_score`.

    Returns:
        Least and greatest "recall", "false_alarms" and "iou_abnormal"; None where no
        system can have these scores.
    """
    system = printed, test, convention, rule
    if not is_possible(*system):
        return None
    ends = [(_solve(goal, *system), -_solve(-goal, *system)) for goal in np.eye(3)]
    return dict(zip(("recall", "false_alarms", "iou_abnormal"), ends, strict=True))


def is_possible(
    printed: PrintedScores,
    test: TestMix,
    convention: str = "C",
    rule: str = "any_pixel",
) -> bool:
    """Say whether any system can have these scores; see `regions`."""
    return _solve(np.zeros(3), printed, test, convention, rule) is not None


def impossible_systems(
    printed: Mapping[str, PrintedScores], tests: Mapping[str, TestMix]
) -> pd.DataFrame:
    """Name the systems whose printed scores cannot be true together.

    Args:
        printed: System to its scores.
        tests: Title to test set.

    Returns:
        Index reading, one column per test set: names, or "none".
    """
    table = {}
    for title, test in tests.items():
        pixels = test.abnormal_share * float(test.foreground.mean())
        pooled = {n: least_pooled_iou(s.mae[1], pixels) for n, s in printed.items()}
        beyond = [name for name, one in printed.items() if pooled[name] > one.iou[1]]
        bad = {"IoU B, any F1": beyond}
        for reading, choice in SCORE_READINGS.items():
            possible = {n: is_possible(s, test, *choice) for n, s in printed.items()}
            bad[reading] = [name for name, so in possible.items() if not so]
        table[title] = {r: ", ".join(names) or "none" for r, names in bad.items()}
    return pd.DataFrame(table, [*SCORE_READINGS, "IoU B, any F1"])


def possible_shares(
    printed: Mapping[str, PrintedScores],
    foreground: np.ndarray,
    shares: Sequence[float],
) -> pd.DataFrame:
    """Try every reading at every share of abnormal films.

    Args:
        printed: System to its scores.
        foreground: Foreground shares of abnormal films.
        shares: Shares of abnormal films, above 0.

    Returns:
        Columns "reading", "system", "abnormal_share", "possible".
    """
    mixes = {float(share): TestMix(float(share), foreground) for share in shares}
    columns = ["reading", "system", "abnormal_share", "possible"]
    rows = [
        (reading, name, share, is_possible(scores, mix, *choice))
        for reading, choice in SCORE_READINGS.items()
        for name, scores in printed.items()
        for share, mix in mixes.items()
    ]
    return pd.DataFrame(rows, columns=columns)


def _solve(
    goal: np.ndarray, printed: PrintedScores, test: TestMix, convention: str, rule: str
) -> float | None:
    """Minimize goal @ (r, f, c); None where nothing satisfies the scores."""
    rows, limits = _constraints(printed, test.abnormal_share, convention, rule)
    bounds = [(0, 1), (0, 1), (least_iou(printed.mae[1], test), 1)]
    solved = optimize.linprog(goal, rows, limits, bounds=bounds)
    return None if solved.status == INFEASIBLE else float(solved.fun)


def _constraints(printed: PrintedScores, p: float, convention: str, rule: str) -> tuple:
    """Write the scores as rows @ (r, f, c) <= limits."""
    recall, alarms, overlap, one = np.eye(4)  # as weights of (r, f, c, 1)
    flagged = p * recall + (1 - p) * alarms
    clear = (1 - p) * (one - alarms)
    iou = {"A": p * overlap + clear, "C": overlap, "D": p * overlap}[convention]
    hits, real, called = {
        "any_pixel": (p * recall, p * one, flagged),
        "healthy": (clear, (1 - p) * one, one - flagged),
    }[rule]
    rows = [overlap - recall]  # each at most 0
    for sign, iou_end, f1_end in zip((-1, 1), printed.iou, printed.f1, strict=True):
        rows.append(sign * (iou - iou_end * one))
        rows.append(sign * (2 * hits - f1_end * (real + called)))
    table = np.array(rows)
    return table[:, :3], -table[:, 3]


def least_pooled_iou(mae: float, foreground: float) -> float:
    """Bound convention B (pooled background and foreground IoU) by an error.

    Args:
        mae: Mean absolute error of probabilities, which twice as many wrong pixels
            at threshold 0.5 may stand behind.
        foreground: Share of all pixels that lie in a mask, in (0, 1).

    Returns:
        The least value of B, over every way to divide wrong pixels into missed and
        extra ones.
    """
    wrong = min(1.0, 2 * mae)
    least = max(0.0, wrong - (1 - foreground))
    missed = np.linspace(least, min(wrong, foreground), 2001)
    hit, clear = foreground - missed, 1 - foreground - (wrong - missed)
    return float((hit / (hit + wrong) + clear / (clear + wrong)).min() / 2)


def least_share_beyond(mean: float, limit: float, cap: float = 1.0) -> float:
    """Bound from below how many values exceed a limit, given their mean.

    Args:
        mean: Mean of values in [0, cap].
        limit: The limit, below `cap`.
        cap: What no value exceeds.

    Returns:
        The least share above the limit, in [0, 1].
    """
    return min(1.0, max(0.0, (mean - limit) / (cap - limit)))


def counts_behind(f1: Decimal, n: int) -> tuple[int, int]:
    """Find how many of n positives were found, where no film is negative.

    Args:
        f1: The printed F1, of two digits, which is then 2 r / (1 + r) of the recall r.
        n: Number of positives.

    Returns:
        Fewest and most found films whose F1 rounds to the printed one.
    """
    low, high = rounded_from(f1, digits=2)
    found = np.arange(n + 1)
    value = 2 * found / (n + found)
    fitting = found[(value >= low) & (value < high + (high == 1.0))]
    return int(fitting.min()), int(fitting.max())
