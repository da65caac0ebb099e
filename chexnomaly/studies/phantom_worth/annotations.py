"""Annotations of the phantom beside real ones: shares, sizes, places, readers.

Everything is counted on findings tables, so phantom and real data go through the same
lines. Tables without image sizes must be given a common frame first, see
`audit.common_frame`; statistics of sizes then rest on that assumption.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy import ndimage, stats

from chexnomaly.datasets.annotations.findings import scale_boxes
from chexnomaly.datasets.annotations.validation import BOX
from chexnomaly.evaluation.intervals import Entry, entry, mean_entry, share_entry
from chexnomaly.labels import NO_FINDING
from chexnomaly.studies.phantom_worth.rules import fit_prior, iou_per_image

GRID = 64
"""Side of the square on which boxes are compared, px."""

BLUR_PX = 2.0
"""Standard deviation of the blur that evens out maps of few boxes, px of the grid."""


def reader_masks(findings: pd.DataFrame, size: int = GRID) -> Iterator[np.ndarray]:
    """Fill each reader's boxes, one abnormal image at a time.

    Args:
        findings: Findings table with image sizes.
        size: Side of the common square, px.

    Yields:
        One mask per reader with a box, (R, S, S), bool; images in the order of ids.
    """
    drawn = findings[findings.finding != NO_FINDING].sort_values(["image_id", "reader"])
    corners = scale_boxes(drawn, size)[list(BOX)].to_numpy(np.float64)
    grid = np.ceil(corners - 0.5).astype(int)
    readers = drawn.reader.to_numpy()
    for rows in drawn.reset_index(drop=True).groupby("image_id").indices.values():
        names = {name: k for k, name in enumerate(dict.fromkeys(readers[rows]))}
        masks = np.zeros((len(names), size, size), dtype=bool)
        for row in rows:
            left, top, right, bottom = grid[row]
            masks[names[readers[row]], top:bottom, left:right] = True
        yield masks


def agreement(masks: list[np.ndarray]) -> np.ndarray:
    """One reader against the union of the others.

    Args:
        masks: Masks of the readers of each image, (R, S, S), bool.

    Returns:
        Mean IoU over its readers for each image with at least two; shape (M,).
    """
    scores = []
    for one in masks:
        if len(one) < 2:
            continue
        others = [np.delete(one, k, axis=0).any(axis=0) for k in range(len(one))]
        scores.append(np.nanmean(iou_per_image(one, np.array(others))))
    return np.array(scores)


def prior_scores(unions: np.ndarray) -> np.ndarray:
    """Fit a location prior on every second image, score it on the others.

    Args:
        unions: Masks of abnormal images, (N, S, S), bool.

    Returns:
        IoU of each image of the second half.
    """
    return iou_per_image(fit_prior(unions[::2]), unions[1::2])


def audit_table(findings: pd.DataFrame, size: int = GRID) -> dict[str, Entry]:
    """Measure a findings table.

    Args:
        findings: Findings table with image sizes.
        size: Side of the common square, px.

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
    masks = list(reader_masks(findings, size))
    unions = np.array([one.any(axis=0) for one in masks])
    values = {
        "positive_share": share_entry(len(masks), findings.image_id.nunique()),
        "boxes_per_positive": mean_entry(per_image.size().to_numpy()),
        "findings_per_positive": mean_entry(per_image.finding.nunique().to_numpy()),
        "foreground_share": mean_entry(unions.mean(axis=(1, 2))),
        "agreement_iou": mean_entry(agreement(masks)),
        "prior_iou": mean_entry(prior_scores(unions)),
    }
    readers = findings.groupby("image_id").reader.nunique()
    area = box_areas(drawn).groupby(drawn.finding)
    for finding, boxes in drawn.groupby("finding"):
        saw = boxes.groupby("image_id").reader.nunique()
        values[f"share_{finding}"] = share_entry(len(saw), len(masks))
        values[f"readers_{finding}"] = mean_entry(saw / readers[saw.index])
        median = area.get_group(finding).median()
        values[f"area_{finding}"] = entry(median, None, None, len(boxes))
        covered = [one.any(axis=0).mean() for one in reader_masks(boxes, size)]
        values[f"cover_{finding}"] = mean_entry(covered)
    return values


def box_areas(findings: pd.DataFrame) -> pd.Series:
    """Area of each box as a share of its image; NaN without a box."""
    area = (findings.x_max - findings.x_min) * (findings.y_max - findings.y_min)
    image = findings.width_px.astype("float64") * findings.height_px.astype("float64")
    return area / image


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
