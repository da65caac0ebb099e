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

import pandas as pd

from chexnomaly import labels
from chexnomaly.datasets.annotations import folders, lesion_masks
from chexnomaly.datasets.annotations.findings import BOX, join_findings
from chexnomaly.datasets.annotations.lesion_masks import NO_MASK
from chexnomaly.datasets.annotations.tables import read_table
from chexnomaly.datasets.annotations.validation import Origin
from chexnomaly.datasets.store.images import read_size
from chexnomaly.errors import ImageError, Refusal

REPORT_TABLE = "Pneumothorax_reports.csv"
FRACTURE_TABLES = ("acute_rib_fracture.csv", "Rib_fracture_mask_rle.csv")
TUBE_TABLE = "chest_tube.csv"
IMAGE_FOLDER = "dataset"
READER = "candid"

SIDE_PX = 1024
"""Width and height of the frame that outlines are written in, but for phantoms."""

_TABLES = {
    "pneumothorax": ("SOPInstanceUID", "EncodedPixels", REPORT_TABLE),
    "rib_fracture": ("anon_SOPUID", "mask_rle", *FRACTURE_TABLES),
    "tube": ("anon_SOPUID", "mask_rle", TUBE_TABLE),
}
"""What is outlined to the columns of image and outline, and the table's names."""


def read_annotations(root: Path) -> tuple[pd.DataFrame, list[Refusal]]:
    """Read pneumothoraces, rib fractures, and the images with nothing outlined.

    Args:
        root: The data set's folder.

    Returns:
        The findings table and the refused rows.

    Raises:
        AnnotationError: No table, or one without the needed columns.
    """
    folders.require_file(root, REPORT_TABLE)
    raws, outlined = {}, set()
    for kind, (image, runs, *names) in _TABLES.items():
        if (path := folders.find_file(root, names)) is not None:
            raw, bad = read_table(path, (image, runs), multiline=True)
            raws[kind] = path, raw[[image, runs, "row"]], bad
            if kind != "pneumothorax":
                outlined |= set(raw.loc[raw[runs].str.strip() != NO_MASK, image])
    raws.pop("tube", None)  # a device is no finding
    source = folders.source_name(root, "candid")
    images = scan_folder(root)[0] if source == "phantom" else {}
    parts, refusals = [], []
    for kind, (path, raw, bad) in raws.items():
        table, refused = _read_outlines(kind, path, raw, images, outlined)
        table["source"] = source
        if source == "candid":
            table = table.assign(width_px=SIDE_PX, height_px=SIDE_PX)
        parts.append((table, Origin(path, {"image_id": _TABLES[kind][0]})))
        refusals += bad + refused
    table, worse = join_findings(parts)
    return table, refusals + worse


def _read_outlines(
    kind: str,
    path: Path,
    raw: pd.DataFrame,
    images: dict[str, Path],
    outlined: set[str],
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Turn each outline into boxes; "-1" is no finding where nothing else is there."""
    rows, refusals, lost = [], [], set(raw.attrs["refused_ids"])
    for image_id, runs, line in raw.itertuples(index=False, name=None):
        try:
            if runs.strip() != NO_MASK:
                boxes = _outline_boxes(runs, images.get(image_id))
                rows += [(image_id, READER, kind, *box, line) for box in boxes]
            elif kind == "pneumothorax" and image_id not in outlined:
                corners = [float("nan")] * 4
                rows.append((image_id, READER, labels.NO_FINDING, *corners, line))
        except ImageError as error:
            lost.add(image_id)
            refusals.append(Refusal.from_error(error))
        except ValueError as error:
            lost.add(image_id)
            expected = '"-1", or pairs "gap length" that stay inside the image'
            where = (str(path), int(line), _TABLES[kind][1])
            refusals.append(Refusal("AnnotationError", *where, str(error), expected))
    columns = ["image_id", "reader", "finding", *BOX, "row"]
    table = pd.DataFrame(rows, columns=columns)
    table.attrs["refused_ids"] = frozenset(lost)
    return table, refusals


def _outline_boxes(runs: str, path: Path | None) -> list[tuple]:
    size = (SIDE_PX, SIDE_PX) if path is None else read_size(path)
    least = lesion_masks.MIN_COMPONENT_PX * size[0] * size[1] // SIDE_PX**2
    mask = lesion_masks.runs_to_mask(runs, *size)
    boxes = lesion_masks.component_boxes(mask, max(1, least))
    if not boxes:
        raise ValueError("an empty outline")
    return boxes


scan_folder = partial(
    folders.scan_images, folder=IMAGE_FOLDER, suffixes=folders.IMAGE_SUFFIXES | {""}
)
