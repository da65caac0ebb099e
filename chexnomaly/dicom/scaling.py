"""Stored values of a radiograph to [0, 1], strip by strip.

Every step looks at one pixel at a time, except for the two ends that all are scaled
between. So a film is passed through twice, in strips that stay in the processor's
cache: a wide copy of the whole, which costs more than the arithmetic, is never made.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from chexnomaly.dicom.limits import library_errors
from chexnomaly.errors import ImageError

STRIP_PIXELS = 2**16
"""Pixels of a strip, half a megabyte as float64; at least one row."""


def scale_stored(
    path: Path, stored: np.ndarray, header: Dataset, window: str
) -> np.ndarray:
    """Rescale, apply the window, scale and, for MONOCHROME1, invert.

    Args:
        path: The file, for what is refused.
        stored: Stored values, (H, W), any integer type.
        header: The file's header.
        window: As in `dicom.read_radiograph`.

    Returns:
        Shape (H, W), float32, in [0, 1], air dark; pixel padding is 0.

    Raises:
        ImageError: A table or window of the header is broken, or the image is
            constant or not finite.
    """
    with library_errors(path, "padding", "(0028,0120)", "a whole number"):
        padding = _padding_range(header)
    low, high = _ends(path, stored, header, window, padding)
    image = np.empty(stored.shape, dtype=np.float32)
    for rows in _strips(stored):
        values = _shown(path, stored[rows], header, window).astype(np.float64)
        values -= low
        values /= high - low
        np.clip(values, 0.0, 1.0, out=values)
        if header.PhotometricInterpretation == "MONOCHROME1":
            np.subtract(1.0, values, out=values)
        if padding:
            values[_is_padding(stored[rows], padding)] = 0.0
        image[rows] = values
    return image


def _strips(stored: np.ndarray) -> Iterator[slice]:
    """Cut an image into stretches of rows."""
    height, width = stored.shape
    step = max(1, STRIP_PIXELS // width)
    yield from (slice(top, top + step) for top in range(0, height, step))


def _shown(path: Path, stored: np.ndarray, header: Dataset, window: str) -> np.ndarray:
    """Give what a viewer would show of stored values, same shape, any range."""
    with library_errors(path, "rescale", "(0028,3000)", "a valid modality LUT"):
        with_table = header.get("ModalityLUTSequence")
        values = stored.astype(np.int64) if with_table else stored
        values = apply_modality_lut(values, header)
    if not _is_windowed(header, window):
        return values
    with _window_errors(path):
        return apply_voi_lut(_within_table(values, header), header)


def _is_windowed(header: Dataset, window: str) -> bool:
    if window == "minmax":
        return False
    with_table = bool(header.get("VOILUTSequence"))
    return with_table or "WindowWidth" in header or "WindowCenter" in header


def _window_errors(path: Path):
    return library_errors(path, "window", "(0028,1050)", "a valid window or VOI LUT")


def _within_table(values: np.ndarray, header: Dataset) -> np.ndarray:
    """Keep values within the VOI table, if there is one."""
    if not header.get("VOILUTSequence"):
        return values
    # pydicom lets values beyond 16 bits wrap around.
    return np.clip(np.rint(values).astype(np.int64), *_table_ends(header))


def _table_ends(header: Dataset) -> np.ndarray:
    """First and last value that the VOI table maps, (2,), int64."""
    entries, first, _ = header.VOILUTSequence[0].LUTDescriptor
    return np.array([first, first + (entries or 2**16) - 1], dtype=np.int64)


def _ends(
    path: Path,
    stored: np.ndarray,
    header: Dataset,
    window: str,
    padding: tuple[int, int] | None,
) -> tuple[float, float]:
    """Find the two values that become 0 and 1.

    These are the extremes of what is no padding; with a window, the ends of its
    output range, or the extremes of all pixels where they lie beyond.
    """
    everything, inside = [], []
    for rows in _strips(stored):
        values = _shown(path, stored[rows], header, window)
        everything.append((values.min(), values.max()))
        if padding:
            values = values[~_is_padding(stored[rows], padding)]
        if values.size:
            inside.append((values.min(), values.max()))
    ends = _extremes(inside or [(0.0, 0.0)])
    if not np.isfinite(ends).all() or ends[0] == ends[1]:
        raise ImageError(
            "constant or non-finite image",
            file=path,
            column="(7FE0,0010)",
            expected="at least two different pixel values",
        )
    if not _is_windowed(header, window):
        return ends
    low, high = _extremes(everything)
    with _window_errors(path):
        with_table = header.get("VOILUTSequence")
        ends = _table_ends(header) if with_table else np.array([-1e12, 1e12])
        shown = apply_voi_lut(ends, header)
    return float(min(shown.min(), low)), float(max(shown.max(), high))


def _extremes(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """Least and most of several extremes; what is no number stays none."""
    low, high = np.array(pairs, dtype=np.float64).T
    return low.min(), high.max()


def _padding_range(header: Dataset) -> tuple[int, int] | None:
    """Give the stored values that only pad the image to a rectangle, ends included."""
    value = header.get("PixelPaddingValue")
    if value is None:
        return None
    limit = header.get("PixelPaddingRangeLimit")
    low, high = sorted((int(value), int(value if limit is None else limit)))
    return low, high


def _is_padding(stored: np.ndarray, padding: tuple[int, int]) -> np.ndarray:
    return (stored >= padding[0]) & (stored <= padding[1])
