"""RSNA Pneumonia Detection Challenge, stage 2: boxes of lung opacity.

`stage_2_train_labels.csv` has one row per box (x, y, width, height), or one with
Target 0 and no box. Target 0 only says "no pneumonia": `read_classes` tells the
normal films from the abnormal ones without opacity where the detailed class file
is there. All images of the challenge are 1024 x 1024 px, one per patient.
"""

from collections.abc import Set
from functools import partial
from pathlib import Path

import pandas as pd

from chexnomaly.datasets.annotations import folders
from chexnomaly.datasets.annotations.findings import read_boxes
from chexnomaly.datasets.annotations.validation import SIDES, is_one_of, read_rows
from chexnomaly.errors import Refusal
from chexnomaly.labels import FINDING_OF_NAME

BOX_TABLE = "stage_2_train_labels.csv"
CLASS_TABLE = "stage_2_detailed_class_info.csv"
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


def _has_one_class(table: pd.DataFrame) -> pd.Series:
    return table.groupby("image_id")["key"].transform("nunique") <= 1


_CLASS_RULES = (
    is_one_of("key", CLASS_OF_NAME.values(), "one of " + ", ".join(CLASS_OF_NAME)),
    ("key", "one class per image", _has_one_class),
)


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


def read_classes(root: Path) -> tuple[pd.Series, list[Refusal]]:
    """Read which films are normal, from the detailed class file.

    Returns:
        Image id to "normal", "not_normal" or "lung_opacity" (empty where the file
        is absent), and the refused rows: unknown classes, and images with two.
    """
    path = folders.find_file(root, (CLASS_TABLE,))
    if path is None:
        return pd.Series(dtype="str", name="class"), []
    columns = {"image_id": "patientId", "key": "class"}
    keys = {"key": lambda table: table["key"].map(CLASS_OF_NAME)}
    table, refused = read_rows(path, columns, _CLASS_RULES, keys)
    table = table.drop_duplicates("image_id")
    return table.set_index("image_id")["key"].rename("class"), refused


scan_folder = partial(folders.scan_images, folder=IMAGE_FOLDER)
