"""The tables and names of each public data set, filled from films without pixels.

What is known of the layouts: VinDr-CXR and RSNA as published on their pages; the
covid-chestxray-dataset as its metadata.csv stands. CANDID-PTX is access-controlled:
the file names, "anon_SOPUID", "mask_rle", "SOPInstanceUID", "EncodedPixels",
"Report" and "filename" are what public code reads; that the run lengths are relative
offsets over columns, as in the SIIM challenge, is known for the pneumothorax table
and assumed for the other two, and other columns may be missing here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from chexnomaly.labels import NO_FINDING, VINDR_NAMES
from chexnomaly.phantom.anatomy.grid import Box
from chexnomaly.phantom.files.findings_table import findings_of
from chexnomaly.phantom.films import Film

CLASS_IDS = {key: number for number, key in enumerate(VINDR_NAMES)} | {NO_FINDING: 14}
CLASS_NAMES = VINDR_NAMES | {NO_FINDING: "No finding"}

COVID_COLUMNS = (
    "patientid offset sex age finding survival intubated intubation_present went_icu "
    "in_icu needed_supplemental_O2 extubated temperature pO2_saturation "
    "leukocyte_count neutrophil_count lymphocyte_count view modality date location "
    "folder filename doi url license clinical_notes other_notes"
).split() + [""]
"""The 29 columns of the real metadata.csv; the last one has no name."""


@dataclass(frozen=True)
class Layout:
    """Where a data set keeps its files.

    Attributes:
        image: Film to the path of its image inside the root.
        tables: All films to the tables, by path inside the root.
    """

    image: Callable[[Film], PurePosixPath]
    tables: Callable[[Sequence[Film]], dict[str, pd.DataFrame]]


def vindr_tables(
    name: str, columns: str, films: Sequence[Film]
) -> dict[str, pd.DataFrame]:
    """VinDr-CXR's table under its name, one row per reader and box."""
    table = findings_of(films).round(3).rename(columns={"reader": "rad_id"})
    table["class_id"] = table["finding"].map(CLASS_IDS)
    table["class_name"] = table["finding"].map(CLASS_NAMES)
    return {name: table[[*columns.split(), "x_min", "y_min", "x_max", "y_max"]]}


vindr_kaggle = partial(vindr_tables, "train.csv", "image_id class_name class_id rad_id")
vindr_physionet = partial(
    vindr_tables, "annotations/annotations_train.csv", "image_id rad_id class_name"
)


def rsna_tables(films: Sequence[Film]) -> dict[str, pd.DataFrame]:
    """RSNA's stage 2 labels and detailed classes: one adjudicated set of boxes."""
    table = findings_of(films, "rsna")
    labels = {
        "patientId": table.image_id,
        "x": table.x_min,
        "y": table.y_min,
        "width": table.x_max - table.x_min,
        "height": table.y_max - table.y_min,
        "Target": table.x_min.notna().astype(int),
    }
    kinds = table.image_id.map({film.image_id: _rsna_class(film) for film in films})
    classes = {"patientId": table.image_id, "class": kinds}
    return {
        "stage_2_train_labels.csv": pd.DataFrame(labels).round(3),
        "stage_2_detailed_class_info.csv": pd.DataFrame(classes),
    }


def _rsna_class(film: Film) -> str:
    if film.plan.positive:
        return "Lung Opacity"
    return "No Lung Opacity / Not Normal" if film.plan.findings else "Normal"


def candid_tables(films: Sequence[Film]) -> dict[str, pd.DataFrame]:
    """CANDID-PTX: run-length masks of fractures; no tubes, no pneumothorax."""
    fractures, reports = [], []
    for number, film in enumerate(films):
        masks = (ellipse_mask(truth.box, film.size_px) for truth in film.truths)
        fractures += [(film.image_id, run_lengths(mask)) for mask in masks]
        text = "Phantom. Rib fracture." if film.truths else "Phantom. No fracture."
        reports.append((film.image_id, "-1", text, f"P{number:05d}_1.dcm"))
    columns = ["anon_SOPUID", "mask_rle"]
    return {
        "acute_rib_fracture.csv": pd.DataFrame(fractures, columns=columns),
        "chest_tube.csv": pd.DataFrame([], columns=columns),
        "Pneumothorax_reports.csv": pd.DataFrame(
            reports, columns=["SOPInstanceUID", "EncodedPixels", "Report", "filename"]
        ),
    }


