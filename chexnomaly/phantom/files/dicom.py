"""Write a film as a DICOM file: the only module of the phantom that needs pydicom.

Headers are fictitious: no name, no birth date, no institution, ids derived from the
image id. Bit depth, photometric interpretation, window, rescale and transfer syntax
are the film's own and vary between films as they do in real collections.
"""

from pathlib import Path
from typing import BinaryIO

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from chexnomaly.phantom.films import Film, uid


def write_dicom(film: Film, file: Path | BinaryIO) -> None:
    """Write one film; the same film gives the same bytes.

    Args:
        film: A film with pixels.
        file: The file to write, or its path; the folder exists.

    Raises:
        ValueError: The film was made without pixels.
    """
    if film.pixels is None:
        raise ValueError("a film without pixels, expected one made with pixels=True")
    data = _header(film)
    kind = "MONOCHROME1" if film.form.inverted else "MONOCHROME2"
    pixels = film.pixels.astype(np.uint16 if film.form.bits > 8 else np.uint8)
    data.set_pixel_data(pixels, kind, film.form.bits, generate_instance_uid=False)
    _add_window(data, film)
    data.save_as(file, enforce_file_format=True)


def _header(film: Film) -> Dataset:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.ImplementationClassUID = "2.25.1"
    syntax = ImplicitVRLittleEndian if film.form.implicit else ExplicitVRLittleEndian
    data.file_meta.TransferSyntaxUID = syntax
    data.SOPClassUID = DigitalXRayImageStorageForPresentation
    data.SOPInstanceUID = uid(film.key, 0)
    data.StudyInstanceUID = uid(film.key, 1)
    data.SeriesInstanceUID = uid(film.key, 2)
    data.Modality = "DX"
    data.PatientName = "Phantom^Computed"
    data.PatientID = f"phantom-{film.key[:12]}"
    data.PatientSex = "F" if film.patient.female else "M"
    data.PatientAge = f"{round(film.patient.age):03d}Y"
    data.BodyPartExamined = "CHEST"
    data.ViewPosition = "AP" if film.patient.frontal_ap else "PA"
    data.ImageComments = "Computed phantom, no real patient"
    data.BurnedInAnnotation = "YES"
    data.PixelSpacing = [f"{mm:.6g}" for mm in film.spacing_mm]
    return data


def _add_window(data: Dataset, film: Film) -> None:
    form = film.form
    if form.window is not None:
        data.WindowCenter, data.WindowWidth = (f"{value:g}" for value in form.window)
    if form.intercept is not None:
        data.RescaleSlope = "1"
        data.RescaleIntercept = f"{form.intercept:g}"
        data.RescaleType = "US"
