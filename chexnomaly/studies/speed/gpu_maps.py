"""A few small maps per bundle: films, readers' boxes, and what each system marks."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.evaluation.evaluator import Predictor

SHOWN, SHOWN_PX = 4, 96
"""Scans of each bundle whose maps are kept, and their side at most."""


def write_maps(
    path: Path, data: PreparedSet, predictors: Mapping[str, Predictor]
) -> None:
    """Keep what can be looked at later: the first abnormal test films, predicted.

    Args:
        path: NumPy archive to write: "film", "boxes" and each system's map by its key,
            (`SHOWN`, S, S) each, uint8, 255 being 1; S is at most `SHOWN_PX`.
        data: The films.
        predictors: System key to what predicts.
    """
    test = data.part("test")
    ill = [i for i, has in zip(test.ids, test.is_abnormal(), strict=True) if has]
    scans = SegmentationSet(data.store, data.findings, ill[:SHOWN])
    images, masks = (torch.stack(part) for part in zip(*scans, strict=True))
    maps = {name: torch.cat([*predict(scans)]) for name, predict in predictors.items()}
    small = {
        name: F.adaptive_avg_pool2d(column, min(SHOWN_PX, scans.size))
        for name, column in {"film": images, "boxes": masks, **maps}.items()
    }
    arrays = {k: (v[:, 0] * 255).round().byte().numpy() for k, v in small.items()}
    np.savez_compressed(path, **arrays)
