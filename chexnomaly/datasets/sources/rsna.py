"""RSNA Pneumonia Detection Challenge, stage 2: boxes of lung opacity.

`stage_2_train_labels.csv` has one row per box (x, y, width, height), or one with
Target 0 and no box. Target 0 only says "no pneumonia": `read_classes` tells the
normal scans from the abnormal ones without opacity where the detailed class file
is there. All images of the challenge are 1024 x 1024 px, one per patient.
"""

from pathlib import Path

import pandas as pd

from chexnomaly import labels
from chexnomaly.datasets.annotations.findings import clean_findings
from chexnomaly.datasets.annotations.folders import find_file, scan_images, source_name
from chexnomaly.datasets.annotations.tables import read_table
from chexnomaly.datasets.annotations.validation import Origin
from chexnomaly.errors import AnnotationError, Refusal

TABLE = "stage_2_train_labels.csv"
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


def read_annotations(root: Path) -> tuple[pd.DataFrame, list[Refusal]]:
    """Read the boxes; a box is "pneumonia", Target 0 is "no_finding".

    Args:
        root: The challenge's folder.

    Returns:
        The findings table and the refused rows.

    Raises:
        AnnotationError: No table, or one without the needed columns.
    """
    path = find_file(root, (TABLE,))
    if path is None:
        raise AnnotationError("no annotation table", file=root, expected=TABLE)
    return read_findings(path, source_name(root, "rsna"))


def read_findings(
    path: Path, source: str = "rsna"
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Read one table, plain or compressed; see `read_annotations`."""
    raw, refusals = read_table(path, tuple(_COLUMNS.values()))
    numbers = {
        name: pd.to_numeric(raw[name], errors="coerce")
        for name in ("x", "y", "width", "height")
    }
    target = raw["Target"].map({"0": labels.NO_FINDING, "1": "pneumonia"})
    table = pd.DataFrame(
        {
            "image_id": raw["patientId"],
            "reader": "rsna",
            "finding": target,
            "x_min": numbers["x"],
            "y_min": numbers["y"],
            "x_max": numbers["x"] + numbers["width"],
            "y_max": numbers["y"] + numbers["height"],
            "source": source,
            "row": raw["row"],
        }
    )
    if source == "rsna":
        side = pd.array([SIDE_PX] * len(table), dtype="Int64")
        table = table.assign(width_px=side, height_px=side)
    table, bad = clean_findings(table, Origin(path, _COLUMNS, raw))
    return table, refusals + bad


def read_classes(root: Path) -> tuple[pd.Series, list[Refusal]]:
    """Read which scans are normal, from the detailed class file.

    Returns:
        Image id to "normal", "not_normal" or "lung_opacity" (empty where the file
        is absent), and the refused rows: unknown classes, and images with two.
    """
    path = find_file(root, (CLASS_TABLE,))
    if path is None:
        return pd.Series(dtype="str", name="class"), []
    raw, refusals = read_table(path, ("patientId", "class"))
    classes = raw["class"].map(CLASS_OF_NAME)
    known = raw.assign(key=classes).drop_duplicates(["patientId", "key"])
    twice = known["patientId"].duplicated(keep=False)
    unknown = known["key"].isna()
    for text, wrong in (
        ("one of " + ", ".join(CLASS_OF_NAME), unknown),
        ("one class per image", twice & ~unknown),
    ):
        for row in known[wrong].itertuples():
            error = AnnotationError(
                "unusable class",
                file=path,
                row=int(row.row),
                column="class",
                expected=text,
            )
            refusals.append(Refusal.from_error(error))
    good = known[~(twice | unknown)]
    return good.set_index("patientId")["key"].rename("class"), refusals


def locate_images(root: Path) -> dict[str, Path]:
    """Return the image files by id; see `scan_images` for what is left out."""
    return scan_folder(root)[0]


def scan_folder(root: Path) -> tuple[dict[str, Path], list[Refusal]]:
    """List the images and what was refused among them."""
    return scan_images(root, IMAGE_FOLDER)
