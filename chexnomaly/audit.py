"""What annotation tables alone say: counts that need no pixel (Section III)."""

import numpy as np
import pandas as pd

from chexnomaly.datasets.findings import scale_boxes
from chexnomaly.datasets.validation import BOX
from chexnomaly.labels import NO_FINDING

Entry = dict[str, float | int | None]


def count_annotations(findings: pd.DataFrame) -> dict[str, Entry]:
    """Count what the paper prints about its data, and what its claims compare.

    Args:
        findings: Findings table.

    Returns:
        Results entries without interval: "n_images", "n_rows", "n_boxes",
        "n_positive", "n_negative", "positive_to_negative", "n_findings",
        "n_readers", "min_readers_per_image", "max_boxes_per_image",
        "max_findings_per_image", "median_boxes_per_finding",
        "median_box_area_px", and per finding "n_boxes_", "n_images_" and
        "median_box_area_px_" with the finding's key behind.
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
        "median_box_area_px": area.median(),
    }
    for finding, boxes in per_finding:
        values[f"n_boxes_{finding}"] = len(boxes)
        values[f"n_images_{finding}"] = boxes.image_id.nunique()
        values[f"median_box_area_px_{finding}"] = area[boxes.index].median()
    return {key: _entry(value, total) for key, value in values.items()}


def _entry(value: float, n: int) -> Entry:
    number = round(float(value), 6)
    whole = int(number) if number.is_integer() else number
    return {"value": whole, "low": None, "high": None, "n": n}


def foreground_shares(findings: pd.DataFrame, size: int = 256) -> dict[str, float]:
    """Mean share of the image that the union of all readers' boxes covers.

    Args:
        findings: Findings table with image sizes.
        size: Side of the square on which boxes are drawn, px.

    Returns:
        Finding to the mean over the images that have it, in [0, 1]; "any" over all
        abnormal images.
    """
    drawn = findings[findings.finding != NO_FINDING]
    corners = scale_boxes(drawn, size)[list(BOX)].to_numpy(np.float64)
    grid = np.ceil(corners - 0.5).astype(int)
    shares = {"any": _mean_cover(drawn.image_id.to_numpy(), grid, size)}
    for finding in drawn.finding.unique():
        rows = (drawn.finding == finding).to_numpy()
        ids = drawn.image_id.to_numpy()[rows]
        shares[finding] = _mean_cover(ids, grid[rows], size)
    return shares


def _mean_cover(ids: np.ndarray, grid: np.ndarray, size: int) -> float:
    order = np.argsort(ids, kind="stable")
    ids, grid = ids[order], grid[order]
    starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
    covered = 0.0
    for start, stop in zip(starts, [*starts[1:], len(ids)], strict=True):
        mask = np.zeros((size, size), dtype=bool)
        for left, top, right, bottom in grid[start:stop]:
            mask[top:bottom, left:right] = True
        covered += mask.mean()
    return covered / len(starts)


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
    for low, high, side in (
        ("x_min", "x_max", "width_px"),
        ("y_min", "y_max", "height_px"),
    ):
        farthest = table.groupby("image_id")[high].max().quantile(quantile)
        table[side] = pd.array([round(farthest)] * len(table), dtype="Int64")
        table[[low, high]] = table[[low, high]].clip(upper=float(round(farthest)))
    return table
