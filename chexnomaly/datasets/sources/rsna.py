"""RSNA Pneumonia Detection Challenge, stage 2: boxes of lung opacity.

`stage_2_train_labels.csv` has one row per box (x, y, width, height), or one with
Target 0 and no box. Target 0 only says "no pneumonia": some of those films are
abnormal otherwise. All images of the challenge are 1024 x 1024 px, one per patient.
"""

from collections.abc import Set
from functools import partial
from pathlib import Path

import pandas as pd

from chexnomaly.datasets.annotations import folders
from chexnomaly.datasets.annotations.findings import read_boxes
from chexnomaly.datasets.annotations.validation import SIDES
from chexnomaly.errors import Refusal
from chexnomaly.labels import FINDING_OF_NAME

BOX_TABLE = "stage_2_train_labels.csv"
IMAGE_FOLDER = "stage_2_train_images"

SIDE_PX = 1024
"""Width and height of every image of the challenge."""

CLASS_OF_NAME = {
    "Normal": "normal",
    "No Lung Opacity / Not Normal": "not_normal",
    "Lung Opacity": "lung_opacity",
}
"""Name in the detailed class file to class key."""

_COLUMNS = {
    "image_id": "patientId",
    "finding": "Target",
    **{"x_min": "x", "y_min": "y", "x_max": "width", "y_max": "height"},
}


def read_annotations(root: Path) -> tuple[pd.DataFrame, list[Refusal]]:
    """Read the boxes; a box is "pneumonia", Target 0 is "no_finding".

    Args:
        root: The challenge's folder.

    Returns:
        The findings table and the refused rows.

    Raises:
        AnnotationError: No table, or one without the needed columns.
    """
    path = folders.require_file(root, BOX_TABLE)
    return read_findings(path, folders.source_name(root, "rsna"))


def read_findings(
    path: Path, source: str = "rsna", only: Set[str] | None = None
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Read one table, plain or compressed, or its lines of some films."""
    sides = dict.fromkeys(SIDES, SIDE_PX) if source == "rsna" else {}
    fixed = {"source": source, "reader": "rsna", **sides}
    names = FINDING_OF_NAME["rsna"]
    return read_boxes(path, _COLUMNS, names, sides=True, only=only, **fixed)


scan_folder = partial(folders.scan_images, folder=IMAGE_FOLDER)
