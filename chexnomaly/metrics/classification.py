"""F1 score and recall of films, under each rule that decides what counts as found."""

import numpy as np
from torch import Tensor

from chexnomaly.metrics.categories import strict_categories
from chexnomaly.metrics.segmentation import Scores, divide, image_scores

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
        tp, fp, fn = (scores[name].sum(axis) for name in ("tp", "fp", "fn"))
    elif rule == "strict":
        category = strict_categories(scores)
        tp, fp, fn = ((category == name).sum(axis) for name in ("TP", "FP", "FN"))
    else:
        truth, predicted = _decisions(scores, rule)
        tp = (truth & predicted).sum(axis)
        fp = (~truth & predicted).sum(axis)
        fn = (truth & ~predicted).sum(axis)
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


def recall_statistic(scores: Scores, axis: int = -1) -> np.ndarray:
    """Share of abnormal images with any predicted pixel; NaN without any."""
    abnormal, flagged = _decisions(scores, "any_pixel")
    return divide((abnormal & flagged).sum(axis), abnormal.sum(axis), np.nan)
