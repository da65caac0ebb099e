"""What a header says, says by halves, or says by an empty element."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import uid
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from chexnomaly import dicom
from chexnomaly.dicom.header import NUMBERS, TAGS, WINDOW_TAGS, read_header
from chexnomaly.errors import ImageError
from tests.dicom_files import (
    ENCODERS,
    compressed,
    dicom_dataset,
    ramp,
    save_dicom,
    write_dicom,
)

NEEDED = (
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation"),
    "PhotometricInterpretation",
)
"""Without these a film is refused."""


NATIVE = (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian)


def outcome(path: Path) -> np.ndarray | tuple:
    """Give the image by the film's own window, or what is said in its place."""
    try:
        return dicom.read_radiograph(path, "voi")
    except ImageError as error:
        return error.problem, error.column, error.expected


def table(**elements) -> Sequence:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4, 0, 16])
    item.add_new("LUTData", "US", [0, 10, 40, 100])
    for keyword, value in elements.items():
        item[keyword].value = value
    return Sequence([item])


@pytest.mark.parametrize("keyword", [*TAGS, *WINDOW_TAGS])
@pytest.mark.parametrize(
    "syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian]
)
def test_an_empty_element_counts_as_absent(tmp_path, keyword, syntax):
    tags = {"WindowCenter": 1800, "WindowWidth": 900, "VOILUTFunction": "SIGMOID"}
    tags |= {"RescaleSlope": 2, "RescaleIntercept": -100}
    if keyword != "PixelRepresentation":  # without it, padding cannot be written
        tags |= {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 5}
    ds = dicom_dataset(ramp(12), 12, **tags)
    ds.NumberOfFrames = 1
    if keyword in ds:
        del ds[keyword]
    without = outcome(save_dicom(ds, tmp_path / "a", syntax))
    ds.add_new(keyword, dictionary_VR(keyword).split(" or ")[0], None)
    empty = outcome(save_dicom(ds, tmp_path / "b", syntax))
    np.testing.assert_equal(empty, without)
    assert isinstance(without, tuple) == (keyword in NEEDED), without
    if dictionary_VR(keyword) in ("CS", "DS", "IS"):
        ds[keyword].value = ["", ""]
        np.testing.assert_equal(
            outcome(save_dicom(ds, tmp_path / "c", syntax)), without
        )


@pytest.mark.parametrize("keyword", NEEDED)
def test_what_is_missing_is_named(tmp_path, keyword):
    ds = dicom_dataset(ramp(12), 12)
    tag = str(ds[keyword].tag).upper()
    del ds[keyword]
    path = save_dicom(ds, tmp_path / "a")
    with pytest.raises(ImageError) as caught:
        dicom.read_radiograph(path)
    assert caught.value.column == tag
    assert "truncated" not in str(caught.value)


@pytest.mark.parametrize("keyword", ["ModalityLUTSequence", "VOILUTSequence"])
@pytest.mark.parametrize("empty", [("LUTData",), ("LUTDescriptor",), ()], ids=str)
def test_half_a_table_is_none(tmp_path, keyword, empty):
    tags = {"WindowCenter": 1800, "WindowWidth": 900}
    plain = write_dicom(tmp_path / "a", ramp(12), 12, **tags)
    items = table(**dict.fromkeys(empty)) if empty else Sequence([Dataset()])
    path = write_dicom(tmp_path / "b", ramp(12), 12, **tags, **{keyword: items})
    np.testing.assert_array_equal(outcome(path), outcome(plain))


@pytest.mark.parametrize(
    "tags",
    [
        {"WindowCenter": 1800},
        {"WindowWidth": 900},
        {"WindowCenter": 1800, "WindowWidth": None},
        {"WindowCenter": [1800, 5], "WindowWidth": ["", ""]},
    ],
)
def test_half_a_window_is_none(tmp_path, tags):
    plain = write_dicom(tmp_path / "a", ramp(12), 12)
    path = write_dicom(tmp_path / "b", ramp(12), 12, **tags)
    np.testing.assert_array_equal(outcome(path), outcome(plain))


