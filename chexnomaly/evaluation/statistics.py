"""One number per film of everything a table shows, and what they come to together."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from chexnomaly import metrics
from chexnomaly.evaluation.intervals import Statistic, entry, intervals, share_entry
from chexnomaly.evaluation.scores import PAPER_THRESHOLD, ScoredSet
from chexnomaly.metrics import categories, classification, segmentation
from chexnomaly.results import Entry

QUANTITIES = pd.read_csv(Path(__file__).parent / "quantities.csv", index_col="key")
"""What a results file holds, a row for each key: its heading in tables; whether it is
also taken at the operating threshold, and compared between two systems; its kind, a
"share" of films, "bounded" by 0 and 1, or any "number"; and which films it counts,
"all", "abnormal" or "healthy"."""

OPERATING_KEYS = tuple(QUANTITIES.index[QUANTITIES["operating"].notna()])
PAIRED_KEYS = tuple(QUANTITIES.index[QUANTITIES["paired"].notna()])

AP_THRESHOLDS = (0.4, 0.5, 0.6, 0.7)


def statistics() -> dict[str, Statistic]:
    """Every statistic of a results file by its key; each reduces the last axis."""
    ious = {
        f"iou_{c.lower()}": partial(metrics.iou_statistic, convention=c)
        for c in metrics.IOU_CONVENTIONS
    }
    f1s = {f"f1_{r}": partial(metrics.f1_statistic, rule=r) for r in metrics.F1_RULES}
    rules = {"strict": metrics.strict_categories, "lenient": metrics.lenient_categories}
    shares = {
        f"{name.lower()}_share_{rule}": partial(_share_of, name, sort)
        for name in ("TP", "TN", "FP", "FN")
        for rule, sort in rules.items()
    }
    return {
        **(ious | f1s | shares),
        "mae_soft": metrics.mae_statistic,
        "mae_soft_abnormal": _abnormal_error,
        "mae_hard": partial(metrics.mae_statistic, hard=True),
        "partial_share": partial(_share_of, "50/50", categories.unseen_categories),
        "pixel_precision": segmentation.pixel_precision_statistic,
        "recall_any_pixel": classification.flagged_statistic,
        "false_alarms": partial(classification.flagged_statistic, healthy=True),
        "outlier_share": lambda s: (
            metrics.hard_error(s) > categories.OUTLIER_LIMIT
        ).mean(-1),
        "hard_error_median": lambda s: np.median(metrics.hard_error(s), -1),
        "hard_error_skewness": lambda s: stats.skew(metrics.hard_error(s), axis=-1),
        "rectangularity": categories.rectangularity,
        "predicted_share": partial(_area, ("tp", "fp")),
        "true_share": partial(_area, ("tp", "fn")),
    }


FILM_STATISTICS: dict[str, Statistic] = {
    "auc": classification.auc_statistic,
    "pointing": classification.pointing_statistic,
}
"""Of films whose patients are known: sick against healthy, and the highest pixel."""


def _share_of(name: str, sort: Callable, scores: metrics.Scores) -> np.ndarray:
    return (sort(scores) == name).mean(-1)


def _abnormal_error(scores: metrics.Scores) -> np.ndarray:
    abnormal = scores["tp"] + scores["fn"] > 0
    wrong = np.where(abnormal, scores["soft_error"], 0).sum(-1)
    return segmentation.divide(wrong, abnormal.sum(-1), np.nan)


def _area(kinds: tuple[str, str], scores: metrics.Scores) -> np.ndarray:
    total = sum(scores[name] for name in ("tp", "fp", "fn", "tn"))
    return ((scores[kinds[0]] + scores[kinds[1]]) / total).mean(-1)


def summarize(
    scored: ScoredSet,
    operating: float | None = None,
    resamples: int = 2000,
    keys: Iterable[str] = (),
) -> dict[str, Entry]:
    """Compute every statistic of a results file, with intervals.

    A share gets Wilson's interval. Films that share patients are drawn with these; but
    where all films count or none, no draw differs, and each patient stands for one.

    Args:
        scored: Per-image scores at the paper's threshold and the operating one.
        operating: The threshold chosen on validation; its keys end in "@operating".
        resamples: Bootstrap samples per interval.
        keys: Which statistics; all by default.

    Returns:
        Results entries by key; n is of the films that a statistic counts.
    """
    patients = scored.patients
    table = statistics() | (FILM_STATISTICS if patients else {})

    def measure(asked: Iterable[str], scores: metrics.Scores) -> dict[str, Entry]:
        abnormal, found, left = scores["tp"] + scores["fn"] > 0, {}, {}
        kinds = {"abnormal": abnormal, "healthy": ~abnormal, "all": abnormal | True}
        counted = {k: np.flatnonzero(kinds[QUANTITIES["films"][k]]) for k in asked}
        for key, films in counted.items():
            share = QUANTITIES["kind"][key] == "share"
            value = float(table[key](scores)) if share else np.nan
            if share and (not patients or value in (0, 1) or len(films) == 0):
                units = {*np.asarray(patients)[films]} if len(patients) else films
                count = round(np.nan_to_num(value) * len(units))
                found[key] = share_entry(count, len(units))
            else:
                left[key] = table[key]
        found |= intervals(left, scores, patients=patients, resamples=resamples)
        return {key: found[key] | {"n": len(films)} for key, films in counted.items()}

    chosen = None if operating is None else [operating]
    values = _entries(measure, keys or table, [scored], chosen)
    at = () if keys else AP_THRESHOLDS
    areas = metrics.average_precisions(scored.found, scored.truth, at)
    for t, area in zip(at, areas, strict=True):
        values[f"ap_{t}"] = entry(area, None, None, len(scored.ids))
    return values


def paired_differences(
    first: ScoredSet,
    second: ScoredSet,
    operating: tuple[float, float] | None = None,
    resamples: int = 2000,
    keys: Iterable[str] = (),
) -> dict[str, Entry]:
    """Compare two systems on the same films.

    Args:
        first: Scores of one system.
        second: Scores of the other, on the same ids in the same order.
        operating: Each system's own operating threshold.
        resamples: Bootstrap samples per interval.
        keys: Which statistics; by default `PAIRED_KEYS`, and `FILM_STATISTICS` where
            patients are known.

    Returns:
        First minus second by key, with paired intervals.

    Raises:
        ValueError: The films differ.
    """
    if first.ids != second.ids:
        raise ValueError("expected two systems scored on the same films, in one order")
    extra = FILM_STATISTICS if first.patients else {}
    table, about = statistics() | extra, {"patients": first.patients}

    def measure(asked: Iterable[str], *both: metrics.Scores) -> dict[str, Entry]:
        gaps = {k: lambda a, b, one=table[k]: one(a) - one(b) for k in asked}
        return intervals(gaps, *both, resamples=resamples, **about)

    return _entries(measure, keys or (*PAIRED_KEYS, *extra), [first, second], operating)


def _entries(
    measure: Callable[..., dict[str, Entry]],
    keys: Iterable[str],
    scored: Sequence[ScoredSet],
    operating: Sequence[float] | None,
) -> dict[str, Entry]:
    """Compute statistics of one system or two, each at its thresholds."""
    thresholds = {"": [PAPER_THRESHOLD] * len(scored)}
    if operating is not None:
        thresholds["@operating"] = operating
    values = {}
    for suffix, levels in thresholds.items():
        samples = [s.scores[t] for s, t in zip(scored, levels, strict=True)]
        asked = [k for k in keys if not suffix or k in OPERATING_KEYS]
        values |= {k + suffix: one for k, one in measure(asked, *samples).items()}
    return values
