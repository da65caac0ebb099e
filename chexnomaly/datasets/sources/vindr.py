"""VinDr-CXR: three readers per film, boxes of fourteen findings.

Two public layouts are read: Kaggle's (`train.csv`, class names of the fourteen)
and PhysioNet's (`annotations/annotations_train.csv`, twenty-two local labels). Both
keep the images as `train/<image_id>.dicom`. The paper uses Kaggle's fourteen, so
the nine local labels that Kaggle merged become "Other lesion" again.
"""

from functools import partial
from pathlib import Path

import pandas as pd

from chexnomaly.datasets.annotations import folders
from chexnomaly.datasets.annotations.findings import BOX, read_boxes
from chexnomaly.errors import Refusal
from chexnomaly.labels import FINDING_OF_NAME

IMAGE_FOLDER = "train"
KAGGLE_TABLE = "train.csv"
PHYSIONET_TABLE = "annotations/annotations_train.csv"

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
        The findings table and the refused rows. Image sizes are known where the table
        has the columns width and height, as resized copies of the data set do.

    Raises:
        AnnotationError: No table, or one without the needed columns.
    """
    expected = f"{KAGGLE_TABLE} (Kaggle) or {PHYSIONET_TABLE} (PhysioNet)"
    path = folders.require_file(root, KAGGLE_TABLE, PHYSIONET_TABLE, expected=expected)
    return read_findings(path, folders.source_name(root, "vindr"))


def read_findings(
    path: Path, source: str = "vindr"
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Read one table, plain or compressed; see `read_annotations`."""
    frame = ("width", "height")
    return read_boxes(
        path, _COLUMNS, FINDING_OF_NAME["vindr"], frame=frame, source=source
    )


scan_folder = partial(folders.scan_images, folder=IMAGE_FOLDER)
