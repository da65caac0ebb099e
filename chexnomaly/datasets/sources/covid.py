"""covid-chestxray-dataset, with the radiologists' lesion masks where they are.

`metadata.csv` labels whole images: `read_labels` reads it, in the flat spelling
("COVID-19, ARDS") and as a path ("Pneumonia/Viral/COVID-19"). `regions.csv` and
`masks/` outline lesions (`covid_regions`). Only what has a place becomes a row of the
findings table: "no finding", and boxes. A positive image without masks has a label,
but no row.
"""

from pathlib import Path

import pandas as pd

from chexnomaly import labels
from chexnomaly.datasets.annotations.findings import BOX, clean_findings, join_findings
from chexnomaly.datasets.annotations.folders import (
    SAFE_ID,
    find_file,
    scan_images,
    source_name,
)
from chexnomaly.datasets.annotations.tables import read_table
from chexnomaly.datasets.annotations.validation import HIDDEN, SAFE, Origin
from chexnomaly.datasets.sources.covid_regions import disease_of, read_regions
from chexnomaly.errors import AnnotationError, Refusal, UnsafePathError

LABEL_TABLE = "metadata.csv"
REGION_TABLE = "regions.csv"
IMAGE_FOLDER = "images"
READER = "metadata"

FRONTAL_VIEWS = ("PA", "AP", "AP Supine", "AP Erect")
"""Views that show a chest from front or back; laterals and CT are refused."""

_COLUMNS = ("patientid", "finding", "view", "modality", "folder", "filename")


def read_annotations(root: Path) -> tuple[pd.DataFrame, list[Refusal]]:
    """Read "no finding" images and lesion boxes.

    Args:
        root: A folder with `metadata.csv`, `regions.csv`, or both, and `images/`.

    Returns:
        The findings table and the refused rows. Its attribute "also_listed" maps the
        labeled images without a row to their line, for `findings.check_images`.

    Raises:
        AnnotationError: Neither table, or one without the needed columns.
    """
    label_path = find_file(root, (LABEL_TABLE,))
    region_path = find_file(root, (REGION_TABLE,))
    if label_path is None and region_path is None:
        expected = f"{LABEL_TABLE} or {REGION_TABLE}"
        raise AnnotationError("no annotation table", file=root, expected=expected)
    parts, refusals, listed = [], [], {}
    if label_path is not None:
        table, refusals = _read_table(label_path)
        listed = dict(zip(table["image_id"], table["row"], strict=True))
        nothing = table[table["disease"] == labels.NO_FINDING]
        parts.append((_no_findings(nothing), label_path, "filename"))
    if region_path is not None:
        table, bad = read_regions(region_path, locate_images(root))
        parts.append((table, region_path, "image"))
        refusals += bad
    tables = []
    for table, path, id_column in parts:
        table["source"] = source_name(root, "covid")
        table, bad = clean_findings(table, Origin(path, {"image_id": id_column}))
        tables.append(table)
        refusals += bad
    joined = join_findings(tables)
    unboxed = set(listed) - set(joined["image_id"])
    joined.attrs["also_listed"] = {name: int(listed[name]) for name in sorted(unboxed)}
    return joined, refusals


def read_labels(root: Path) -> tuple[pd.DataFrame, list[Refusal]]:
    """Read what `metadata.csv` says of each frontal radiograph.

    Args:
        root: The data set's folder.

    Returns:
        One row per image: image_id (the file's name), patient_id (for
        `split_images(groups=...)`), disease ("covid", "pneumonia", "other" or
        "no_finding"), view, row; and the refused rows.

    Raises:
        AnnotationError: No table, or one without the needed columns.
    """
    path = find_file(root, (LABEL_TABLE,))
    if path is None:
        raise AnnotationError("no label table", file=root, expected=LABEL_TABLE)
    return _read_table(path)


def _read_table(path: Path) -> tuple[pd.DataFrame, list[Refusal]]:
    raw, refusals = read_table(path, _COLUMNS, multiline=True)
    table = pd.DataFrame(
        {
            "image_id": raw["filename"],
            "patient_id": raw["patientid"],
            "disease": raw["finding"].map(disease_of),
            "view": raw["view"].str.strip(),
            "row": raw["row"],
        }
    )
    bad = pd.Series(False, index=table.index)
    for column, expected, wrong in _label_faults(table, raw["modality"]):
        kind = UnsafePathError if expected == SAFE else AnnotationError
        for index in table.index[wrong & ~bad]:
            problem = f"found {raw.at[index, column]!a:.60}"
            problem = HIDDEN if column == "filename" else problem
            row = int(table.at[index, "row"])
            error = kind(problem, file=path, row=row, column=column, expected=expected)
            refusals.append(Refusal.from_error(error))
        bad |= wrong
    return table[~bad].reset_index(drop=True), refusals


def _label_faults(
    table: pd.DataFrame, modality: pd.Series
) -> list[tuple[str, str, pd.Series]]:
    """Return column, what was expected, and which rows are wrong, of each rule."""
    frontal = table["view"].isin(FRONTAL_VIEWS) & (modality.str.strip() == "X-ray")
    views = "a frontal X-ray: " + ", ".join(FRONTAL_VIEWS)
    kinds = table.groupby("image_id")["disease"].transform("nunique")
    repeated = table[["image_id", "disease"]].duplicated()
    return [
        ("filename", SAFE, ~table["image_id"].str.contains(SAFE_ID)),
        ("view", views, ~frontal),
        ("finding", "a known disease, or No Finding", table["disease"].isna()),
        ("filename", "one disease per image", kinds > 1),
        ("filename", "each image once", repeated),
    ]


def _no_findings(nothing: pd.DataFrame) -> pd.DataFrame:
    table = nothing[["image_id", "row"]].assign(
        reader=READER, finding=labels.NO_FINDING, **dict.fromkeys(BOX, float("nan"))
    )
    return table.reset_index(drop=True)


def locate_images(root: Path) -> dict[str, Path]:
    """Return the image files by name; see `scan_images` for what is left out."""
    return scan_folder(root)[0]


def scan_folder(root: Path) -> tuple[dict[str, Path], list[Refusal]]:
    """List the images and what was refused among them."""
    return scan_images(root, IMAGE_FOLDER, stem=False)
