"""A DICOM file to a float image: rescale, photometric interpretation, window.

Paper, Section III. How the paper scaled its scans is not stated (ambiguity 20): the
default is rescale, invert MONOCHROME1, min-max to [0, 1]; `window="voi"` applies the
file's own window or lookup table.

Only what the pixels need is read from a header. Names, dates and free text are never
loaded, and no message quotes a header's value. A header's claims are checked before
anything is allocated for them.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.pixels import get_decoder, pixel_array
from pydicom.uid import UID

from chexnomaly.dicom.limits import (
    inflates_beyond,
    library_errors,
    read_codestream_size,
)
from chexnomaly.dicom.scaling import scale_stored
from chexnomaly.errors import ImageError

MAX_PIXELS = 50_000_000
"""Most pixels that are decoded; a large radiograph has 15 million."""

MAX_FILE_BYTES = 512 * 2**20
"""Largest file, and largest inflated data set, that is read."""

WINDOWS = ("minmax", "voi")

_TAGS = (
    *("Rows", "Columns", "SamplesPerPixel", "NumberOfFrames"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("PhotometricInterpretation", "RescaleSlope", "RescaleIntercept"),
    *("ModalityLUTSequence", "VOILUTSequence", "WindowCenter", "WindowWidth"),
    *("VOILUTFunction", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    "ViewPosition",
)


LATERAL_VIEWS = ("LL", "RL", "LATERAL", "LLO", "RLO")
"""View positions of films taken from the side."""


class _Refused(NamedTuple):
    """Why a header is not read."""

    problem: str
    tag: str
    expected: str


def read_radiograph(path: str | Path, window: str = "minmax") -> np.ndarray:
    """Decode a single-frame gray radiograph.

    Args:
        path: A DICOM file.
        window: "minmax" scales the rescaled values between their extremes; "voi"
            applies the file's first VOI lookup table or window, and is "minmax"
            where the file has neither.

    Returns:
        The image, air dark and bone bright. Shape (H, W), float32, in [0, 1].
        Pixel padding takes no part in the scaling and becomes 0.

    Raises:
        ImageError: The file is missing, broken, no DICOM, of an unknown or
            undecodable transfer syntax, without pixels, multi-frame, in color,
            lateral, constant, or larger than MAX_PIXELS.
        ValueError: The window is neither of the two.
    """
    if window not in WINDOWS:
        raise ValueError(f"window: expected one of {WINDOWS}, received {window!r}")
    path = Path(path)
    header = _read_header(path)
    stored = _decode(path, header)
    return scale_stored(path, stored, header, window)


def read_size(path: str | Path) -> tuple[int, int]:
    """Read (height_px, width_px) from the header, without touching the pixels.

    Raises:
        ImageError: As `read_radiograph`, as far as the header shows it.
    """
    header = _read_header(Path(path))
    return int(header.Rows), int(header.Columns)


def _read_header(path: Path) -> Dataset:
    if not path.is_file():
        raise ImageError("no such file", file=path, expected="a DICOM file")
    if path.stat().st_size > MAX_FILE_BYTES:
        expected = f"at most {MAX_FILE_BYTES} bytes"
        raise ImageError("file too large", file=path, expected=expected)
    with library_errors(path, "header", None, "a DICOM file (PS3.10)"):
        if inflates_beyond(path, MAX_FILE_BYTES):
            expected = f"at most {MAX_FILE_BYTES} bytes inflated"
            raise ImageError("file too large", file=path, expected=expected)
        try:
            header = dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS))
        except InvalidDicomError:
            raise ImageError(
                "not DICOM", file=path, expected='"DICM" after a 128-byte preamble'
            ) from None
        refused = _refuse_syntax(header) or _refuse_shape(header)
        if refused is None:
            return header
    problem, tag, expected = refused
    raise ImageError(problem, file=path, column=tag, expected=expected)


def _refuse_syntax(header: Dataset) -> _Refused | None:
    tag = "(0002,0010)"
    syntax = header.file_meta.get("TransferSyntaxUID")
    if not syntax:
        return _Refused("no transfer syntax", tag, "a transfer syntax UID")
    try:
        decoder = get_decoder(UID(syntax))
    except NotImplementedError:
        expected = "a transfer syntax of still images"
        return _Refused("unknown transfer syntax", tag, expected)
    if not decoder.is_available:
        needs = "; ".join(decoder.missing_dependencies)
        return _Refused(f"no decoder for {decoder.UID.name}", tag, f"one of: {needs}")
    return None


def _refuse_shape(header: Dataset) -> _Refused | None:
    rows, columns = header.get("Rows"), header.get("Columns")
    if not rows or not columns:
        tag = "(0028,0010)" if not rows else "(0028,0011)"
        return _Refused("no image size", tag, "rows and columns of at least 1")
    if rows * columns > MAX_PIXELS:
        expected = f"at most {MAX_PIXELS} pixels"
        return _Refused(f"{rows} x {columns} pixels", "(0028,0010)", expected)
    if int(header.get("NumberOfFrames") or 1) != 1:
        return _Refused("several frames", "(0028,0008)", "a single frame")
    photometric = header.get("PhotometricInterpretation")
    if header.get("SamplesPerPixel", 1) != 1 or photometric not in (
        "MONOCHROME1",
        "MONOCHROME2",
    ):
        expected = "MONOCHROME1 or MONOCHROME2, one sample per pixel"
        return _Refused("not a gray image", "(0028,0004)", expected)
    if str(header.get("ViewPosition") or "").strip().upper() in LATERAL_VIEWS:
        return _Refused("a film taken from the side", "(0018,5101)", "PA or AP")
    if header.get("BitsAllocated") not in (8, 16, 32):
        return _Refused("unusual bit depth", "(0028,0100)", "8, 16 or 32 bits")
    return None


def _decode(path: Path, header: Dataset) -> np.ndarray:
    """Return the stored values, (H, W), any integer type."""
    shape = int(header.Rows), int(header.Columns)
    expected = f"pixel data of {shape[0]} x {shape[1]} pixels"
    with library_errors(path, "or truncated pixel data", "(7FE0,0010)", expected):
        claimed = read_codestream_size(path, header.file_meta.TransferSyntaxUID)
        if claimed is not None and claimed != shape:
            problem = "compressed image of another size"
            raise ImageError(
                problem, file=path, column="(7FE0,0010)", expected=expected
            )
        # A path would do, but pydicom then finds no pixels in a deflated file.
        dataset = dcmread(path, specific_tags=[*_TAGS, "PixelData"])
        if "PixelData" not in dataset:
            problem = "no complete pixel data"
            raise ImageError(
                problem, file=path, column="(7FE0,0010)", expected=expected
            )
        stored = pixel_array(dataset, raw=True)
    if stored.shape != shape:
        problem = f"pixel data of shape {stored.shape}"
        raise ImageError(problem, file=path, column="(7FE0,0010)", expected=expected)
    return stored
