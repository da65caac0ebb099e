"""covid-chestxray-dataset, with the radiologists' lesion masks where they are.

`metadata.csv` labels whole images, in the flat spelling ("COVID-19, ARDS") or as a path
("Pneumonia/Viral/COVID-19"). `regions.csv` and `masks/` outline lesions
(`covid_regions`). Only what has a place becomes a row of the findings table: "no
finding", and boxes. A positive image without masks has a label, but no row.
"""

from functools import partial
from pathlib import Path

import pandas as pd

from chexnomaly import labels
from chexnomaly.datasets.annotations import folders, validation
from chexnomaly.datasets.annotations.findings import join_findings
from chexnomaly.datasets.annotations.tables import read_table
from chexnomaly.datasets.annotations.validation import Origin
from chexnomaly.datasets.sources.covid_regions import DISEASES, disease_of, read_regions
from chexnomaly.errors import Refusal

LABEL_TABLE = "metadata.csv"
REGION_TABLE = "regions.csv"
IMAGE_FOLDER = "images"
READER = "metadata"

FRONTAL_VIEWS = ("PA", "AP", "AP Supine", "AP Erect")
"""Views that show a chest from front or back; laterals and CT are refused."""

_COLUMNS = {
    "image_id": "filename",
    "disease": "finding",
    "view": "view",
    "modality": "modality",
}
_TYPES = dict.fromkeys(_COLUMNS, "str") | {"row": "Int64"}


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
    folders.require_file(root, LABEL_TABLE, REGION_TABLE)
    label_path = folders.find_file(root, (LABEL_TABLE,))
    region_path = folders.find_file(root, (REGION_TABLE,))
    parts, refusals, listed = [], [], {}
    source = folders.source_name(root, "covid")
    if label_path is not None:
        table, refusals = _read_table(label_path)
        listed = dict(zip(table["image_id"], table["row"], strict=True))
        nothing = table.loc[table["disease"] == labels.NO_FINDING, ["image_id", "row"]]
        nothing.attrs = table.attrs
        fixed = {"reader": READER, "finding": labels.NO_FINDING, "source": source}
        parts.append((nothing.assign(**fixed), Origin(label_path, _COLUMNS)))
    if region_path is not None:
        table, bad = read_regions(region_path, scan_folder(root)[0])
        origin = Origin(region_path, {"image_id": "image"})
        parts.append((table.assign(source=source), origin))
        refusals += bad
    table, bad = join_findings(parts)
    unboxed = set(listed) - set(table["image_id"])
    table.attrs["also_listed"] = {name: int(listed[name]) for name in sorted(unboxed)}
    return table, refusals + bad


def _read_table(path: Path) -> tuple[pd.DataFrame, list[Refusal]]:
    columns = (*_COLUMNS.values(), "folder")
    raw, refused = read_table(path, columns, multiline=True)
    table = pd.DataFrame({name: raw[column] for name, column in _COLUMNS.items()})
    table = table.assign(
        disease=table["disease"].map(disease_of),
        view=table["view"].str.strip(),
        row=raw["row"],
    ).astype(_TYPES)
    origin = Origin(path, _COLUMNS, raw)
    good, bad = validation.split_rows(table, origin, _TYPES, _RULES)
    healthy = good.loc[good["disease"] == labels.NO_FINDING, "image_id"]
    ill = table.loc[table["disease"] != labels.NO_FINDING, "image_id"]
    good.attrs["refused_ids"] = raw.attrs["refused_ids"] | (set(healthy) & set(ill))
    return good, refused + bad


def _is_frontal(table: pd.DataFrame) -> pd.Series:
    by_ray = table["modality"].str.strip() == "X-ray"
    return table["view"].isin(FRONTAL_VIEWS) & by_ray


def _has_one_disease(table: pd.DataFrame) -> pd.Series:
    return table.groupby("image_id")["disease"].transform("nunique") <= 1


_RULES = (
    validation.is_safe("image_id"),
    ("view", "a frontal X-ray: " + ", ".join(FRONTAL_VIEWS), _is_frontal),
    validation.is_one_of("disease", DISEASES, "a known disease, or No Finding"),
    ("image_id", "one disease per image", _has_one_disease),
    (
        "image_id",
        "each image once",
        lambda table: ~table.duplicated(["image_id", "disease"]),
    ),
)


scan_folder = partial(folders.scan_images, folder=IMAGE_FOLDER, stem=False)
