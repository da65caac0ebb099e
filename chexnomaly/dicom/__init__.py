"""Reading DICOM files: pixels, their scaling, and what is refused."""

from chexnomaly.dicom.header import MAX_PIXELS
from chexnomaly.dicom.reader import read_radiograph, read_size

__all__ = ["MAX_PIXELS", "read_radiograph", "read_size"]
