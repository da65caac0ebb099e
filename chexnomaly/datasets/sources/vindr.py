"""VinDr-CXR: three readers per scan, boxes of fourteen findings.

Two public layouts are read: Kaggle's (`train.csv`, class names of the fourteen)
and PhysioNet's (`annotations/annotations_train.csv`, twenty-two local labels). Both
keep the images as `train/<image_id>.dicom`. The paper uses Kaggle's fourteen, so
the nine local labels that Kaggle merged become "Other lesion" again.
"""

from pathlib import Path

import pandas as pd

from chexnomaly import labels
from chexnomaly.datasets.annotations.findings import BOX, clean_findings
from chexnomaly.datasets.annotations.folders import find_file, scan_images, source_name
from chexnomaly.datasets.annotations.tables import read_table
from chexnomaly.datasets.annotations.validation import Origin
from chexnomaly.errors import AnnotationError, Refusal

KAGGLE_TABLE = "train.csv"
PHYSIONET_TABLE = "annotations/annotations_train.csv"

MERGED_LABELS = (
    "Clavicle fracture",
    "Edema",
    "Emphysema",
    "Enlarged PA",
    "Lung cavity",
    "Lung cyst",
    "Mediastinal shift",
    "Rib fracture",
)
"""PhysioNet's local labels that Kaggle's table calls "Other lesion"."""

FINDING_OF_NAME = (
    {name: key for key, name in labels.VINDR_NAMES.items()}
    | dict.fromkeys(MERGED_LABELS, "other_lesion")
    | {"No finding": labels.NO_FINDING}
)
"""Class name in a table to finding key."""

_COLUMNS = {
    "image_id": "image_id",
    "reader": "rad_id",
    "finding": "class_name",
    **{name: name for name in BOX},
}


def read_annotations(root: Path) -> tuple[pd.DataFrame, list[Refusal]]:
    """Read every reader's boxes.

    Args:
        root: Folder in Kaggle's or PhysioNet's layout.

    Returns:
        The findings table (image sizes unknown) and the refused rows.

    Raises:
        AnnotationError: No table, or one without the needed columns.
    """
    path = find_file(root, (KAGGLE_TABLE, PHYSIONET_TABLE))
    if path is None:
        expected = f"{KAGGLE_TABLE} (Kaggle) or {PHYSIONET_TABLE} (PhysioNet)"
        raise AnnotationError("no annotation table", file=root, expected=expected)
    return read_findings(path, source_name(root, "vindr"))


def read_findings(
    path: Path, source: str = "vindr"
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Read one table, plain or compressed; see `read_annotations`."""
    raw, refusals = read_table(path, tuple(_COLUMNS.values()))
    table = pd.DataFrame(
        {
            "image_id": raw["image_id"],
            "reader": raw["rad_id"],
            "finding": raw["class_name"].str.strip().map(FINDING_OF_NAME),
            **{name: pd.to_numeric(raw[name], errors="coerce") for name in BOX},
            "source": source,
            "row": raw["row"],
        }
    )
    table, bad = clean_findings(table, Origin(path, _COLUMNS, raw))
    return table, refusals + bad


def locate_images(root: Path) -> dict[str, Path]:
    """Return the image files by id; see `scan_images` for what is left out."""
    return scan_folder(root)[0]


def scan_folder(root: Path) -> tuple[dict[str, Path], list[Refusal]]:
    """List the images and what was refused among them."""
    return scan_images(root, "train")
