"""A DICOM header: what is read of it, what counts as absent, and what is refused.

Only what the pixels need is read. Names, dates and free text are never loaded, and no
message quotes a header's value. An element that is present but empty is as good as
absent, and so is half of a pair that says nothing alone.
"""

import math
from collections.abc import Iterator
from pathlib import Path

from pydicom import dcmread
from pydicom.datadict import dictionary_description, keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.tag import Tag
from pydicom.uid import RLELossless

from chexnomaly.dicom.apart import CODECS
from chexnomaly.dicom.limits import SYNTAX_TAG, inflates_beyond, library_errors, quiet
from chexnomaly.dicom.views import find_side_view
from chexnomaly.errors import ImageError

MAX_PIXELS = 50_000_000
"""Most pixels that are decoded; a large radiograph has 15 million."""

MAX_FILE_BYTES = 512 * 2**20
"""Largest file, and largest inflated data set, that is read."""

Faults = Iterator[tuple[str, str, str]]
"""Why a header is not read: the problem, the tag at fault, what is expected."""

NUMBERS = (
    *("Rows", "Columns", "SamplesPerPixel", "NumberOfFrames"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("RescaleSlope", "RescaleIntercept"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit"),
)
"""Elements that hold one number each."""

TAGS = (
    *NUMBERS,
    *("PhotometricInterpretation", "ModalityLUTSequence"),
    *("ViewPosition", "ViewCodeSequence", "PatientOrientation"),
)
"""Elements that are read of every film."""

WINDOW_TAGS = ("VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction")
"""Elements that are read where the file's own window is asked for."""


@quiet()
def read_header(path: Path, window: str = "minmax") -> Dataset:
    """Read what the pixels need of a header, and refuse what is not read here.

    Args:
        path: A DICOM file.
        window: As in `dicom.read_radiograph`.

    Returns:
        The elements, none of them empty, with what the standard lets be absent filled
        in. Rescale slope and intercept come both or not at all, and so do center and
        width, then as one number each.

    Raises:
        ImageError: As `dicom.read_radiograph`, as far as the header shows it.
    """
    if not path.is_file():
        raise ImageError("no such file", file=path, expected="a DICOM file")
    if path.stat().st_size > MAX_FILE_BYTES:
        expected = f"at most {MAX_FILE_BYTES} bytes"
        raise ImageError("file too large", file=path, expected=expected)
    with library_errors(path, "header", None, "a DICOM file (PS3.10)"):
        tags = [*TAGS, *(WINDOW_TAGS if window == "voi" else ())]
        try:
            if inflates_beyond(path, MAX_FILE_BYTES):
                expected = f"at most {MAX_FILE_BYTES} bytes inflated"
                raise ImageError("file too large", file=path, expected=expected)
            header = dcmread(path, stop_before_pixels=True, specific_tags=tags)
        except InvalidDicomError:
            raise ImageError(
                "not DICOM", file=path, expected='"DICM" after a 128-byte preamble'
            ) from None
    for tag in [tag for tag in map(tag_for_keyword, tags) if tag in header]:
        name, shown = dictionary_description(tag), str(Tag(tag)).upper()
        with library_errors(path, name, shown, "an element as in PS3.6"):
            _drop_empty(header, tag)
            if tag in header and keyword_for_tag(tag) in NUMBERS:
                math.floor(header[tag].value)  # stops at what is no finite number
    with library_errors(path, "header", None, "a DICOM file (PS3.10)"):
        for problem, tag, expected in _find_faults(header):
            raise ImageError(problem, file=path, column=tag, expected=expected)
        _complete(header)
    return header


def _drop_empty(dataset: Dataset, tag: int) -> None:
    """Take an element out if it is empty, and what is empty inside a sequence."""
    element = dataset[tag]
    if element.VR == "SQ":
        for item in element.value:
            for inner in [*item.keys()]:
                _drop_empty(item, inner)
        # Half a table is none.
        needed = ("LUTDescriptor", "LUTData") if "LUT" in element.keyword else ()
        whole = [item for item in element.value if all(k in item for k in needed)]
        element.value = [item for item in whole if len(item)]
    parts = element.value if element.VM > 1 else [element.value]
    if element.VM == 0 or all(isinstance(p, str) and not p.strip() for p in parts):
        del dataset[tag]


def _several(header: Dataset, name: str) -> list:
    """Give an element's values as a list, however many there are."""
    value = header.get(name, [])
    return [*value] if isinstance(value, (list, MultiValue)) else [value]


def _complete(header: Dataset) -> None:
    """Fill in what may be absent; leave half a window out."""
    header.SamplesPerPixel = header.NumberOfFrames = 1
    header.setdefault("HighBit", header.BitsStored - 1)
    if "RescaleSlope" in header or "RescaleIntercept" in header:
        header.setdefault("RescaleSlope", 1)
        header.setdefault("RescaleIntercept", 0)
    sides = [_several(header, name) for name in ("WindowCenter", "WindowWidth")]
    whole = [pair for pair in zip(*sides, strict=False) if "" not in pair]
    header.WindowCenter, header.WindowWidth = whole[0] if whole else (None, None)


def _find_faults(header: Dataset) -> Faults:
    syntax = header.file_meta.get("TransferSyntaxUID")
    if not syntax:
        yield "no transfer syntax", SYNTAX_TAG, "a transfer syntax UID"
    native = syntax.is_transfer_syntax and not syntax.is_encapsulated
    if not native and syntax not in (*CODECS, RLELossless):
        yield "unknown transfer syntax", SYNTAX_TAG, "a transfer syntax of still images"
    rows, columns = header.get("Rows", 0), header.get("Columns", 0)
    if not rows or not columns:
        tag = "(0028,0010)" if not rows else "(0028,0011)"
        yield "no image size", tag, "rows and columns of at least 1"
    if rows * columns > MAX_PIXELS:
        most = f"at most {MAX_PIXELS} pixels"
        yield f"{rows} x {columns} pixels", "(0028,0010)", most
    if header.get("NumberOfFrames", 1) not in (0, 1):
        yield "several frames", "(0028,0008)", "a single frame"
    gray = header.get("PhotometricInterpretation") in ("MONOCHROME1", "MONOCHROME2")
    if not gray or header.get("SamplesPerPixel", 1) != 1:
        expected = "MONOCHROME1 or MONOCHROME2, one sample per pixel"
        yield "not a gray image", "(0028,0004)", expected
    if tag := find_side_view(header):
        yield "a film taken from the side", tag, "a frontal film"
    if not header.get("RescaleSlope", 1):
        yield "constant image by a slope of zero", "(0028,1053)", "another slope"
    yield from _find_odd_cells(header)


def _find_odd_cells(header: Dataset) -> Faults:
    allocated, stored = header.get("BitsAllocated"), header.get("BitsStored", 0)
    if allocated not in (8, 16, 32):
        yield "unusual bit depth", "(0028,0100)", "8, 16 or 32 bits"
    if not 1 <= stored <= allocated:
        yield "no usable stored bits", "(0028,0101)", f"1 to {allocated} bits"
    high = header.get("HighBit", stored - 1)
    packed = header.file_meta.TransferSyntaxUID in CODECS
    if not stored <= high + 1 <= (stored if packed else allocated):
        expected = "the highest stored bit; in a compressed film Bits Stored less one"
        yield "unusual high bit", "(0028,0102)", expected
    if header.get("PixelRepresentation") not in (0, 1):
        yield "signed or not is unknown", "(0028,0103)", "0 for unsigned, 1 for signed"
