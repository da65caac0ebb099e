"""Films judged as wholes: F1 score and recall by each rule, and a film's own score."""

import numpy as np
from scipy import stats
from torch import Tensor

from chexnomaly.metrics.categories import strict_categories
from chexnomaly.metrics.segmentation import Scores, divide, image_scores

TOP_SHARE = 0.05
"""Share of the pixels, the highest ones, whose mean is a film's score."""

F1_RULES = ("any_pixel", "healthy", "strict", "pooled", "mean_iou_0.3")


def f1_score(
    probs: Tensor, mask: Tensor, rule: str = "any_pixel", threshold: float = 0.5
) -> float:
    """F1 under one of five rules, since the paper names none.

    Args:
        probs: Probabilities in [0, 1]. Shape (B, 1, H, W).
        mask: Targets in {0, 1}, same shape.
        rule: "any_pixel" an image counts as abnormal when any pixel is predicted,
            abnormal is the positive class; "healthy" the same decision with healthy
            as the positive class; "strict" the categories of Fig. 15; "pooled" the
            Dice score of all pixels; "mean_iou_0.3" an abnormal image is found when
            the mean of its background and foreground IoU exceeds 0.3.
        threshold: A pixel is predicted when its probability is strictly above.

    Returns:
        A value in [0, 1]; NaN when there is neither a positive nor a predicted
        positive.

    Raises:
        ValueError: Shapes differ or the rule is unknown.
    """
    return float(f1_statistic(image_scores(probs, mask, threshold), rule))


def f1_statistic(scores: Scores, rule: str = "any_pixel", axis: int = -1) -> np.ndarray:
    """Reduce per-image counts to an F1 score; see `f1_score`."""
    if rule == "pooled":
        kinds = [scores[name] for name in ("tp", "fp", "fn")]
    elif rule == "strict":
        category = strict_categories(scores)
        kinds = [category == name for name in ("TP", "FP", "FN")]
    else:
        truth, predicted = _decisions(scores, rule)
        kinds = [truth & predicted, ~truth & predicted, truth & ~predicted]
    tp, fp, fn = (kind.sum(axis) for kind in kinds)
    return divide(2.0 * tp, 2 * tp + fp + fn, np.nan)


def _decisions(scores: Scores, rule: str) -> tuple[np.ndarray, np.ndarray]:
    """Image-level truth and prediction of the rule's positive class."""
    abnormal = scores["tp"] + scores["fn"] > 0
    flagged = scores["tp"] + scores["fp"] > 0
    if rule == "any_pixel":
        return abnormal, flagged
    if rule == "healthy":
        return ~abnormal, ~flagged
    if rule == "mean_iou_0.3":
        wrong = scores["fp"] + scores["fn"]
        foreground = divide(scores["tp"], scores["tp"] + wrong, 1.0)
        background = divide(scores["tn"], scores["tn"] + wrong, 1.0)
        found = (foreground + background) / 2 > 0.3
        return abnormal, np.where(abnormal, found, flagged)
    raise ValueError(f"rule {rule!r}; expected one of {F1_RULES}")


def flagged_statistic(
    scores: Scores, healthy: bool = False, axis: int = -1
) -> np.ndarray:
    """Share of abnormal, or healthy, images with any predicted pixel.

    Args:
        scores: From `image_scores`; arrays of any equal shape.
        healthy: Of healthy images, which gives the false alarms; else the recall.
        axis: The axis of the images.

    Returns:
        In [0, 1], with that axis removed; NaN without any such image.
    """
    abnormal, flagged = _decisions(scores, "any_pixel")
    asked = ~abnormal if healthy else abnormal
    return divide((asked & flagged).sum(axis), asked.sum(axis), np.nan)


def film_scores(probs: Tensor, mask: Tensor) -> Scores:
    """Score each film as a whole, without a threshold.

    Args:
        probs: Probabilities in [0, 1]. Shape (B, 1, H, W).
        mask: Targets in {0, 1}, same shape.

    Returns:
        Arrays of shape (B,), float64: "film_score", the mean of the highest
        `TOP_SHARE` of the pixels; "peak_inside", 1 where the highest pixel lies in the
        mask, and of several highest ones the share that does.
    """
    p, y = probs.flatten(1).double(), mask.flatten(1).double()  # (B, H * W)
    top = p.topk(max(1, round(TOP_SHARE * p.shape[1])), dim=1).values
    peak = (p == p.amax(1, keepdim=True)).double()
    inside = (peak * y).sum(1) / peak.sum(1)
    return {"film_score": top.mean(1).numpy(), "peak_inside": inside.numpy()}


def auc(values: np.ndarray, positive: np.ndarray, axis: int = -1) -> np.ndarray:
    """Chance that a positive item has a higher value than a negative one.

    Args:
        values: Any shape.
        positive: Which items are positive, bool, the same shape.
        axis: The axis of the items.

    Returns:
        In [0, 1], that axis removed; ties count half, NaN where a kind is missing.
    """
    ranks = stats.rankdata(values, axis=axis)
    positives = positive.sum(axis).astype(np.float64)
    negatives = positive.shape[axis] - positives
    wins = np.where(positive, ranks, 0).sum(axis) - positives * (positives + 1) / 2
    return divide(wins, positives * negatives, np.nan)


def auc_statistic(scores: Scores, axis: int = -1) -> np.ndarray:
    """Chance that an abnormal film outranks a healthy one by its score; see `auc`."""
    return auc(scores["film_score"], scores["tp"] + scores["fn"] > 0, axis)


def pointing_statistic(scores: Scores, axis: int = -1) -> np.ndarray:
    """Share of abnormal films whose highest pixel lies in the mask; NaN without any."""
    abnormal = scores["tp"] + scores["fn"] > 0
    hits = np.where(abnormal, scores["peak_inside"], 0).sum(axis)
    return divide(hits, abnormal.sum(axis), np.nan)
