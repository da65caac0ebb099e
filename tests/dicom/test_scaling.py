"""Strips give what the whole film at once would give, to the last bit."""

import logging
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from chexnomaly.dicom import read_radiograph
from chexnomaly.dicom.header import WINDOW_TAGS
from chexnomaly.dicom.scaling import STRIP_PIXELS, scale_stored
from chexnomaly.errors import ImageError
from tests.dicom_files import dicom_dataset, save_dicom

HEADERS = {
    "plain": {},
    "inverted": {"PhotometricInterpretation": "MONOCHROME1"},
    "rescaled": {"RescaleSlope": 0.37, "RescaleIntercept": -1024.3},
    "falling": {"RescaleSlope": -2, "RescaleIntercept": 7},
    "padded": {"PixelPaddingValue": 4000, "PixelPaddingRangeLimit": 3900},
    "window": {"WindowCenter": 2000, "WindowWidth": 1500},
    "window, padded, inverted": {
        "WindowCenter": 900,
        "WindowWidth": 800,
        "PixelPaddingValue": 0,
        "PhotometricInterpretation": "MONOCHROME1",
    },
}


def a_film(**tags) -> tuple[np.ndarray, Dataset]:
    """Three strips and a bit more; the extremes lie in the second and the last."""
    height = 3 * STRIP_PIXELS // 700 + 5
    stored = np.random.default_rng(0).integers(300, 3800, (height, 700))
    stored[100, 3], stored[-1, -1], stored[:2] = 4011, 0, 3950
    stored = stored.astype("<u2")
    return stored, dicom_dataset(stored, 12, **tags)


def at_once(stored: np.ndarray, header: Dataset, window: str) -> np.ndarray:
    """Do the same with arrays of the whole film."""
    values = apply_modality_lut(stored, header)
    value = header.get("PixelPaddingValue", -1)
    limit = header.get("PixelPaddingRangeLimit", value)
    padding = (stored >= min(value, limit)) & (stored <= max(value, limit))
    inside = values[~padding]
    low, high = inside.min(), inside.max()
    if window == "voi" and "WindowWidth" in header:
        values = apply_voi_lut(values, header)
        low, high = apply_voi_lut(np.array([-1e12, 1e12]), header)
    image = np.clip((values.astype(np.float64) - low) / (high - low), 0.0, 1.0)
    if header.PhotometricInterpretation == "MONOCHROME1":
        image = 1.0 - image
    return np.where(padding, 0.0, image).astype(np.float32)


@pytest.mark.parametrize("window", ["minmax", "voi"])
@pytest.mark.parametrize("name", HEADERS)
def test_strips_change_no_bit(name, window):
    stored, header = a_film(**HEADERS[name])
    before = stored.copy()
    if window == "minmax":
        for tag in WINDOW_TAGS:  # `read_header` leaves them unread
            header.pop(tag, None)
    found = scale_stored(Path("a"), stored, header)
    expected = at_once(stored, header, window)
    np.testing.assert_array_equal(found, expected, strict=True)
    np.testing.assert_array_equal(stored, before)


def test_no_wide_copy_of_the_film_is_made():
    stored = np.random.default_rng(0).integers(0, 4096, (2000, 2000), dtype="<u2")
    header = dicom_dataset(stored, 12, RescaleSlope=1.5, RescaleIntercept=3)
    tracemalloc.start()
    image = scale_stored(Path("a"), stored, header)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < image.nbytes + 50 * STRIP_PIXELS


def test_a_broken_padding_value_is_refused_by_name():
    stored, header = a_film()
    header.add_new("PixelPaddingValue", "US", [1, 2])
    with pytest.raises(ImageError, match="broken padding"):
        scale_stored(Path("a"), stored, header)


def test_pydicom_is_silenced_once_for_a_film(monkeypatch, tmp_path):
    """A level that changes makes logging forget what it knows of every logger."""
    _, film = a_film(**HEADERS["window, padded, inverted"])
    path = save_dicom(film, tmp_path / "film.dcm")
    logger, levels = logging.getLogger("pydicom"), []
    before, set_level = logger.level, logger.setLevel
    monkeypatch.setattr(logger, "setLevel", lambda v: (levels.append(v), set_level(v)))
    read_radiograph(path, "voi")
    assert levels == [logging.CRITICAL + 1, before] and logger.level == before


@pytest.mark.parametrize("bits", [0x1000, 0xF000])
def test_what_unused_bits_hold_is_not_shown(bits):
    stored, header = a_film()
    found = scale_stored(Path("a"), stored | np.uint16(bits), header)
    np.testing.assert_array_equal(found, at_once(stored, header, "minmax"))
