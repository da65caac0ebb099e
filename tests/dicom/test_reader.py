import io
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from chexnomaly import dicom
from chexnomaly.dicom import header
from chexnomaly.errors import ImageError
from tests.dicom_files import PLANTED, dicom_dataset, ramp, save_dicom, write_dicom

REAL = os.environ.get("CHEXNOMALY_REAL_DATA")
needs_real_data = pytest.mark.skipif(not REAL, reason="CHEXNOMALY_REAL_DATA is unset")


def between_extremes(values: np.ndarray) -> np.ndarray:
    values = values.astype(np.float64)
    return (values - values.min()) / (values.max() - values.min())


def read_by_another_hand(path: Path) -> np.ndarray:
    """Decode by Pillow, or take uncompressed cells as they lie in the file."""
    ds = pydicom.dcmread(path)
    if ds.file_meta.TransferSyntaxUID.is_encapsulated:
        stream = next(generate_frames(ds.PixelData, number_of_frames=1))
        return np.asarray(Image.open(io.BytesIO(stream)))
    cells = np.frombuffer(ds.PixelData, f"<u{ds.BitsAllocated // 8}")
    return cells[: ds.Rows * ds.Columns].reshape(ds.Rows, ds.Columns)


@needs_real_data
@pytest.mark.parametrize(
    "name",
    [
        "mono1_10bit_implicitLE_panimg.dcm",
        "mono1_15bit_jpeg2000_RG1.dcm",
        "mono2_8bit_implicitLE_noWindow_nih.dcm",
    ],
)
def test_a_real_file_decodes_as_another_hand_decodes_it(name):
    path = Path(REAL, "dicom", name)
    expected = between_extremes(read_by_another_hand(path))
    if name.startswith("mono1"):
        expected = 1.0 - expected
    image = dicom.read_radiograph(path)
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image, expected.astype(np.float32))
    assert dicom.read_size(path) == expected.shape


@needs_real_data
def test_the_jpeg_2000_file_decodes_as_openjpeg_alone_decodes_it():
    openjpeg = pytest.importorskip("openjpeg")
    path = Path(REAL, "dicom", "mono1_15bit_jpeg2000_RG1.dcm")
    stream = next(generate_frames(pydicom.dcmread(path).PixelData, number_of_frames=1))
    expected = 1.0 - between_extremes(openjpeg.decode(stream))
    image = dicom.read_radiograph(path)
    np.testing.assert_array_equal(image, expected.astype(np.float32))


@needs_real_data
@pytest.mark.parametrize(
    "name", ["mono1_10bit_implicitLE_panimg.dcm", "mono1_15bit_jpeg2000_RG1.dcm"]
)
def test_air_is_dark_in_a_real_monochrome1_file(name):
    image = dicom.read_radiograph(Path(REAL, "dicom", name))
    height, width = image.shape
    lungs = image[height // 3 : height // 2, width // 5 : width // 3]
    spine = image[height // 2 : 3 * height // 4, 9 * width // 20 : 11 * width // 20]
    assert np.median(lungs) < np.median(spine)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_stored_values_are_scaled_between_their_extremes(
    tmp_path, bits, signed, photometric
):
    stored = ramp(bits, signed)
    path = write_dicom(
        tmp_path / "a.dcm", stored, bits, PhotometricInterpretation=photometric
    )
    expected = between_extremes(stored)
    if photometric == "MONOCHROME1":
        expected = 1.0 - expected
    image = dicom.read_radiograph(path)
    np.testing.assert_array_equal(image, expected.astype(np.float32))


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian]
)
def test_native_syntaxes_hold_the_same_pixels(tmp_path, syntax):
    stored = ramp(12)
    plain = write_dicom(tmp_path / "plain.dcm", stored, 12)
    other = save_dicom(dicom_dataset(stored, 12), tmp_path / "other.dcm", syntax)
    image = dicom.read_radiograph(other)
    np.testing.assert_array_equal(image, dicom.read_radiograph(plain))
    assert dicom.read_size(other) == stored.shape


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
@pytest.mark.parametrize("signed", [False, True])
def test_lossless_syntaxes_hold_the_same_pixels(tmp_path, syntax, signed):
    stored = ramp(12, signed)
    ds = dicom_dataset(stored, 12)
    ds.compress(syntax)
    path = save_dicom(ds, tmp_path / "a.dcm")
    expected = between_extremes(stored).astype(np.float32)
    np.testing.assert_array_equal(dicom.read_radiograph(path), expected)