def test_the_first_whole_window_counts(tmp_path):
    whole = {"WindowCenter": 1800, "WindowWidth": 900}
    halves = {"WindowCenter": ["", 1800, 7], "WindowWidth": [300, 900, 8]}
    plain = write_dicom(tmp_path / "a", ramp(12), 12, **whole)
    path = write_dicom(tmp_path / "b", ramp(12), 12, **halves)
    np.testing.assert_array_equal(outcome(path), outcome(plain))


def test_a_slope_alone_has_no_intercept_and_an_intercept_alone_slope_one(tmp_path):
    window = {"WindowCenter": 1800, "WindowWidth": 900}
    for number, (half, other) in enumerate(
        [({"RescaleSlope": 2}, {"RescaleIntercept": 0})]
        + [({"RescaleIntercept": 300}, {"RescaleSlope": 1})]
    ):
        plain = write_dicom(tmp_path / f"a{number}", ramp(12), 12, **window)
        whole = write_dicom(
            tmp_path / f"b{number}", ramp(12), 12, **window, **half, **other
        )
        path = write_dicom(tmp_path / f"c{number}", ramp(12), 12, **window, **half)
        np.testing.assert_array_equal(outcome(path), outcome(whole))
        assert (outcome(path) != outcome(plain)).any()


@pytest.mark.parametrize("keyword", NUMBERS)
@pytest.mark.parametrize("value", [[1, 2], "abc", "inf"])
def test_what_is_no_number_is_named(tmp_path, keyword, value):
    ds = dicom_dataset(ramp(12), 12)
    ds.add_new(keyword, "US" if isinstance(value, list) else "LO", value)
    tag = str(ds[keyword].tag).upper()
    path = save_dicom(ds, tmp_path / "a")
    with pytest.raises(ImageError, match="broken") as caught:
        dicom.read_radiograph(path)
    assert caught.value.column == tag


@pytest.mark.parametrize(
    ("tags", "at_fault"),
    [
        ({"WindowCenter": 9, "WindowWidth": 0}, "(0028,1051)"),
        ({"WindowCenter": 9, "WindowWidth": 9, "VOILUTFunction": "ODD"}, "(0028,1056)"),
        ({"VOILUTSequence": table(LUTDescriptor=[4, 0])}, "(0028,3010)"),
        ({"ModalityLUTSequence": table(LUTDescriptor=[4, 0])}, "(0028,3000)"),
        ({"BitsStored": 17}, "(0028,0101)"),
        ({"BitsStored": 0}, "(0028,0101)"),
        ({"HighBit": 10}, "(0028,0102)"),
        ({"HighBit": 16}, "(0028,0102)"),
        ({"PixelRepresentation": 2}, "(0028,0103)"),
    ],
)
def test_a_refusal_names_the_tag_at_fault(tmp_path, tags, at_fault):
    path = write_dicom(tmp_path / "a", ramp(12), 12, **tags)
    assert outcome(path)[1] == at_fault


def view_codes(*codes: str) -> Sequence:
    items = [Dataset() for _ in codes]
    for item, code in zip(items, codes, strict=True):
        item.CodeValue, item.CodingSchemeDesignator = code, "SCT"
        item.CodeMeaning = "some words"
    return Sequence(items)