def ellipse_mask(box: Box, size_px: tuple[int, int]) -> np.ndarray:
    """Mask of the ellipse inside a box. Shape (H, W), bool, at least one pixel."""
    x = np.arange(size_px[1])[None] + 0.5
    y = np.arange(size_px[0])[:, None] + 0.5
    x0, y0, x1, y1 = box
    rho = np.square((2 * x - x0 - x1) / (x1 - x0))
    rho = rho + np.square((2 * y - y0 - y1) / (y1 - y0))
    return rho <= max(1.0, float(rho.min()))


def run_lengths(mask: np.ndarray) -> str:
    """Encode a mask as SIIM's relative run lengths over columns, counted from 0.

    Args:
        mask: Shape (H, W), bool.

    Returns:
        Pairs "gap length", the gap counted from the end of the run before; "-1" for
        an empty mask.
    """
    flat = np.concatenate([[0], mask.T.ravel().astype(np.int8), [0]])
    edges = np.flatnonzero(np.diff(flat))
    starts, ends = edges[::2], edges[1::2]
    if len(starts) == 0:
        return "-1"
    gaps = starts - np.concatenate([[0], ends[:-1]])
    pairs = np.stack([gaps, ends - starts], axis=1).ravel()
    return " ".join(str(value) for value in pairs)


def covid_tables(films: Sequence[Film]) -> dict[str, pd.DataFrame]:
    """metadata.csv, and regions.csv in the layout of the lesion masks."""
    rows, regions = [], []
    for number, film in enumerate(films):
        finding = "COVID-19" if film.plan.positive else "No Finding"
        row = {
            "patientid": number,
            "sex": "F" if film.patient.female else "M",
            "age": round(film.patient.age),
            "finding": finding,
            "view": "AP" if film.patient.frontal_ap else "PA",
            "modality": "X-ray",
            "folder": "images",
            "filename": film.image_id,
            "license": "Apache-2.0",
            "other_notes": "computed phantom, no real patient",
        }
        rows.append(row)
        regions += _region_rows(film, finding)
    columns = "image class mask left top width height resolution finding license"
    return {
        "metadata.csv": pd.DataFrame(rows, columns=COVID_COLUMNS),
        "regions.csv": pd.DataFrame(regions, columns=columns.split()),
    }


def _region_rows(film: Film, finding: str) -> list[tuple]:
    height, width = film.size_px
    size = f"{width}x{height}"
    rows = []
    for number, truth in enumerate(film.truths):
        left, top, right, bottom = region_frame(truth.box)
        names = film.image_id, "Ground Glass Opacities", mask_name(film, number)
        frame = left, top, right - left, bottom - top
        rows.append((*names, *frame, size, finding, "Apache-2.0"))
    return rows


def region_frame(box: Box) -> tuple[int, int, int, int]:
    """Whole pixels that a box touches: left, top, right, bottom."""
    x0, y0, x1, y1 = box
    return int(x0), int(y0), int(np.ceil(x1)), int(np.ceil(y1))


def mask_name(film: Film, number: int) -> str:
    """Path of a region's mask inside the root."""
    return f"masks/{film.key}_{number}.png"


def _at(folder: str, ending: str = "") -> Callable[[Film], PurePosixPath]:
    return lambda film: PurePosixPath(folder, film.image_id + ending)


LAYOUTS = {
    "vindr": Layout(_at("train", ".dicom"), vindr_kaggle),
    "vindr_physionet": Layout(_at("train", ".dicom"), vindr_physionet),
    "rsna": Layout(_at("stage_2_train_images", ".dcm"), rsna_tables),
    "candid": Layout(_at("dataset"), candid_tables),
    "covid": Layout(_at("images"), covid_tables),
}
"""Layouts by name."""
