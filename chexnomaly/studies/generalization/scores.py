"""Scores on the boxes of one finding alone.

Pixels inside other findings' boxes are not scored: marking them is right for another
reason, and leaving them unmarked says nothing about this finding.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats
from torch import nn

from chexnomaly import evaluation
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.labels import FINDINGS
from chexnomaly.studies.phantom_worth.rules import iou_per_image

METRICS = ("iou", "found", "auc")
"""IoU and marked share of the finding's boxes at the operating threshold; and, without
a threshold, how often a pixel inside outranks one outside every box."""

MOST_COVERED = 0.5
"""A scan counts where other findings' boxes cover at most this share of the mask."""

Scores = dict[str, np.ndarray]


@dataclass(frozen=True)
class Target:
    """What there is to find of one finding.

    Attributes:
        scans: The scans that show it.
        mask: Its boxes outside all others', (N, S, S), bool.
        scored: Pixels outside all others' boxes, (N, S, S), bool.
    """

    scans: SegmentationSet
    mask: np.ndarray
    scored: np.ndarray


def target_of(data: PreparedSet, finding: str, part: str = "test") -> Target:
    """Find the scans and pixels on which one finding can be scored.

    Args:
        data: A prepared set.
        finding: Key of the finding.
        part: Where.

    Returns:
        The target, ordered by image id.
    """
    own = data.part(part, findings_kept=[finding])
    rest = data.part(part, findings_kept=[f for f in FINDINGS if f != finding])
    ids, masks, scored = [], [], []
    for image_id in own.ids:
        whole = own.mask(image_id)[0].numpy() > 0
        free = rest.mask(image_id)[0].numpy() == 0
        left = whole & free
        if whole.any() and left.sum() >= (1 - MOST_COVERED) * whole.sum():
            ids.append(image_id)
            masks.append(left)
            scored.append(free)
    scans = SegmentationSet(data.store, data.findings, ids)
    shape = (len(ids), scans.size, scans.size)
    return Target(
        scans,
        np.reshape(masks, shape).astype(bool),
        np.reshape(scored, shape).astype(bool),
    )


def predict_maps(model: nn.Module, scans: SegmentationSet) -> np.ndarray:
    """Predict probability maps, (N, S, S), in the order of the scans."""
    maps = [*evaluation.predict(model, scans, batch_size=64)]
    return torch.cat(maps)[:, 0].numpy() if maps else np.zeros((0, 1, 1))


def best_threshold(maps: np.ndarray, masks: np.ndarray, counted: np.ndarray) -> float:
    """Choose the threshold with the best IoU on validation scans.

    Args:
        maps: Probabilities, (N, S, S).
        masks: What is to be found, (N, S, S), bool.
        counted: Where it counts, (N, S, S), bool.

    Returns:
        One of `evaluation.THRESHOLDS`; the one nearest to 0.5 where several are
        equally good, and 0.5 where nothing is to be found.
    """
    masks = masks & counted
    there = masks.any(axis=(1, 2))
    if not there.any():
        return evaluation.PAPER_THRESHOLD
    maps, masks = (
        torch.from_numpy(pixels[there]).unsqueeze(1)
        for pixels in (np.where(counted, maps, 0), masks)
    )
    return evaluation.operating_threshold(maps.split(64), masks)


def score_target(maps: np.ndarray, target: Target, threshold: float) -> Scores:
    """Score maps on one finding.

    Args:
        maps: (N, S, S), in the order of the target's scans.
        target: From `target_of`.
        threshold: Where to binarize.

    Returns:
        `METRICS`, (N,) each; "auc" is NaN where no pixel lies outside.
    """
    marked = (maps > threshold) & target.scored
    hit = (marked & target.mask).sum(axis=(1, 2))
    return {
        "iou": iou_per_image(marked, target.mask),
        "found": hit / np.maximum(target.mask.sum(axis=(1, 2)), 1),
        "auc": np.array(
            [
                _auc(one[mask], one[scored & ~mask])
                for one, mask, scored in zip(
                    maps, target.mask, target.scored, strict=True
                )
            ]
        ),
    }


def _auc(inside: np.ndarray, outside: np.ndarray) -> float:
    """Chance that a pixel inside outranks one outside; ties count half."""
    if not len(inside) or not len(outside):
        return np.nan
    ranks = stats.rankdata(np.concatenate([inside, outside]))
    above = ranks[: len(inside)].sum() - len(inside) * (len(inside) + 1) / 2
    return float(above / (len(inside) * len(outside)))


def mean_over_seeds(scored: Sequence[Mapping[str, np.ndarray]]) -> Scores:
    """Average the scores of several seeds, scan by scan."""
    return {m: np.mean([one[m] for one in scored], axis=0) for m in scored[0]}
