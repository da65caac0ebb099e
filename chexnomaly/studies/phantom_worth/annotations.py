"""Annotations of the phantom beside real ones: shares, sizes, places, readers.

Everything is counted on findings tables, so phantom and real data go through the same
lines. Tables without image sizes must be given a common frame first, see
`counts.common_frame`; statistics of sizes then rest on that assumption.
"""

import numpy as np
import pandas as pd
from scipy import ndimage, stats

from chexnomaly import metrics
from chexnomaly.evaluation.intervals import Entry, entry, mean_entry, share_entry
from chexnomaly.labels import NO_FINDING
from chexnomaly.studies.annotations import predictors
from chexnomaly.studies.annotations.rectangles import cover

GRID = 64
"""Side of the square on which boxes are compared, px."""

BLUR_PX = 2.0
"""Standard deviation of the blur that evens out maps of few boxes, px of the grid."""


def agreement(drawn: pd.DataFrame) -> np.ndarray:
    """One reader against the union of the others.

    Args:
        drawn: Rows with a box, of images with their size.

    Returns:
        Mean IoU over its readers for each image with at least two; shape (M,).
    """
    boxes = cover(drawn, GRID)
    readers = drawn.groupby("image_id").reader.nunique().to_numpy()
    if boxes.n_readers < 2:
        return np.empty(0)
    scores = metrics.iou_per_image(predictors.one_reader(boxes))
    there = np.arange(boxes.n_readers)[:, None] < readers
    return np.nanmean(np.where(there, scores, np.nan)[:, readers > 1], axis=0)


def audit_table(findings: pd.DataFrame) -> dict[str, Entry]:
    """Measure a findings table.

    Args:
        findings: Findings table with image sizes.

    Returns:
        Entries: "positive_share" of all images; per abnormal image
        "boxes_per_positive", "findings_per_positive", "foreground_share" (union of
        readers), "agreement_iou" and "prior_iou"; and per finding "share_" (of
        abnormal images), "readers_" (share of an image's readers who drew it) and
        "area_" (median box, share of the image) and "cover_" (union of its boxes,
        share of the image), with the finding's key behind.
    """
    drawn = findings[findings.finding != NO_FINDING]
    per_image = drawn.groupby("image_id")
    boxes = cover(drawn, GRID)
    n, prior = len(boxes.ids), metrics.iou_per_image(predictors.fixed_place(boxes))
    values = {
        "positive_share": share_entry(n, findings.image_id.nunique()),
        "boxes_per_positive": mean_entry(per_image.size().to_numpy()),
        "findings_per_positive": mean_entry(per_image.finding.nunique().to_numpy()),
        "foreground_share": mean_entry(predictors.covered_share(boxes)),
        "agreement_iou": mean_entry(agreement(drawn)),
        "prior_iou": mean_entry(prior),
    }
    readers = findings.groupby("image_id").reader.nunique()
    box_px = (drawn.x_max - drawn.x_min) * (drawn.y_max - drawn.y_min)
    film_px = drawn.width_px.astype("float64") * drawn.height_px.astype("float64")
    area = (box_px / film_px).groupby(drawn.finding)
    for finding, own in drawn.groupby("finding"):
        saw = own.groupby("image_id").reader.nunique()
        values[f"share_{finding}"] = share_entry(len(saw), n)
        values[f"readers_{finding}"] = mean_entry(saw / readers[saw.index])
        median = area.get_group(finding).median()
        values[f"area_{finding}"] = entry(median, None, None, len(own))
        shares = predictors.covered_share(cover(own, GRID))
        values[f"cover_{finding}"] = mean_entry(shares)
    return values


def same_place(first: pd.DataFrame, second: pd.DataFrame) -> dict[str, float]:
    """Correlate the location maps of each finding that both tables have.

    Args:
        first: Findings table with image sizes.
        second: Another one.

    Returns:
        Finding to Pearson's correlation.
    """
    # It comes with what draws it, which a machine that only trains may lack.
    from chexnomaly.figures.data import location_maps

    maps = [
        {k: ndimage.gaussian_filter(m, BLUR_PX).ravel() for k, m in one.items()}
        for one in (location_maps(first, GRID), location_maps(second, GRID))
    ]
    return {
        key: float(stats.pearsonr(grid, maps[1][key]).statistic)
        for key, grid in maps[0].items()
        if key in maps[1]
    }


def halves(findings: pd.DataFrame, n: int, seed: int) -> tuple[pd.DataFrame, ...]:
    """Draw two disjoint samples of abnormal images, as a ceiling for comparisons.

    Args:
        findings: Findings table.
        n: Images in each, or half of all where there are fewer.
        seed: Seed of the draw.

    Returns:
        Both samples' rows.
    """
    ids = np.sort(findings.image_id[findings.finding != NO_FINDING].unique())
    order = np.random.default_rng(seed).permutation(ids)
    n = min(n, len(order) // 2)
    return tuple(
        findings[findings.image_id.isin(set(part))]
        for part in (order[:n], order[n : 2 * n])
    )
