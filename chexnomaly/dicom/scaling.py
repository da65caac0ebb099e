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

from chexnomaly.dicom.limits import PIXELS_TAG, library_errors
from chexnomaly.errors import ImageError

STRIP_PIXELS = 2**16
"""Pixels of a strip, half a megabyte as float64; at least one row."""

VOI_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")

Padding = tuple[np.ndarray, int, int]
"""Numbers, (H, W), to look for padding in, and the least and highest that pad."""


def scale_stored(path: Path, stored: np.ndarray, header: Dataset) -> np.ndarray:
    """Rescale, apply the header's window, scale and, for MONOCHROME1, invert.

    Args:
        path: The file, for what is refused.
        stored: The cells that pixels are stored in, (H, W), any integer type; their
            unused bits may hold anything.
        header: The file's header, as `header.read_header` gives it: with a window only
            where one was asked for.

    Returns:
        Shape (H, W), float32, in [0, 1], air dark; pixel padding is 0.

    Raises:
        ImageError: A table or window of the header is broken, or the image is
            constant or not finite.
    """
    cells, stored = _with_sign(stored, header), _stored_values(stored, header)
    with library_errors(path, "padding", "(0028,0120)", "a whole number"):
        padding = _padding(cells, stored, header)
    low, high = _ends(path, stored, header, padding)
    image = np.empty(stored.shape, dtype=np.float32)
    for rows in _strips(stored):
        values = _shown(path, stored[rows], header).astype(np.float64)
        values -= low
        values /= high - low
        np.clip(values, 0.0, 1.0, out=values)
        if header.PhotometricInterpretation == "MONOCHROME1":
            np.subtract(1.0, values, out=values)
        if padding:
            values[_is_padding(rows, *padding)] = 0.0
        image[rows] = values
    return image


def _strips(stored: np.ndarray) -> Iterator[slice]:
    """Cut an image into stretches of rows."""
    height, width = stored.shape
    step = max(1, STRIP_PIXELS // width)
    yield from (slice(top, top + step) for top in range(0, height, step))


def _shown(path: Path, stored: np.ndarray, header: Dataset) -> np.ndarray:
    """Give what a viewer would show of stored values, same shape, any range."""
    with_table = header.get("ModalityLUTSequence")
    tag = "(0028,3000)" if with_table else "(0028,1053)"
    with library_errors(path, "rescale", tag, "a valid modality LUT or slope"):
        values = stored.astype(np.int64) if with_table else stored
        values = apply_modality_lut(values, header)
    if not _is_windowed(header):
        return values
    with _window_errors(path, header):
        if header.get("VOILUTSequence"):
            # pydicom lets values beyond 16 bits wrap around.
            values = np.rint(values).astype(np.int64).clip(*_table_ends(header))
        return apply_voi_lut(values, header)


def _is_windowed(header: Dataset) -> bool:
    with_table = bool(header.get("VOILUTSequence"))
    return with_table or header.get("WindowWidth") is not None


def _window_errors(path: Path, header: Dataset):
    known = header.get("VOILUTFunction", "LINEAR") in VOI_FUNCTIONS
    tag = "(0028,1051)" if known else "(0028,1056)"
    tag = "(0028,3010)" if header.get("VOILUTSequence") else tag
    return library_errors(path, "window", tag, "a valid window or VOI LUT")


def _table_ends(header: Dataset) -> np.ndarray:
    """First and last value that the VOI table maps, (2,), int64."""
    entries, first, _ = header.VOILUTSequence[0].LUTDescriptor
    return np.array([first, first + (entries or 2**16) - 1], dtype=np.int64)


def _ends(
    path: Path, stored: np.ndarray, header: Dataset, padding: Padding | None
) -> tuple[float, float]:
    """Find the two values that become 0 and 1.

    These are the extremes of what is no padding; with a window, the ends of its
    output range, or the extremes of all pixels where they lie beyond.
    """
    everything, inside = [], []
    for rows in _strips(stored):
        values = _shown(path, stored[rows], header)
        everything.append((values.min(), values.max()))
        if padding:
            values = values[~_is_padding(rows, *padding)]
        if values.size:
            inside.append((values.min(), values.max()))
    ends = _extremes(inside or [(0.0, 0.0)])
    if not np.isfinite(ends).all() or ends[0] == ends[1]:
        raise ImageError(
            "constant or non-finite image",
            file=path,
            column=PIXELS_TAG if inside else "(0028,0120)",
            expected="at least two different pixel values, padding aside",
        )
    if not _is_windowed(header):
        return ends
    low, high = _extremes(everything)
    with _window_errors(path, header):
        with_table = header.get("VOILUTSequence")
        ends = _table_ends(header) if with_table else np.array([-1e12, 1e12])
        shown = apply_voi_lut(ends, header)
    return float(min(shown.min(), low)), float(max(shown.max(), high))


def _extremes(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """Least and most of several extremes; what is no number stays none."""
    low, high = np.array(pairs, dtype=np.float64).T
    return low.min(), high.max()


def _with_sign(cells: np.ndarray, header: Dataset) -> np.ndarray:
    """View whole cells as signed or unsigned numbers, as the header says."""
    kind = "i" if header.PixelRepresentation else "u"
    return cells.view(cells.dtype.str[0] + kind + str(cells.itemsize))


def _stored_values(cells: np.ndarray, header: Dataset) -> np.ndarray:
    """Cut the stored values out of their cells: unused bits off, the sign in place.

    Nothing is copied where the unused bits hold nothing, as in most films.
    """
    values, width = _with_sign(cells, header), 8 * cells.itemsize
    bits, high = header.BitsStored, header.HighBit
    least = _least(bits, header)
    if high == bits - 1 and least <= values.min() and values.max() < least + 2**bits:
        return values
    return (values << (width - 1 - high)) >> (width - bits)


def _least(bits: int, header: Dataset) -> int:
    return -(2 ** (bits - 1)) if header.PixelRepresentation else 0


def _padding(cells: np.ndarray, stored: np.ndarray, header: Dataset) -> Padding | None:
    """Find which values only pad the image to a rectangle.

    A value of the wrong sign is taken by its bits. One that the stored bits are too few
    for is to be looked for in the whole cells.
    """
    value = header.get("PixelPaddingValue")
    if value is None:
        return None
    limit = header.get("PixelPaddingRangeLimit", value)
    cell_bits, bits = header.BitsAllocated, header.BitsStored
    first, least = _least(cell_bits, header), _least(bits, header)
    low, high = sorted(
        (int(end) - first) % 2**cell_bits + first for end in (value, limit)
    )
    beyond = low < least or high >= least + 2**bits
    return cells if beyond else stored, low, high


def _is_padding(rows: slice, values: np.ndarray, low: int, high: int) -> np.ndarray:
    return (values[rows] >= low) & (values[rows] <= high)
