"""Any radiograph file to a float image: DICOM, PNG, JPEG or WebP, told by content.

A file's name is not believed: some `.jpg` are PNG inside. Pictures come gray, in
color, with transparency and with 16 bits; all end as one gray image, turned upright
where an EXIF orientation says how.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from chexnomaly import dicom
from chexnomaly.errors import ImageError, raised_as

LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a gray value (ITU-R BT.601)."""

_MAGIC = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG"}
_EXPECTED = "a DICOM, PNG, JPEG or WebP file"


def read_image(path: str | Path, window: str = "minmax") -> np.ndarray:
    """Read a radiograph of any kind.

    A picture is scaled between its extremes; color becomes luminance, and what is
    transparent becomes black.

    Args:
        path: A DICOM, PNG, JPEG or WebP file.
        window: As in `dicom.read_radiograph`; pictures have no window.

    Returns:
        Shape (H, W), float32, in [0, 1], air dark.

    Raises:
        ImageError: The file is missing, of another kind, broken, constant or
            larger than `dicom.MAX_PIXELS`.
    """
    path = Path(path)
    if _sniff(path) == "DICOM":
        return dicom.read_radiograph(path, window)
    with _open(path) as picture:
        values = _gray(_upright(picture))
    low, high = values.min(), values.max()
    if low == high:
        expected = "at least two different pixel values"
        raise ImageError("constant image", file=path, expected=expected)
    return ((values - low) / (high - low)).astype(np.float32)


def read_size(path: str | Path) -> tuple[int, int]:
    """Read an upright film's (height_px, width_px) without its pixels' values.

    Raises:
        ImageError: As `read_image`.
    """
    if _sniff(Path(path)) == "DICOM":
        return dicom.read_size(path)
    with _open(Path(path)) as picture:
        height, width = picture.height, picture.width
        with suppress(Exception):  # a damaged orientation turns nothing
            if picture.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8):
                return width, height
        return height, width


def read_color(path: str | Path) -> float:
    """Measure how colored a file is: the mean spread of its red, green and blue.

    Returns:
        In [0, 1]; 0 for a gray picture and for DICOM, which is read as gray.

    Raises:
        ImageError: As `read_image`.
    """
    if _sniff(Path(path)) == "DICOM":
        return 0.0
    with _open(Path(path)) as picture:
        small = picture.convert("RGB").resize((64, 64))
    return float(np.ptp(np.asarray(small), axis=2).mean() / 255.0)


def read_foreground(path: str | Path) -> np.ndarray:
    """Read a picture as a mask: what is not black, whatever its transparency.

    Returns:
        Shape (H, W), bool.

    Raises:
        ImageError: As `read_image`.
    """
    with _open(Path(path)) as picture:
        return np.asarray(_upright(picture).convert("RGB")).any(axis=2)


def _upright(picture: Image.Image) -> Image.Image:
    """Turn a picture in place as its EXIF orientation says."""
    picture.load()
    with suppress(Exception):  # a damaged orientation turns nothing
        ImageOps.exif_transpose(picture, in_place=True)
    return picture


def _gray(picture: Image.Image) -> np.ndarray:
    """Return gray values of any range, (H, W), float64."""
    if picture.mode in ("1", "L", "I", "F") or picture.mode.startswith("I;16"):
        return np.asarray(picture, dtype=np.float64)
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        channels = np.asarray(picture.convert("RGBA"), dtype=np.float64)
        return channels[..., :3] @ LUMINANCE * (channels[..., 3] / 255.0)
    return np.asarray(picture.convert("RGB"), dtype=np.float64) @ LUMINANCE


def _sniff(path: Path) -> str:
    """Return "DICOM", "PNG", "JPEG" or "WEBP" from the first bytes of a file."""
    if not path.is_file():
        raise ImageError("no such file", file=path, expected=_EXPECTED)
    with raised_as(ImageError, "unreadable", file=path, expected=_EXPECTED):
        with path.open("rb") as stream:
            head = stream.read(132)
    if head[128:] == b"DICM":
        return "DICOM"
    if head[:4] + head[8:12] == b"RIFFWEBP":
        return "WEBP"
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    raise ImageError("neither DICOM nor picture", file=path, expected=_EXPECTED)


@contextmanager
def _open(path: Path) -> Iterator[Image.Image]:
    """Open a picture, its size checked; what Pillow raises becomes ImageError."""
    kind = _sniff(path)
    named = raised_as(ImageError, "unreadable", file=path, expected=_EXPECTED)
    with named, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(path, formats=(kind,)) as picture:
            if picture.width * picture.height > dicom.MAX_PIXELS:
                found = f"{picture.height} x {picture.width} pixels"
                expected = f"at most {dicom.MAX_PIXELS} pixels"
                raise ImageError(found, file=path, expected=expected)
            yield picture
