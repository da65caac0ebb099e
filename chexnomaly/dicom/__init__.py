"""Reading DICOM files: pixels, their scaling, and what is refused."""

from chexnomaly.dicom.reader import (
    LATERAL_VIEWS,
    MAX_FILE_BYTES,
    MAX_PIXELS,
    WINDOWS,
    read_radiograph,
    read_size,
)

__all__ = [
    "LATERAL_VIEWS",
    "MAX_FILE_BYTES",
    "MAX_PIXELS",
    "WINDOWS",
    "read_radiograph",
    "read_size",
]
