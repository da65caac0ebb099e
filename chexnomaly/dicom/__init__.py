"""Reading DICOM files: pixels, their scaling, and what is refused."""

from chexnomaly.dicom.header import MAX_FILE_BYTES, MAX_PIXELS
from chexnomaly.dicom.reader import WINDOWS, read_radiograph, read_size
from chexnomaly.dicom.views import LATERAL_VIEWS

__all__ = [
    "LATERAL_VIEWS",
    "MAX_FILE_BYTES",
    "MAX_PIXELS",
    "WINDOWS",
    "read_radiograph",
    "read_size",
]
