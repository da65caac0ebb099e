"""Categories of Figures 12, 15 and 16: how a film's mask is judged as a whole.

The strict rule stands in Fig. 15's caption (`metrics.strict_categories`). The lenient
rule and the one for films of unseen disease are only hinted at; ours is stated here.
"""

import numpy as np
import torch
from torch import Tensor

from chexnomaly.metrics.segmentation import Scores, hard_error
from chexnomaly.ops.connected_components import find_components

STRICT_LIMIT = 100 / 512**2
"""A strict true positive differs in fewer pixels than this share (Fig. 15).

The paper's limits are of 512 px. Held against shares, a smaller mask is judged as if it
were scaled up to 512 px first, each pixel as often as it fits.
"""

OUTLIER_LIMIT = 0.04
"""Films with a larger share of wrong pixels "are considered outliers" (Fig. 13)."""


def box_scores(probs: Tensor, mask: Tensor, threshold: float) -> Scores:
    """Count, image by image, what the lenient rules need.

    Args:
        probs: Probabilities in [0, 1]. Shape (B, 1, H, W).
        mask: Targets in {0, 1}, same shape.
        threshold: A pixel is predicted when its probability is strictly above.

    Returns:
        Arrays of shape (B,), float64: "boxes", the true components; "touched", those
        that the prediction overlaps; "flagged", 1 where the prediction is not empty;
        "mark_px", pixels of predicted components, and "mark_box_px", those of the
        boxes around them. Predicted components smaller than 100 px at 512 px (the
        same share at other sizes) are dropped first.
    """
    n, area = len(probs), probs[0].numel()
    true = find_components(mask[:, 0] > 0.5)
    marks = find_components(probs[:, 0] > threshold).at_least(STRICT_LIMIT * area)
    kept = torch.zeros(n * area, dtype=torch.bool)
    kept[marks.runs.pixels()[0]] = True
    pixels, owner = true.runs.pixels()
    image, top, left, bottom, right = marks.boxes.T
    counts = {
        "boxes": true.boxes[:, 0].bincount(minlength=n),
        "touched": true.boxes[owner[kept[pixels]].unique(), 0].bincount(minlength=n),
        "flagged": image.bincount(minlength=n) > 0,
        "mark_px": image.bincount(marks.areas, n),
        "mark_box_px": image.bincount((bottom - top) * (right - left), n),
    }
    return {name: count.double().numpy() for name, count in counts.items()}


def rectangularity(scores: Scores) -> np.ndarray:
    """Share of the boxes around marks that the marks fill; reduces the last axis.

    Args:
        scores: With the keys of `box_scores`.

    Returns:
        In (0, 1], 1 where every mark is a rectangle; NaN where nothing is marked.
    """
    filled, boxed = scores["mark_px"].sum(-1), scores["mark_box_px"].sum(-1)
    return filled / np.where(boxed == 0, np.nan, boxed)


def lenient_categories(scores: Scores) -> np.ndarray:
    """Sort films by our lenient rule.

    A normal film is TN when nothing but specks is predicted, else FP. An abnormal one
    is TP when any true component is touched, else FN.

    Args:
        scores: With the keys of `box_scores`.

    Returns:
        "TN", "TP", "FN" or "FP" per film.
    """
    abnormal = scores["boxes"] > 0
    found = abnormal & (scores["touched"] > 0)
    clean = ~abnormal & (scores["flagged"] == 0)
    return np.select([clean, found, abnormal], ["TN", "TP", "FN"], default="FP")


def unseen_categories(scores: Scores) -> np.ndarray:
    """Sort films of unseen disease into the three groups of Fig. 16.

    Args:
        scores: With the keys of `box_scores`, abnormal films only.

    Returns:
        "TP" where every true component is touched, "FN" where none is, else "50/50".
    """
    every = scores["touched"] >= scores["boxes"]
    none = scores["touched"] == 0
    return np.select([none, every], ["FN", "TP"], default="50/50")


def strict_categories(scores: Scores) -> np.ndarray:
    """Sort images by the strict rule of Fig. 15, with our tie rules.

    TN: mask and prediction both empty. TP: abnormal, and fewer than 100 of 262,144
    pixels differ (the same share at other sizes). Any other normal image is FP. Any
    other abnormal image is FN when at least as many pixels are missed as are extra,
    else FP.

    Args:
        scores: From `image_scores`.

    Returns:
        "TN", "TP", "FN" or "FP" per image.
    """
    abnormal = scores["tp"] + scores["fn"] > 0
    empty = ~abnormal & (scores["fp"] == 0)
    close = abnormal & (hard_error(scores) < STRICT_LIMIT)
    missed = abnormal & ~close & (scores["fn"] >= scores["fp"])
    return np.select([empty, close, missed], ["TN", "TP", "FN"], default="FP")