def test_a_baseline_jpeg_decodes_as_pillow_decodes_it(tmp_path):
    pixels = np.add.outer(np.arange(40), np.arange(32)).astype(np.uint8) * 3
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    ds = dicom_dataset(pixels)
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    ds.PixelData = encapsulate([buffer.getvalue()])
    ds["PixelData"].VR = "OB"
    path = save_dicom(ds, tmp_path / "a.dcm")
    expected = between_extremes(np.asarray(Image.open(buffer)))
    # Decoders may round each value by one step of 256.
    np.testing.assert_allclose(dicom.read_radiograph(path), expected, atol=2 / 255)


@pytest.mark.parametrize(
    ("slope", "intercept", "flipped"), [(2.5, -1024, False), (-1, 4095, True)]
)
def test_rescale_is_applied_before_scaling(tmp_path, slope, intercept, flipped):
    stored = ramp(12)
    path = write_dicom(
        tmp_path / "a.dcm", stored, 12, RescaleSlope=slope, RescaleIntercept=intercept
    )
    expected = between_extremes(stored)
    expected = 1.0 - expected if flipped else expected
    np.testing.assert_allclose(dicom.read_radiograph(path), expected, atol=1e-7)


def lookup_table(first: int, entries: list[int]) -> Sequence:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first, 16])
    item.add_new("LUTData", "US", entries)
    return Sequence([item])


def test_a_modality_table_is_applied(tmp_path):
    stored = np.array([[0, 1], [2, 3]], dtype="<u2")
    table = lookup_table(0, [0, 10, 40, 100])
    path = write_dicom(tmp_path / "a.dcm", stored, ModalityLUTSequence=table)
    np.testing.assert_allclose(
        dicom.read_radiograph(path), [[0.0, 0.1], [0.4, 1.0]], atol=1e-6
    )


def test_a_voi_table_is_applied_on_request_only(tmp_path):
    stored = np.array([[0, 1], [2, 3]], dtype="<u2")
    table = lookup_table(0, [0, 0, 1000, 4000])
    path = write_dicom(tmp_path / "a.dcm", stored, VOILUTSequence=table)
    assert dicom.read_radiograph(path, "voi").tolist() == [[0.0, 0.0], [0.25, 1.0]]
    assert dicom.read_radiograph(path)[0, 1] == pytest.approx(1 / 3)


def test_a_voi_table_counts_from_rescaled_values(tmp_path):
    stored = np.array([[0, 1], [2, 3]], dtype="<u2")
    path = write_dicom(
        tmp_path / "a.dcm",
        stored,
        VOILUTSequence=lookup_table(10, [0, 0, 1000, 4000]),
        RescaleSlope=1,
        RescaleIntercept=10,
    )
    assert dicom.read_radiograph(path, "voi").tolist() == [[0.0, 0.0], [0.25, 1.0]]


def test_a_linear_window_follows_the_standard(tmp_path):
    """PS3.3 C.11.2.1.2.1 with center 100, width 51: black up to 74.5, white from
    124.5, between them ((x - 99.5) / 50 + 0.5).
    """
    stored = np.array([[0, 74, 87], [100, 125, 255]], dtype="u1")
    path = write_dicom(tmp_path / "a.dcm", stored, WindowCenter=100, WindowWidth=51)
    expected = [[0.0, 0.0, 0.25], [0.51, 1.0, 1.0]]
    np.testing.assert_allclose(dicom.read_radiograph(path, "voi"), expected, atol=1e-6)


def test_the_first_of_several_windows_counts(tmp_path):
    stored = np.array([[0, 74, 87], [100, 125, 255]], dtype="u1")
    tags = {"WindowCenter": [100, 10], "WindowWidth": [51, 5]}
    path = write_dicom(tmp_path / "a.dcm", stored, **tags)
    assert dicom.read_radiograph(path, "voi")[0, 2] == pytest.approx(0.25)


def test_a_sigmoid_window_follows_the_standard(tmp_path):
    """PS3.3 C.11.2.1.3.1: 1 / (1 + exp(-4 (x - center) / width))."""
    stored = ramp(8)
    tags = {"WindowCenter": 100, "WindowWidth": 60, "VOILUTFunction": "SIGMOID"}
    path = write_dicom(tmp_path / "a.dcm", stored, **tags)
    expected = 1 / (1 + np.exp(-4 * (stored.astype(float) - 100) / 60))
    np.testing.assert_allclose(dicom.read_radiograph(path, "voi"), expected, atol=1e-6)


def test_a_window_is_inverted_with_monochrome1(tmp_path):
    stored = np.array([[0, 74, 87], [100, 125, 255]], dtype="u1")
    tags = {"WindowCenter": 100, "WindowWidth": 51}
    tags["PhotometricInterpretation"] = "MONOCHROME1"
    path = write_dicom(tmp_path / "a.dcm", stored, **tags)
    expected = [[1.0, 1.0, 0.75], [0.49, 0.0, 0.0]]
    np.testing.assert_allclose(dicom.read_radiograph(path, "voi"), expected, atol=1e-6)


