"""What a DICOM file would take to read, found out before it is allocated.

A deflated data set may inflate a thousandfold, and the JPEG or JPEG 2000 stream inside
a file states a size of its own, which the decoder believes whatever the header says.
What libraries raise on hostile files is turned into the project's own error here.
"""

import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.encaps import generate_fragments
from pydicom.filereader import read_file_meta_info
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from chexnomaly.errors import ImageError

HEAD_BYTES = 2**16
"""How much of a stream is searched for its size."""

_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}


def parse_codestream_size(stream: bytes) -> tuple[int, int] | None:
    """Return (height_px, width_px) that a JPEG, JPEG-LS or J2K stream states.

    Args:
        stream: The beginning of the stream.

    Returns:
        The size, or None where the bytes are neither or end too early.
    """
    if stream[:4] == b"\xff\x4f\xff\x51" and len(stream) >= 24:
        right, bottom, left, top = struct.unpack_from(">4I", stream, 8)
        return bottom - top, right - left
    if stream[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker in _JPEG_FRAMES:
            return struct.unpack_from(">2H", stream, at + 5)
        if marker == 0xFF:
            at += 1
            continue
        at += 2 + struct.unpack_from(">H", stream, at + 2)[0]
    return None


def read_codestream_size(path: Path, syntax: UID) -> tuple[int, int] | None:
    """Return the size that a DICOM file's first compressed frame states.

    Args:
        path: A DICOM file.
        syntax: Its transfer syntax.

    Returns:
        (height_px, width_px), or None for uncompressed and RLE pixels and for
        streams that do not say.
    """
    if not syntax.is_encapsulated:
        return None
    with Path(path).open("rb") as file:
        dcmread(file, stop_before_pixels=True, specific_tags=[])
        file.seek(12, 1)  # tag, VR and undefined length of the pixel data
        fragments = generate_fragments(file)
        next(fragments, None)  # the offset table
        return parse_codestream_size((next(fragments, b""))[:HEAD_BYTES])


def inflates_beyond(path: Path, limit_bytes: int) -> bool:
    """Tell whether a deflated data set is larger than a limit, without holding it.

    Args:
        path: Any file.
        limit_bytes: The limit.

    Returns:
        False for files that are not deflated DICOM.
    """
    with path.open("rb") as stream:
        if stream.read(132)[128:] != b"DICM":
            return False
    meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return False
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    total = 0
    with path.open("rb") as stream:
        # Preamble, magic, and the group length element before what it measures.
        stream.seek(132 + 12 + meta.FileMetaInformationGroupLength)
        data = stream.read(2**16)
        while data and not inflater.eof and total <= limit_bytes:
            total += len(inflater.decompress(data, 2**22))
            data = inflater.unconsumed_tail or stream.read(2**16)
    return total > limit_bytes


@contextmanager
def library_errors(
    path: Path, what: str, tag: str | None, expected: str
) -> Iterator[None]:
    """Turn whatever a library raises on a hostile file into an ImageError.

    The library's own message may quote the header, so only its kind is kept; for
    the same reason its warnings and log lines are dropped.
    """
    logger = logging.getLogger("pydicom")
    disabled, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    except ImageError:
        raise
    except Exception as error:
        problem = f"broken {what} ({type(error).__name__})"
        raise ImageError(problem, file=path, column=tag, expected=expected) from None
    finally:
        logger.disabled = disabled
