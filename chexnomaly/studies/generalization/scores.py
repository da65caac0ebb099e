"""Scores on the boxes of one finding alone.

Pixels inside other findings' boxes are not scored: marking them is right for another
reason, and leaving them unmarked says nothing about this finding.
"""

from dataclasses import dataclass

import numpy as np

from chexnomaly import metrics
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.labels import FINDINGS
from chexnomaly.studies.maps import FilmScores, iou_per_image, masks_of

MEASURES = ("iou@operating", "found@operating", "auc")
"""IoU and marked share of the finding's boxes at the operating threshold; and, without
a threshold, how often a pixel inside outranks one outside every box."""

MOST_COVERED = 0.5
"""A film counts where other findings' boxes cover at most this share of the mask."""


@dataclass(frozen=True)
class Target:
    """What is to be found of one finding.

    Attributes:
        scans: The films that show it.
        mask: Its boxes outside all others', (N, S, S), bool.
        scored: Pixels outside all others' boxes, (N, S, S), bool.
    """

    scans: SegmentationSet
    mask: np.ndarray
    scored: np.ndarray


def target_of(data: PreparedSet, finding: str, part: str = "test") -> Target:
    """Find the films and pixels on which one finding can be scored.

    Args:
        data: A prepared set.
        finding: Key of the finding.
        part: Where.

    Returns:
        The target, ordered by image id.
    """
    own = data.part(part, findings_kept=[finding])
    rest = data.part(part, findings_kept=[f for f in FINDINGS if f != finding])
    whole, free = masks_of(own), ~masks_of(rest)
    area, left = (mask.sum(axis=(1, 2)) for mask in (whole, whole & free))
    counts = (area > 0) & (left >= (1 - MOST_COVERED) * area)
    ids = [own.ids[row] for row in np.flatnonzero(counts)]
    scans = SegmentationSet(data.store, data.findings, ids)
    return Target(scans, (whole & free)[counts], free[counts])


def score_target(maps: np.ndarray, target: Target, threshold: float) -> FilmScores:
    """Score maps on one finding.

    Args:
        maps: (N, S, S), in the order of the target's films.
        target: From `target_of`.
        threshold: Where to binarize.

    Returns:
        `MEASURES`, (N,) each; "auc" is NaN where no pixel lies outside.
    """
    marked = (maps > threshold) & target.scored
    hit = (marked & target.mask).sum(axis=(1, 2))
    pixels = zip(maps, target.mask, target.mask | target.scored, strict=True)
    return {
        "iou@operating": iou_per_image(marked, target.mask),
        "found@operating": hit / np.maximum(target.mask.sum(axis=(1, 2)), 1),
        "auc": np.array([metrics.auc(one[here], m[here]) for one, m, here in pixels]),
    }
