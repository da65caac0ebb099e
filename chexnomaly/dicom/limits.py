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
from typing import NamedTuple

import numpy as np
from pydicom.filereader import read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian

from chexnomaly.errors import ImageError, raised_as

SYNTAX_TAG, PIXELS_TAG = "(0002,0010)", "(7FE0,0010)"

HEAD_BYTES = 2**16
"""How much of a stream is searched for its size."""

_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}


class Codestream(NamedTuple):
    """What a compressed stream says of itself; sizes in px."""

    height: int
    width: int
    bits: int


def parse_codestream(stream: bytes) -> Codestream | None:
    """Read the beginning of a JPEG, JPEG-LS or JPEG 2000 stream.

    Args:
        stream: The stream; JPEG 2000 may have the boxes of a JP2 file around it.

    Returns:
        What it states, or None where the bytes are neither or end too early.
    """
    stream = stream[:HEAD_BYTES]
    if stream[:2] == b"\xff\xd8":
        return _parse_jpeg(stream)
    at = stream.find(b"\xff\x4f\xff\x51")
    if at < 0 or at + 43 > len(stream):
        return None
    right, bottom, left, top = struct.unpack_from(">4I", stream, at + 8)
    return Codestream(bottom - top, right - left, (stream[at + 42] & 0x7F) + 1)


def _parse_jpeg(stream: bytes) -> Codestream | None:
    at = 2
    while at + 9 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker in _JPEG_FRAMES:
            bits, height, width = struct.unpack_from(">B2H", stream, at + 4)
            return Codestream(height, width, bits)
        if marker == 0xFF:
            at += 1
            continue
        at += 2 + struct.unpack_from(">H", stream, at + 2)[0]
    return None


def inflates_beyond(path: Path, limit_bytes: int) -> bool:
    """Tell whether a deflated data set is larger than a limit, without holding it.

    Args:
        path: A DICOM file.
        limit_bytes: The limit.

    Returns:
        False for files that are not deflated.

    Raises:
        InvalidDicomError: The file is no DICOM.
    """
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
def quiet() -> Iterator[None]:
    """Drop pydicom's log lines, which may quote the header.

    Logging forgets all it knows of every logger when a level changes, so what reads
    a film element by element and strip by strip does this once.
    """
    logger = logging.getLogger("pydicom")  # its modules' loggers have its level
    level = logger.level
    if level > logging.CRITICAL:
        yield
        return
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def library_errors(
    path: Path, what: str, tag: str | None, expected: str
) -> Iterator[None]:
    """Turn whatever a library raises on a hostile file into an ImageError.

    Its warnings and log lines may quote the header, so they are dropped.
    """
    where = {"file": path, "column": tag, "expected": expected}
    with raised_as(ImageError, f"broken {what}", **where), quiet():
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