def test_without_a_window_voi_is_minmax(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", ramp(12), 12)
    np.testing.assert_array_equal(
        dicom.read_radiograph(path, "voi"), dicom.read_radiograph(path)
    )


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_takes_no_part_and_becomes_dark(tmp_path, photometric):
    stored = np.array([[-2000, 0], [50, 100]], dtype="<i2")
    path = write_dicom(
        tmp_path / "a.dcm",
        stored,
        PhotometricInterpretation=photometric,
        PixelPaddingValue=-2000,
    )
    expected = {"MONOCHROME1": [[0, 1], [0.5, 0]], "MONOCHROME2": [[0, 0], [0.5, 1]]}
    assert dicom.read_radiograph(path).tolist() == expected[photometric]


def test_a_range_of_padding_takes_no_part(tmp_path):
    stored = np.array([[4000, 4095], [50, 100], [0, 60]], dtype="<u2")
    tags = {"PixelPaddingValue": 4095, "PixelPaddingRangeLimit": 4000}
    path = write_dicom(tmp_path / "a.dcm", stored, 12, **tags)
    np.testing.assert_allclose(
        dicom.read_radiograph(path), [[0, 0], [0.5, 1], [0, 0.6]], atol=1e-6
    )


def test_an_unknown_window_is_refused():
    with pytest.raises(ValueError, match="expected one of"):
        dicom.read_radiograph("a.dcm", "best")


def patched(path: Path, old: bytes, new: bytes) -> Path:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new.ljust(len(old), b"\0"), 1))
    return path


def faulty(tmp_path: Path, fault: str) -> Path:
    path = tmp_path / "a.dcm"
    ds = dicom_dataset(ramp(12), 12)
    tags = {
        "several frames": {"NumberOfFrames": 2},
        "color": {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3},
        "palette": {"PhotometricInterpretation": "PALETTE COLOR"},
        "bits": {"BitsAllocated": 12},
        "lateral": {"ViewPosition": "LL"},
        "huge": {"Rows": 60000, "Columns": 60000},
        "overlong": {"Rows": 5000, "Columns": 5000},
        "constant": {"PixelData": bytes(2 * 40 * 32)},
        "flat rescale": {"RescaleSlope": 0, "RescaleIntercept": 1},
        "all padding": {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 4095},
    }
    for keyword, value in tags.get(fault, {}).items():
        setattr(ds, keyword, value)
    if fault == "no rows":
        del ds.Rows
    if fault == "no pixels":
        del ds.PixelData
    if fault in ("truncated rle", "truncated jpeg 2000", "lying jpeg 2000"):
        ds.compress(RLELossless if fault == "truncated rle" else JPEG2000Lossless)
    if fault == "missing":
        return path
    save_dicom(ds, path)
    if fault == "lying jpeg 2000":
        sides = (32).to_bytes(4, "big") + (40).to_bytes(4, "big")
        return patched(path, sides, (60000).to_bytes(4, "big") * 2)
    uid = b"1.2.840.10008.1.2.1"
    if fault == "unknown syntax":
        return patched(path, uid, b"1.2.3.4.5.6")
    if fault == "video syntax":
        return patched(path, uid, b"1.2.840.10008.1.2.4.100"[: len(uid)])
    cut = {"truncated": -100, "truncated rle": -200, "truncated jpeg 2000": -200}
    cut |= {"only a header": 300, "only a preamble": 132, "empty": 0}
    if fault in cut:
        path.write_bytes(path.read_bytes()[: cut[fault]])
    if fault == "text":
        path.write_text("not an image, " * 100)
    return path


@pytest.mark.parametrize(
    ("fault", "tag", "problem"),
    [
        ("missing", None, "no such file"),
        ("empty", None, "not DICOM"),
        ("text", None, "not DICOM"),
        ("only a preamble", "(0002,0010)", "transfer syntax"),
        ("only a header", "(0028,00", "no image size"),
        ("truncated", "(7FE0,0010)", "truncated"),
        ("truncated rle", "(7FE0,0010)", "no complete pixel data"),
        ("truncated jpeg 2000", "(7FE0,0010)", "no complete pixel data"),
        ("no pixels", "(7FE0,0010)", "no complete pixel data"),
        ("no rows", "(0028,0010)", "no image size"),
        ("unknown syntax", "(0002,0010)", "unknown transfer syntax"),
        ("video syntax", "(0002,0010)", "unknown transfer syntax"),
        ("several frames", "(0028,0008)", "several frames"),
        ("color", "(0028,0004)", "not a gray image"),
        ("palette", "(0028,0004)", "not a gray image"),
        ("bits", "(0028,0100)", "bit depth"),
        ("lateral", "(0018,5101)", "from the side"),
        ("huge", "(0028,0010)", "60000 x 60000 pixels"),
        ("overlong", "(7FE0,0010)", "truncated"),
        ("lying jpeg 2000", "(7FE0,0010)", "another size"),
        ("constant", "(7FE0,0010)", "constant"),
        ("flat rescale", "(0028,1053)", "constant"),
        ("all padding", "(0028,0120)", "constant"),
    ],
)
def test_a_faulty_file_is_refused_by_name(tmp_path, fault, tag, problem):
    path = faulty(tmp_path, fault)
    with pytest.raises(ImageError, match=problem) as caught:
        dicom.read_radiograph(path)
    assert caught.value.file == str(path)
    assert caught.value.expected
    assert (caught.value.column or "").startswith(tag or "")
    assert PLANTED not in str(caught.value)


