"""One number per film of everything a table shows, and what they come to together."""

from collections.abc import Callable, Iterable, Iterator, Mapping
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
    patients, values = scored.patients, {}
    table = statistics() | (FILM_STATISTICS if patients else {})
    for suffix, level, asked in _levels(keys or table, operating):
        scores, found, left = scored.scores[level], {}, {}
        abnormal = scores["tp"] + scores["fn"] > 0
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
        for key, films in counted.items():
            values[key + suffix] = found[key] | {"n": len(films)}
    at = () if keys else AP_THRESHOLDS
    areas = metrics.average_precisions(scored.found, scored.truth, at)
    for t, area in zip(at, areas, strict=True):
        values[f"ap_{t}"] = entry(area, None, None, len(scored.ids))
    return values


def paired_differences(
    first: ScoredSet,
    others: Mapping[str, tuple[ScoredSet, float | None]],
    operating: float | None = None,
    resamples: int = 2000,
    keys: Iterable[str] = (),
) -> dict[str, dict[str, Entry]]:
    """Compare a system with others on the same films.

    Args:
        first: Scores of the system.
        others: Name to scores on the same ids in the same order, and to the operating
            threshold, None where there is none.
        operating: The system's own operating threshold.
        resamples: Bootstrap samples per interval.
        keys: Which statistics; by default `PAIRED_KEYS`, and `FILM_STATISTICS` where
            patients are known.

    Returns:
        By name, the first minus the other by key, with paired intervals.

    Raises:
        ValueError: The films differ.
    """
    if any(first.ids != other.ids for other, _ in others.values()):
        raise ValueError("expected two systems scored on the same films, in one order")
    extra = FILM_STATISTICS if first.patients else {}
    table, paired = statistics() | extra, {name: {} for name in others}
    for suffix, own, asked in _levels(keys or (*PAIRED_KEYS, *extra), operating):
        levels = {name: t if suffix else own for name, (_, t) in others.items()}
        met = {n: others[n][0].scores[t] for n, t in levels.items() if t is not None}
        gaps = {
            (name, key): lambda *drawn, k=k, of=table[key]: drawn[0][of] - drawn[k][of]
            for k, name in enumerate(met, start=1)
            for key in asked
        }
        how = {"patients": first.patients, "resamples": resamples}
        found = intervals(gaps, first.scores[own], *met.values(), **how)
        for (name, key), gap in found.items():
            paired[name][key + suffix] = gap
    return paired


def _levels(
    keys: Iterable[str], operating: float | None
) -> Iterator[tuple[str, float, list[str]]]:
    """Give the ending of each threshold's keys, the threshold, and what is asked."""
    yield "", PAPER_THRESHOLD, [*keys]
    if operating is not None:
        yield "@operating", operating, [k for k in keys if k in OPERATING_KEYS]
