"""Masks as CANDID-PTX writes them."""

import numpy as np

from chexnomaly.datasets.annotations.lesion_masks import NO_MASK


def mask_to_runs(mask: np.ndarray) -> str:
    """Encode a mask, (H, W), bool; undone by `runs_to_mask`."""
    flat = np.concatenate([[False], np.asarray(mask, dtype=bool).T.ravel(), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    if not edges.size:
        return NO_MASK
    starts, ends = edges[::2], edges[1::2]
    gaps = starts - np.concatenate([[0], ends[:-1]])
    pairs = np.stack([gaps, ends - starts], axis=1)
    return " ".join(map(str, pairs.ravel()))