@pytest.mark.parametrize("planes_apart", [0, 1])
def test_a_secondary_capture_in_color_is_refused_by_name(tmp_path, planes_apart):
    ds = dicom_dataset(ramp(8))
    ds.SOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    ds.PhotometricInterpretation, ds.SamplesPerPixel = "RGB", 3
    ds.PlanarConfiguration = planes_apart
    ds.PixelData = ramp(8).tobytes() * 3
    path = save_dicom(ds, tmp_path / "a.dcm")
    assert pydicom.dcmread(path).pixel_array.shape == (40, 32, 3)
    with pytest.raises(ImageError, match="not a gray image") as caught:
        dicom.read_radiograph(path)
    assert caught.value.column == "(0028,0004)"


@pytest.mark.parametrize("width", [0, -5])
def test_an_impossible_window_is_refused(tmp_path, width):
    path = write_dicom(tmp_path / "a.dcm", ramp(8), WindowCenter=9, WindowWidth=width)
    with pytest.raises(ImageError, match="broken window"):
        dicom.read_radiograph(path, "voi")
    assert dicom.read_radiograph(path).max() == 1.0


@pytest.mark.parametrize("fault", ["huge", "lying jpeg 2000"])
def test_a_claimed_size_is_refused_before_allocation(tmp_path, fault):
    path = faulty(tmp_path, fault)
    tracemalloc.start()
    with pytest.raises(ImageError):
        dicom.read_radiograph(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4e6


def test_a_deflated_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(header, "MAX_FILE_BYTES", 100_000)
    ds = dicom_dataset(ramp(8))
    ds.add_new(0x00091010, "OB", bytes(200_000))
    path = save_dicom(ds, tmp_path / "a.dcm", DeflatedExplicitVRLittleEndian)
    assert path.stat().st_size < 10_000
    with pytest.raises(ImageError, match="too large") as caught:
        dicom.read_size(path)
    assert "inflated" in caught.value.expected


def test_reading_a_size_touches_no_pixels(tmp_path):
    path = faulty(tmp_path, "truncated")
    assert dicom.read_size(path) == (40, 32)


def test_random_damage_gives_an_image_or_a_named_error(tmp_path):
    rng = np.random.default_rng(0)
    ds = dicom_dataset(ramp(12), 12)
    ds.compress(RLELossless)
    originals = [
        write_dicom(tmp_path / "plain.dcm", ramp(12), 12, WindowCenter=9).read_bytes(),
        save_dicom(ds, tmp_path / "rle.dcm").read_bytes(),
    ]
    path = tmp_path / "damaged.dcm"
    for trial in range(300):
        content = bytearray(originals[trial % 2])
        for _ in range(rng.integers(1, 8)):
            content[rng.integers(0, min(len(content), 900))] = rng.integers(0, 256)
        path.write_bytes(content)
        try:
            image = dicom.read_radiograph(path, "voi")
        except ImageError as error:
            assert PLANTED[:7] not in str(error)
        else:
            assert image.min() >= 0.0 and image.max() <= 1.0


@pytest.mark.parametrize("frames", [2, 3])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
@pytest.mark.parametrize("stated", [None, 1])
def test_more_pixels_than_the_header_knows_of_are_refused(
    tmp_path, frames, syntax, stated
):
    ds = dicom_dataset(np.stack([ramp(12)] * frames), 12)
    ds.Rows, ds.Columns, ds.NumberOfFrames = 40, 32, frames
    if syntax == RLELossless:
        ds.compress(syntax)
    ds.NumberOfFrames = stated
    path = save_dicom(ds, tmp_path / "a.dcm", syntax)
    with pytest.raises(ImageError, match="several frames") as caught:
        dicom.read_radiograph(path)
    assert caught.value.column == "(7FE0,0010)"