@pytest.mark.parametrize(
    ("tags", "at_fault"),
    [
        *[
            ({"ViewPosition": view}, "(0018,5101)")
            for view in ("LL", "RL", "LLO", "RLO", "LAT", "LATERAL", "LEFT LATERAL")
            + ("L LAT", "RLAT", "XTABLE LAT", " LL ")
        ],
        *[
            ({"ViewCodeSequence": view_codes(code)}, "(0054,0220)")
            for code in ("R-10236", "R-10232", "R-102CD", "399067008", "399173006")
            + ("399198007", "G-5223", "399260004")
        ],
        ({"ViewCodeSequence": view_codes("272479007", "R-10236")}, "(0054,0220)"),
        *[
            ({"PatientOrientation": directions}, "(0020,0020)")
            for directions in (["A", "F"], ["P", "F"], ["F", "A"], ["AL", "FP"], "A")
        ],
        ({"ViewPosition": "PA", "PatientOrientation": ["A", "F"]}, "(0020,0020)"),
        (
            {"ViewPosition": "", "ViewCodeSequence": view_codes("R-10236")},
            "(0054,0220)",
        ),
    ],
)
def test_a_film_from_the_side_is_refused_by_whatever_says_so(tmp_path, tags, at_fault):
    path = write_dicom(tmp_path / "a", ramp(12), 12, **tags)
    for read in (dicom.read_radiograph, dicom.read_size):
        with pytest.raises(ImageError, match="from the side") as caught:
            read(path)
        assert caught.value.column == at_fault


@pytest.mark.parametrize(
    "tags",
    [
        *({"ViewPosition": v} for v in ("PA", "AP", "LLD", "RLD", "LAT DECUB")),
        *({"ViewCodeSequence": view_codes(c)} for c in ("272479007", "R-10206", "1")),
        {"ViewCodeSequence": Sequence([])},
        {"ViewCodeSequence": Sequence([Dataset()])},
        *({"PatientOrientation": d} for d in (["L", "F"], ["LP", "F"], "LP")),
    ],
)
def test_a_frontal_film_is_read_whatever_its_words(tmp_path, tags):
    path = write_dicom(tmp_path / "a", ramp(12), 12, **tags)
    assert dicom.read_radiograph(path).max() == 1.0


def in_cells(values: np.ndarray, lowest_bit: int, garbage: int) -> np.ndarray:
    """Move 12-bit values up in cells of 16 and fill the unused bits; (H, W), uint16."""
    pattern = (values.astype(np.int64) & 0xFFF) << lowest_bit
    unused = 0xFFFF & ~(0xFFF << lowest_bit)
    return (pattern | (garbage & unused)).astype("<u2")


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("lowest_bit", [0, 2, 4])
@pytest.mark.parametrize("garbage", [0, 0xFFFF, 0x9009])
@pytest.mark.parametrize("syntax", ["native", uid.ExplicitVRBigEndian, uid.RLELossless])
def test_stored_bits_are_cut_out_of_their_cells(
    tmp_path, signed, lowest_bit, garbage, syntax
):
    """Overlays in unused bits, values at the upper end, signs that are not extended."""
    values = ramp(12, signed)
    cells = in_cells(values, lowest_bit, garbage)
    tags = {"WindowCenter": 300, "WindowWidth": 900, "HighBit": lowest_bit + 11}
    tags["PixelRepresentation"] = int(signed)
    plain = write_dicom(tmp_path / "a", values, 12, **tags | {"HighBit": 11})
    ds = dicom_dataset(cells, 12, **tags)
    if syntax == uid.ExplicitVRBigEndian:
        ds.PixelData = cells.byteswap().tobytes()
    if syntax == uid.RLELossless:
        ds.compress(syntax)
    native = uid.ExplicitVRLittleEndian
    path = save_dicom(ds, tmp_path / "b", native if syntax == "native" else syntax)
    np.testing.assert_array_equal(outcome(path), outcome(plain))


def test_unused_bits_of_bytes_are_cut_off_too(tmp_path):
    plain = write_dicom(tmp_path / "a", ramp(6), 6)
    path = write_dicom(tmp_path / "b", ramp(6) | 0xC0, 6)
    np.testing.assert_array_equal(outcome(path), outcome(plain))


def test_a_high_bit_of_its_own_is_refused_in_a_compressed_film(tmp_path):
    ds = compressed(dicom_dataset(ramp(12), 12, HighBit=15), uid.JPEGLSLossless)
    assert outcome(save_dicom(ds, tmp_path / "a"))[1] == "(0028,0102)"


