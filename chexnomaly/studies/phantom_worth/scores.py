"""Maps of a network, and how well they mark what the boxes hold, film by film."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from chexnomaly import evaluation, metrics
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.labels import FINDINGS

FilmScores = dict[str, np.ndarray]
"""Scores by their key in a results file, film by film in the last axis; NaN on films
on which a score is undefined."""

IOU = "iou_c@operating"


def found_key(finding: str) -> str:
    """Name the marked share of a finding's boxes as results files do."""
    return f"found_{finding}@operating"


def predict_maps(
    model: nn.Module, scans: SegmentationSet, batch_size: int = 64
) -> np.ndarray:
    """Predict probability maps, (N, S, S), in the order of the scans."""
    maps = [*evaluation.predict(model, scans, batch_size)]
    return torch.cat(maps)[:, 0].numpy() if maps else np.zeros((0, 1, 1))


def masks_of(scans: SegmentationSet) -> np.ndarray:
    """Draw the masks, (N, S, S), bool, in the order of the scans."""
    masks = [scans.mask(i)[0].numpy() > 0 for i in scans.ids]
    return np.reshape(masks, (len(masks), scans.size, scans.size)).astype(bool)


def operating_threshold(maps: np.ndarray, data: PreparedSet) -> float:
    """Choose the threshold with the best IoU on the validation scans."""
    val = data.part("val")
    return evaluation.operating_threshold(_batches(maps), map(val.mask, val.ids))


def _batches(maps: np.ndarray) -> Sequence[torch.Tensor]:
    return torch.from_numpy(maps).unsqueeze(1).split(64)


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
    test = data.part("test")
    scored = evaluation.score_set(_batches(maps), test, [operating])
    scores = {IOU: metrics.iou_per_image(scored.scores[operating])}
    for finding in FINDINGS:
        masks = masks_of(data.part("test", findings_kept=[finding]))
        area = masks.sum(axis=(1, 2))
        marked = ((maps > operating) & masks).sum(axis=(1, 2))
        share = np.where(area > 0, marked / np.maximum(area, 1), np.nan)
        scores[found_key(finding)] = share
    return scores


def stack_seeds(many: Sequence[FilmScores]) -> FilmScores:
    """Put the scores of several seeds together; (seeds, films)."""
    return {key: np.array([one[key] for one in many]) for key in many[0]}
