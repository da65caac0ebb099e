"""Small DICOM files for tests, written tag by tag."""

from pathlib import Path

import imagecodecs
import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian

PLANTED = "PLANTED^NAME"
"""A patient name that must not turn up anywhere."""


def dicom_dataset(stored: np.ndarray, bits: int | None = None, **tags) -> Dataset:
    """Describe stored values, (H, W), of any integer type, as a gray radiograph."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.1")
    ds.SOPInstanceUID = UID("1.2.3.4")
    ds.PatientName = PLANTED
    ds.Rows, ds.Columns = stored.shape[:2]
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated = 8 * stored.itemsize
    ds.BitsStored = bits or ds.BitsAllocated
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(stored.dtype.kind == "i")
    ds.add_new("PixelData", "OB" if stored.itemsize == 1 else "OW", stored.tobytes())
    for keyword, value in tags.items():
        setattr(ds, keyword, value)
    return ds


def _jpeg(**options):
    return lambda a, bits: imagecodecs.jpeg8_encode(a, bitspersample=bits, **options)


def _j2k(**options):
    options |= {"codecformat": "j2k"}
    return lambda a, bits: imagecodecs.jpeg2k_encode(a, bitspersample=bits, **options)


ENCODERS = {
    uid.JPEGBaseline8Bit: _jpeg(level=95),
    uid.JPEGExtended12Bit: _jpeg(level=98),
    uid.JPEGLossless: _jpeg(lossless=True, predictor=6),
    uid.JPEGLosslessSV1: _jpeg(lossless=True, predictor=1),
    uid.JPEGLSLossless: lambda a, bits: imagecodecs.jpegls_encode(a),
    uid.JPEGLSNearLossless: lambda a, bits: imagecodecs.jpegls_encode(a, 2),
    uid.JPEG2000Lossless: _j2k(level=0, reversible=True),
    uid.JPEG2000: _j2k(level=70, reversible=False),
    uid.HTJ2KLossless: lambda a, bits: imagecodecs.htj2k_encode(a, reversible=True),
    uid.HTJ2KLosslessRPCL: lambda a, bits: imagecodecs.htj2k_encode(a, reversible=True),
    uid.HTJ2K: lambda a, bits: imagecodecs.htj2k_encode(a, 0.0005, reversible=False),
}
"""Compressed transfer syntaxes, each with what encodes (H, W) of so many bits."""


def compressed(ds: Dataset, syntax: UID, frame: bytes | None = None) -> Dataset:
    """Put a frame in place of the pixels of `ds`: this one, or the pixels encoded."""
    if frame is None:
        kind = f"<u{ds.BitsAllocated // 8}"
        pixels = np.frombuffer(ds.PixelData, kind).reshape(ds.Rows, ds.Columns)
        frame = bytes(ENCODERS[syntax](pixels, ds.BitsStored))
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.add_new("PixelData", "OB", encapsulate([frame]))
    ds["PixelData"].is_undefined_length = True
    return ds


def save_dicom(ds: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write a data set in a native transfer syntax, or as it was compressed."""
    if ds.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian:
        ds.file_meta.TransferSyntaxUID = UID(syntax)
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


def write_dicom(path: Path, stored: np.ndarray, bits: int | None = None, **tags):
    """Write one uncompressed file and return its path."""
    return save_dicom(dicom_dataset(stored, bits, **tags), path)


def ramp(bits: int, signed: bool = False, shape=(40, 32)) -> np.ndarray:
    """Return every value from the lowest to the highest of so many bits."""
    low = -(2 ** (bits - 1)) if signed else 0
    values = np.linspace(low, low + 2**bits - 1, shape[0] * shape[1]).round()
    kind = ("i" if signed else "u") + ("1" if bits <= 8 else "2")
    return values.reshape(shape).astype("<" + kind)
