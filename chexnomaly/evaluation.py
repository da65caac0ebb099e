"""Scores of a system on a data set, with intervals (Section V).

A predictor is anything that yields probability maps batch by batch in the order of
a data set: a network through `predict`, or a baseline. Everything is counted per
image once; all statistics and their paired bootstraps resample those counts.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn
from torch.utils.data import DataLoader

from chexnomaly import metrics
from chexnomaly.boxes import mask_to_boxes
from chexnomaly.categories import box_scores, lenient_categories, unseen_categories
from chexnomaly.datasets.segmentation import SegmentationSet

PAPER_THRESHOLD = 0.5
THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(1, 20))
"""The sweep 0.05 to 0.95 from which an operating threshold is chosen."""

AP_THRESHOLDS = (0.4, 0.5, 0.6, 0.7)

OPERATING_KEYS = (
    *("iou_a", "iou_b", "iou_c", "mae_hard", "f1_any_pixel", "f1_healthy"),
    *("pixel_precision", "recall_any_pixel", "predicted_share"),
)
"""What is also reported at the operating threshold."""

Statistic = Callable[[metrics.Scores], np.ndarray]


def statistics() -> dict[str, Statistic]:
    """Every statistic of a results file by its key; each reduces the last axis."""
    table: dict[str, Statistic] = {}
    for c in metrics.IOU_CONVENTIONS:
        table[f"iou_{c.lower()}"] = lambda s, c=c: metrics.iou_statistic(s, c)
    table["mae_soft"] = metrics.mae_statistic
    table["mae_hard"] = lambda s: metrics.mae_statistic(s, hard=True)
    for rule in metrics.F1_RULES:
        table[f"f1_{rule}"] = lambda s, r=rule: metrics.f1_statistic(s, r)
    for name in ("TP", "TN", "FP", "FN"):
        table[f"{name.lower()}_share_strict"] = lambda s, n=name: (
            metrics.strict_categories(s) == n
        ).mean(-1)
        table[f"{name.lower()}_share_lenient"] = lambda s, n=name: (
            lenient_categories(s) == n
        ).mean(-1)
    table["partial_share"] = lambda s: (unseen_categories(s) == "50/50").mean(-1)
    table["pixel_precision"] = metrics.pixel_precision_statistic
    table["recall_any_pixel"] = metrics.recall_statistic
    table["outlier_share"] = lambda s: (metrics.hard_error(s) > 0.04).mean(-1)
    table["hard_error_median"] = lambda s: np.median(metrics.hard_error(s), -1)
    table["hard_error_skewness"] = lambda s: stats.skew(metrics.hard_error(s), axis=-1)
    table["predicted_share"] = lambda s: _share(s, "tp", "fp")
    table["true_share"] = lambda s: _share(s, "tp", "fn")
    return table


def _share(scores: metrics.Scores, first: str, second: str) -> np.ndarray:
    total = sum(scores[name] for name in ("tp", "fp", "fn", "tn"))
    return ((scores[first] + scores[second]) / total).mean(-1)


@dataclass(frozen=True)
class ScoredSet:
    """Per-image scores of one system on one data set.

    Attributes:
        ids: Image ids, in order.
        scores: Per-image counts by threshold.
        found: Predicted boxes and their scores per image, at the paper's threshold.
        truth: Boxes of the mask's components per image.
    """

    ids: list[str]
    scores: dict[float, metrics.Scores]
    found: list[tuple[Tensor, Tensor]]
    truth: list[Tensor]


@torch.no_grad()
def predict(
    model: nn.Module, dataset: SegmentationSet, batch_size: int = 16
) -> Iterator[Tensor]:
    """Run a network over a data set.

    Args:
        model: Maps images to logits of shape (B, 1, S, S).
        dataset: Images and masks.
        batch_size: Images per batch.

    Yields:
        Probabilities, (B, 1, S, S), float32, on the CPU, in the data set's order.
    """
    model.eval()
    device = next(model.parameters()).device
    for image, _ in DataLoader(dataset, batch_size=batch_size):
        image = image.to(device, memory_format=torch.channels_last)
        yield torch.sigmoid(model(image).float()).cpu()


def score(
    predictions: Iterable[Tensor],
    masks: Iterable[Tensor],
    ids: Sequence[str],
    thresholds: Sequence[float],
) -> ScoredSet:
    """Count what every metric needs, image by image.

    Args:
        predictions: Probability maps, (B, 1, S, S), in the order of `ids`.
        masks: One mask per image, (1, S, S).
        ids: Image ids.
        thresholds: Where to binarize.

    Returns:
        The per-image scores.

    Raises:
        ValueError: There are fewer predictions or masks than ids.
    """
    parts: dict[float, list[metrics.Scores]] = {t: [] for t in thresholds}
    found, truth = [], []
    masks = iter(masks)
    for probs in predictions:
        mask = torch.stack([next(masks) for _ in range(len(probs))])
        for threshold in thresholds:
            counts = metrics.image_scores(probs, mask, threshold)
            parts[threshold].append(counts | box_scores(probs, mask, threshold))
        found += [metrics.detections(p, PAPER_THRESHOLD) for p in probs]
        truth += [mask_to_boxes(m) for m in mask]
    if len(found) != len(ids):
        raise ValueError(f"expected {len(ids)} predictions, got {len(found)}")
    joined = {
        threshold: {k: np.concatenate([p[k] for p in part]) for k in part[0]}
        for threshold, part in parts.items()
    }
    return ScoredSet(list(ids), joined, found, truth)


def score_set(
    predictions: Iterable[Tensor], dataset: SegmentationSet, thresholds: Sequence[float]
) -> ScoredSet:
    """Score predictions against the masks of their data set; see `score`."""
    masks = (dataset.mask(image_id) for image_id in dataset.ids)
    return score(predictions, masks, dataset.ids, thresholds)


def choose_threshold(scored: ScoredSet) -> float:
    """Choose the operating threshold: the best IoU under convention C.

    Args:
        scored: Scores of the validation part, never of a test part.

    Returns:
        The threshold; the one nearest to 0.5 where several are equally good.
    """
    values = {t: float(metrics.iou_statistic(s, "C")) for t, s in scored.scores.items()}
    return max(values, key=lambda t: (values[t], -abs(t - PAPER_THRESHOLD)))


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
        return {"value": _number(value), "low": None, "high": None, "n": n}
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
    return {"value": _number(value), "low": _number(low), "high": _number(high), "n": n}


def summarize(
    scored: ScoredSet, operating: float | None = None, resamples: int = 2000
) -> dict[str, dict[str, float | int | None]]:
    """Compute every statistic of a results file, with intervals.

    Args:
        scored: Per-image scores at the paper's threshold and the operating one.
        operating: The threshold chosen on validation; its keys end in "@operating".
        resamples: Bootstrap samples per interval.

    Returns:
        Results entries by key; convention C counts abnormal images as its n.
    """
    values = {}
    suffixes = {"": PAPER_THRESHOLD} | (
        {} if operating is None else {"@operating": operating}
    )
    for suffix, threshold in suffixes.items():
        scores = scored.scores[threshold]
        abnormal = int((scores["tp"] + scores["fn"] > 0).sum())
        for key, statistic in statistics().items():
            if suffix and key not in OPERATING_KEYS:
                continue
            entry = interval(statistic, scores, resamples=resamples)
            values[key + suffix] = entry | ({"n": abnormal} if key == "iou_c" else {})
    for t in AP_THRESHOLDS:
        value = metrics.average_precision_of_boxes(scored.found, scored.truth, t)
        values[f"ap_{t}"] = {
            "value": _number(value),
            "low": None,
            "high": None,
            "n": len(scored.ids),
        }
    return values


PAIRED_KEYS = (
    *("iou_a", "iou_c", "mae_soft", "mae_hard", "f1_any_pixel"),
    *("pixel_precision", "predicted_share"),
)


def paired_differences(
    first: ScoredSet,
    second: ScoredSet,
    operating: tuple[float, float] | None = None,
    resamples: int = 2000,
) -> dict[str, dict[str, float | int | None]]:
    """Compare two systems on the same scans.

    Args:
        first: Scores of one system.
        second: Scores of the other, on the same ids in the same order.
        operating: Each system's own operating threshold.
        resamples: Bootstrap samples per interval.

    Returns:
        First minus second by key, with paired intervals.

    Raises:
        ValueError: The scans differ.
    """
    if first.ids != second.ids:
        raise ValueError("expected two systems scored on the same scans, in one order")
    thresholds = {"": (PAPER_THRESHOLD, PAPER_THRESHOLD)}
    if operating is not None:
        thresholds["@operating"] = operating
    table, values = statistics(), {}
    for suffix, (a, b) in thresholds.items():
        for key in PAIRED_KEYS:
            if suffix and key not in OPERATING_KEYS:
                continue
            statistic = table[key]
            values[key + suffix] = interval(
                lambda x, y, s=statistic: s(x) - s(y),
                first.scores[a],
                second.scores[b],
                resamples=resamples,
            )
    return values


def share_entry(share: float, n: int) -> dict[str, float | int | None]:
    """Results entry of a share of n scans, with Wilson's 95 % interval.

    Args:
        share: k / n, in [0, 1]; NaN without scans.
        n: Number of scans.

    Returns:
        "value", "low", "high" and "n"; None where there is no scan.
    """
    if n == 0 or np.isnan(share):
        return {"value": None, "low": None, "high": None, "n": n}
    found = stats.binomtest(round(share * n), n).proportion_ci(method="wilson")
    low, high = found.low, found.high
    return {"value": _number(share), "low": _number(low), "high": _number(high), "n": n}


def _number(value: float) -> float | None:
    """Round to what a results file keeps; None for an undefined value."""
    return None if np.isnan(value) else round(float(value), 6)