def test_a_lossy_value_above_the_stored_bits_does_not_wrap_around(tmp_path):
    """The stream holds 12 bits, the header says 11."""
    stored = ramp(12)
    ds = compressed(dicom_dataset(stored, 12), uid.JPEGExtended12Bit)
    expected = outcome(save_dicom(ds, tmp_path / "a"))
    ds.BitsStored, ds.HighBit = 11, 10
    np.testing.assert_array_equal(outcome(save_dicom(ds, tmp_path / "b")), expected)


# Where readers disagree.


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("shape", ["IDENTITY", "INVERSE", None])
def test_the_photometric_interpretation_counts_alone(tmp_path, photometric, shape):
    tags = {"PhotometricInterpretation": photometric}
    plain = write_dicom(tmp_path / "a", ramp(12), 12, **tags)
    path = write_dicom(tmp_path / "b", ramp(12), 12, **tags, PresentationLUTShape=shape)
    np.testing.assert_array_equal(outcome(path), outcome(plain))


@pytest.mark.parametrize(
    ("signed", "padding", "vr", "bits"),
    [
        (False, -2000, "SS", 16),  # 63536 in unsigned cells
        (True, 63536, "US", 16),  # -2000 in signed ones
        (True, 63536, "US", 12),
        (False, 63536, "US", 12),  # beyond the stored bits: looked for in whole cells
        (False, -2000, "SS", 12),
    ],
)
def test_padding_of_the_wrong_sign_is_taken_by_its_bits(
    tmp_path, signed, padding, vr, bits
):
    values = (ramp(10) + 3).astype("<i4")
    values[:5, :7] = padding
    cells = (values & 0xFFFF).astype("<u2")
    ds = dicom_dataset(cells, bits, PixelRepresentation=int(signed))
    ds.add_new("PixelPaddingValue", vr, padding)
    image = outcome(save_dicom(ds, tmp_path / "a"))
    assert (image[:5, :7] == 0).all()
    rest = np.delete(values.ravel(), [32 * i + j for i in range(5) for j in range(7)])
    expected = (rest - rest.min()) / (rest.max() - rest.min())
    found = np.delete(image.ravel(), [32 * i + j for i in range(5) for j in range(7)])
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("stream_signed", [False, True])
def test_the_header_says_what_sign_a_jpeg_2000_stream_has(
    tmp_path, signed, stream_signed
):
    """Where both disagree, the stream's bits are taken as the header says."""
    values = ramp(12, signed)
    pattern = (values.astype(np.int64) & 0xFFF).astype("<u2")
    written = (pattern << 4).view("<i2") >> 4 if stream_signed else pattern
    frame = bytes(ENCODERS[uid.JPEG2000Lossless](written, 12))
    tags = {"WindowCenter": 300, "WindowWidth": 900}
    ds = compressed(dicom_dataset(values, 12, **tags), uid.JPEG2000Lossless, frame)
    plain = write_dicom(tmp_path / "a", values, 12, **tags)
    np.testing.assert_array_equal(
        outcome(save_dicom(ds, tmp_path / "b")), outcome(plain)
    )


def test_a_missing_sign_is_named_though_others_depend_on_it(tmp_path):
    """Padding and tables in implicit syntax are signed or not as the pixels are."""
    tags = {"PixelPaddingValue": 0, "VOILUTSequence": table()}
    ds = dicom_dataset(ramp(12), 12, **tags)
    path = save_dicom(ds, tmp_path / "a", uid.ImplicitVRLittleEndian)
    sign = b"\x28\0\x03\x01\x02\0\0\0\0\0"
    assert path.read_bytes().count(sign) == 1
    path.write_bytes(path.read_bytes().replace(sign, b""))
    assert outcome(path)[1] == "(0028,0103)"


def test_only_what_is_needed_is_read_of_a_header(tmp_path):
    path = write_dicom(tmp_path / "a", ramp(12), 12, StudyDescription="words")
    assert {e.keyword for e in read_header(path, "voi")} <= {*TAGS, *WINDOW_TAGS}
