"""A DICOM file to a float image: rescale, photometric interpretation, window.

Paper, Section III. How the paper scaled its films is not stated (ambiguity 20): the
default is rescale, invert MONOCHROME1, min-max to [0, 1]; `window="voi"` applies the
file's own window or lookup table.

A header's claims are checked before anything is allocated for them. Where readers of
DICOM disagree, `book/run_it.md` says what is done here.
"""

from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels import pixel_array

from chexnomaly.dicom.apart import CODECS, decode_apart
from chexnomaly.dicom.header import read_header
from chexnomaly.dicom.limits import (
    PIXELS_TAG,
    Codestream,
    library_errors,
    parse_codestream,
    quiet,
)
from chexnomaly.dicom.scaling import scale_stored
from chexnomaly.errors import ImageError

WINDOWS = ("minmax", "voi")


@quiet()
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
            lateral, constant, or larger than MAX_PIXELS; or its decoder crashed.
        ValueError: The window is neither of the two.
    """
    if window not in WINDOWS:
        raise ValueError(f"window: expected one of {WINDOWS}, received {window!r}")
    path = Path(path)
    header = read_header(path, window)
    return scale_stored(path, _read_cells(path, header), header)


def read_size(path: str | Path) -> tuple[int, int]:
    """Read (height_px, width_px) from the header, without touching the pixels.

    Raises:
        ImageError: As `read_radiograph`, as far as the header shows it.
    """
    header = read_header(Path(path))
    return int(header.Rows), int(header.Columns)


def _read_cells(path: Path, header: Dataset) -> np.ndarray:
    """Return what the pixels are stored in, (H, W), any integer type."""
    syntax = header.file_meta.TransferSyntaxUID
    least = header.Rows * header.Columns * header.BitsAllocated // 8
    expected = f"pixel data of {header.Rows} x {header.Columns} pixels"
    with library_errors(path, "pixel data", PIXELS_TAG, expected):
        # A path would do, but pydicom then finds no pixels in a deflated file.
        dataset = dcmread(path, specific_tags=["PixelData"])
        pixels, problem = dataset.get("PixelData"), None
        if not pixels:
            problem = "no complete pixel data"
        elif syntax in CODECS:
            frame = get_frame(pixels, 0, number_of_frames=1)
            stated = parse_codestream(frame)
            if not stated or stated[:2] == (header.Rows, header.Columns):
                return _decompress(path, frame, stated, header)
            problem = "compressed image of another size"
        elif not syntax.is_encapsulated and len(pixels) < least:
            problem = "truncated pixel data"
        if not problem:
            dataset.update(header)
            cells = pixel_array(dataset, raw=True, correct_unused_bits=False)
            if cells.ndim == 2:
                return cells
            problem = "pixel data of several frames"  # whatever the header says
        raise ImageError(problem, file=path, column=PIXELS_TAG, expected=expected)


def _decompress(
    path: Path, frame: bytes, stated: Codestream | None, header: Dataset
) -> np.ndarray:
    """Decode the frame; the header's bits become those that its values have."""
    syntax = header.file_meta.TransferSyntaxUID
    cells = decode_apart(path, frame, syntax, (header.Rows, header.Columns))
    bits = stated.bits if stated else header.BitsStored
    if "Lossless" in syntax.name and "Lossy" not in syntax.name:
        # Whole cells may have been compressed. A lossy value that strayed above the
        # header's bits would wrap around, so there the stream's count.
        bits = min(bits, header.BitsStored)
    header.BitsStored = min(bits, 8 * cells.itemsize)
    header.HighBit = header.BitsStored - 1
    return cells
