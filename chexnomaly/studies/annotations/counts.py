"""What annotation tables alone say: counts that need no pixel (Section III)."""

import numpy as np
import pandas as pd

from chexnomaly.evaluation.intervals import Entry, entry
from chexnomaly.labels import NO_FINDING
from chexnomaly.studies.annotations.rectangles import cover, sum_of_rectangles


def count_annotations(findings: pd.DataFrame) -> dict[str, Entry]:
    """Count what the paper prints about its data, and what its claims compare.

    Args:
        findings: Findings table.

    Returns:
        Results entries without interval: "n_images", "n_rows", "n_boxes",
        "n_positive", "n_negative", "positive_to_negative", "n_findings",
        "n_readers", "min_readers_per_image", "max_boxes_per_image",
        "max_findings_per_image", "median_boxes_per_finding",
        "median_images_per_finding", "median_box_area_px", and per finding "n_boxes_",
        "n_images_" and "median_box_area_px_" with the finding's key behind.
    """
    drawn = findings[findings.finding != NO_FINDING]
    per_image = drawn.groupby("image_id")
    readers = findings.groupby("image_id").reader.nunique()
    total, positive = len(readers), per_image.ngroups
    per_finding = drawn.groupby("finding")
    area = (drawn.x_max - drawn.x_min) * (drawn.y_max - drawn.y_min)
    values: dict[str, float] = {
        "n_images": total,
        "n_rows": len(findings),
        "n_boxes": len(drawn),
        "n_positive": positive,
        "n_negative": total - positive,
        "positive_to_negative": positive / max(1, total - positive),
        "n_findings": per_finding.ngroups,
        "n_readers": findings.reader.nunique(),
        "min_readers_per_image": readers.min(),
        "max_boxes_per_image": per_image.size().max(),
        "max_findings_per_image": per_image.finding.nunique().max(),
        "median_boxes_per_finding": per_finding.size().median(),
        "median_images_per_finding": per_finding.image_id.nunique().median(),
        "median_box_area_px": area.median(),
    }
    for finding, boxes in per_finding:
        values[f"n_boxes_{finding}"] = len(boxes)
        values[f"n_images_{finding}"] = boxes.image_id.nunique()
        values[f"median_box_area_px_{finding}"] = area[boxes.index].median()
    return {key: _count(value, total) for key, value in values.items()}


def _count(value: float, n: int) -> Entry:
    """Make an entry without interval; a whole number stays one."""
    one = entry(value, None, None, n)
    whole = one["value"] is not None and one["value"].is_integer()
    return one | {"value": int(one["value"])} if whole else one


def disagreement_map(findings: pd.DataFrame, size: int = 128) -> np.ndarray:
    """Map where a single reader of several drew a box.

    Args:
        findings: Findings table with image sizes and several readers per image.
        size: Side of the common square, px.

    Returns:
        Share of abnormal images in which exactly one reader marked the pixel, in
        [0, 1], (size, size). Images of unknown size are left out.
    """
    drawn = findings[(findings.finding != NO_FINDING) & findings.width_px.notna()]
    boxes = cover(drawn, size)
    alone = np.bitwise_count(boxes.drawn_by) == 1
    return sum_of_rectangles(boxes, alone) / max(1, len(boxes.ids))


def smallest_frames(findings: pd.DataFrame) -> pd.DataFrame:
    """Give each image of unknown size the smallest one that holds its boxes.

    No image can be smaller, so that shares of the image come out at their greatest.

    Args:
        findings: Findings table.

    Returns:
        A copy with width_px and height_px filled in where an image has a box.
    """
    table = findings.copy()
    for high, side in (("x_max", "width_px"), ("y_max", "height_px")):
        farthest = np.ceil(table.groupby("image_id")[high].transform("max"))
        table[side] = farthest.astype("Int64")
    return table


def common_frame(findings: pd.DataFrame, quantile: float = 0.99) -> pd.DataFrame:
    """Give images of unknown size one common size, so that they can be mapped.

    VinDr-CXR's table has no image sizes; its DICOM headers do. Without the headers,
    the farthest corners of the boxes tell how large the images must at least be.

    Args:
        findings: Findings table.
        quantile: Share of abnormal images whose boxes must lie inside.

    Returns:
        A copy with width_px and height_px set to that quantile of the images'
        farthest corners; boxes beyond it are cut at the border.
    """
    table = findings.copy()
    for axis, side in (("x", "width_px"), ("y", "height_px")):
        low, high = f"{axis}_min", f"{axis}_max"
        farthest = table.groupby("image_id")[high].max().quantile(quantile)
        table[side] = pd.array([round(farthest)] * len(table), dtype="Int64")
        table[[low, high]] = table[[low, high]].clip(upper=float(round(farthest)))
    return table
