"""How well maps mark what the boxes hold, film by film."""

from collections.abc import Sequence

import numpy as np

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.labels import FINDINGS
from chexnomaly.studies.maps import FilmScores, iou_per_image, masks_of

IOU = "iou_c@operating"


def found_key(finding: str) -> str:
    """Name the marked share of a finding's boxes as results files do."""
    return f"found_{finding}@operating"


def score_maps(maps: np.ndarray, data: PreparedSet, operating: float) -> FilmScores:
    """Score one network's maps of the test scans.

    Args:
        maps: (N, S, S).
        data: The set they are scored on.
        operating: Where to binarize.

    Returns:
        `IOU` and, for each finding, the share of its boxes' area that is marked; (N,)
        each.
    """
    marked = maps > operating
    scores = {IOU: iou_per_image(marked, masks_of(data.part("test")))}
    for finding in FINDINGS:
        masks = masks_of(data.part("test", findings_kept=[finding]))
        area, hit = (one.sum(axis=(1, 2)) for one in (masks, marked & masks))
        share = np.where(area > 0, hit / np.maximum(area, 1), np.nan)
        scores[found_key(finding)] = share
    return scores


def stack_seeds(many: Sequence[FilmScores]) -> FilmScores:
    """Put the scores of several seeds together; (seeds, films)."""
    return {key: np.array([one[key] for one in many]) for key in many[0]}
