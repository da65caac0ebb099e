"""CANDID-PTX: outlines of pneumothoraces and acute rib fractures.

`Pneumothorax_reports.csv` lists every image (SOPInstanceUID, EncodedPixels), one row
per pneumothorax or "-1"; `acute_rib_fracture.csv` and `chest_tube.csv` (anon_SOPUID,
mask_rle) list the others. Images lie in `dataset/`, named by their UID, and have
1024 x 1024 px. Outlines become boxes, one per connected part. "No finding" here means
none of the three: the source says nothing about other findings. The free-text reports
are not kept.
"""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from chexnomaly import labels
from chexnomaly.datasets.annotations import folders
from chexnomaly.datasets.annotations.findings import BOX, clean_findings, join_findings
from chexnomaly.datasets.annotations.lesion_masks import (
    MIN_COMPONENT_PX,
    NO_MASK,
    component_boxes,
    runs_to_mask,
)
from chexnomaly.datasets.annotations.tables import read_table
from chexnomaly.datasets.annotations.validation import Origin
from chexnomaly.datasets.store.images import read_size
from chexnomaly.errors import AnnotationError, ImageError, Refusal

REPORT_TABLE = "Pneumothorax_reports.csv"
FRACTURE_TABLES = ("acute_rib_fracture.csv", "Rib_fracture_mask_rle.csv")
TUBE_TABLE = "chest_tube.csv"
IMAGE_FOLDER = "dataset"
ENDINGS = folders.IMAGE_SUFFIXES | {""}
READER = "candid"

SIDE_PX = 1024
"""Width and height of the images, used where an image is absent."""

_NO_BOX = (float("nan"),) * 4


class _Outlines(NamedTuple):
    """One table of outlines: its file, its columns, what it outlines."""

    path: Path
    id_column: str
    runs_column: str
    finding: str

    def read(self) -> tuple[pd.DataFrame, list[Refusal]]:
        """Return the columns image_id, runs and row, and the refused lines."""
        names = {self.id_column: "image_id", self.runs_column: "runs"}
        raw, refusals = read_table(self.path, tuple(names), multiline=True)
        return raw[[*names, "row"]].rename(columns=names), refusals


def read_annotations(root: Path) -> tuple[pd.DataFrame, list[Refusal]]:
    """Read pneumothoraces, rib fractures, and the images with nothing outlined.

    Args:
        root: The data set's folder.

    Returns:
        The findings table and the refused rows.

    Raises:
        AnnotationError: No table, or one without the needed columns.
    """
    reports, fractures, tubes = _find_tables(root)
    outlined = set()
    for other in (fractures, tubes):
        if other is not None:
            raw = other.read()[0]
            outlined |= set(raw.loc[raw["runs"].str.strip() != NO_MASK, "image_id"])
    images = locate_images(root)
    tables, refusals = [], []
    for outlines in (reports, fractures):
        if outlines is not None:
            table, bad = _read_outlines(outlines, images, outlined)
            table["source"] = folders.source_name(root, "candid")
            table, worse = clean_findings(
                table, Origin(outlines.path, {"image_id": outlines.id_column})
            )
            tables.append(table)
            refusals += bad + worse
    return join_findings(tables), refusals


def _find_tables(root: Path) -> tuple[_Outlines, _Outlines | None, _Outlines | None]:
    reports = folders.require_file(root, REPORT_TABLE)
    fractures = folders.find_file(root, FRACTURE_TABLES)
    tubes = folders.find_file(root, (TUBE_TABLE,))
    names = ("anon_SOPUID", "mask_rle")
    return (
        _Outlines(reports, "SOPInstanceUID", "EncodedPixels", "pneumothorax"),
        fractures and _Outlines(fractures, *names, "rib_fracture"),
        tubes and _Outlines(tubes, *names, "tube"),
    )


def _read_outlines(
    outlines: _Outlines, images: dict[str, Path], outlined: set[str]
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Turn each outline into boxes; "-1" is no finding where nothing else is there."""
    raw, refusals = outlines.read()
    rows = []
    for image_id, runs, line in raw.itertuples(index=False, name=None):
        finding, boxes = outlines.finding, [_NO_BOX]
        if runs.strip() == NO_MASK:
            if finding != "pneumothorax" or image_id in outlined:
                continue
            finding = labels.NO_FINDING
        else:
            try:
                boxes = _outline_boxes(runs, images.get(image_id))
            except (ValueError, ImageError) as error:
                refusals.append(_refusal(error, outlines, line))
                continue
        rows += [(image_id, READER, finding, *box, line) for box in boxes]
    columns = ["image_id", "reader", "finding", *BOX, "row"]
    return pd.DataFrame(rows, columns=columns), refusals


def _outline_boxes(runs: str, path: Path | None) -> list[tuple]:
    size = (SIDE_PX, SIDE_PX) if path is None else read_size(path)
    least = MIN_COMPONENT_PX * size[0] * size[1] // SIDE_PX**2
    boxes = component_boxes(runs_to_mask(runs, *size), max(1, least))
    if not boxes:
        raise ValueError("an empty outline")
    return boxes


def _refusal(error: Exception, outlines: _Outlines, line: int) -> Refusal:
    """Report the row; a broken image is reported as such, once per row."""
    if isinstance(error, ImageError):
        return Refusal.from_error(error)
    return Refusal.from_error(
        AnnotationError(
            str(error),
            file=outlines.path,
            row=int(line),
            column=outlines.runs_column,
            expected='"-1", or pairs "gap length" that stay inside the image',
        )
    )


scan_folder = partial(folders.scan_images, folder=IMAGE_FOLDER, suffixes=ENDINGS)
locate_images = partial(folders.list_images, folder=IMAGE_FOLDER, suffixes=ENDINGS)
