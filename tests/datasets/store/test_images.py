import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from chexnomaly import dicom
from chexnomaly.datasets.store import images
from chexnomaly.errors import ImageError
from tests.dicom_files import ramp, write_dicom

REAL = os.environ.get("CHEXNOMALY_REAL_DATA")
needs_real_data = pytest.mark.skipif(not REAL, reason="CHEXNOMALY_REAL_DATA is unset")


def scaled(values):
    values = np.asarray(values, dtype=np.float64)
    return ((values - values.min()) / (values.max() - values.min())).astype(np.float32)


@pytest.mark.parametrize("kind", ["L", "RGB", "RGBA", "LA", "I;16", "P", "1"])
def test_every_kind_of_gray_picture_reads_the_same(tmp_path, kind):
    gray = ramp(8)
    if kind == "I;16":
        picture = Image.fromarray(gray.astype(np.uint16) * 257)
    elif kind == "1":
        gray = gray // 128 * 255
        picture = Image.fromarray(gray).convert("1")
    elif kind == "P":
        picture = Image.fromarray(gray, "L").convert("RGB").quantize(256)
        gray = np.asarray(picture.convert("RGB"))[..., 0]
    else:
        picture = Image.fromarray(gray).convert(kind)
    picture.save(tmp_path / "a.png")
    image = images.read_image(tmp_path / "a.png")
    assert image.dtype == np.float32
    np.testing.assert_allclose(image, scaled(gray), atol=1e-6)
    assert images.read_size(tmp_path / "a.png") == gray.shape


def test_sixteen_bits_are_kept(tmp_path):
    values = np.arange(40_000, 41_280, dtype=np.uint16).reshape(40, 32)
    cv2.imwrite(str(tmp_path / "a.png"), values)
    image = images.read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image, scaled(values))


def test_color_becomes_luminance(tmp_path):
    colors = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 0]]], np.uint8)
    Image.fromarray(colors).save(tmp_path / "a.png")
    expected = np.array([[0.299, 0.587, 0.114, 0.0]]) / 0.587
    np.testing.assert_allclose(
        images.read_image(tmp_path / "a.png"), expected, atol=1e-6
    )


def test_what_is_transparent_is_black(tmp_path):
    pixels = np.full((1, 3, 4), 200, np.uint8)
    pixels[0, :, 3] = [255, 0, 51]  # opaque, clear, one fifth
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_allclose(
        images.read_image(tmp_path / "a.png"), [[1.0, 0.0, 0.2]], atol=1e-6
    )


def test_content_counts_and_not_the_name(tmp_path):
    gray = ramp(8)
    Image.fromarray(gray).save(tmp_path / "real.png")
    (tmp_path / "real.png").rename(tmp_path / "a.jpg")
    write_dicom(tmp_path / "b.png", gray)
    np.testing.assert_array_equal(
        images.read_image(tmp_path / "a.jpg"), images.read_image(tmp_path / "b.png")
    )


def test_a_jpeg_reads_as_opencv_reads_it(tmp_path):
    gray = cv2.GaussianBlur(ramp(8), (5, 5), 0)
    cv2.imwrite(str(tmp_path / "a.jpg"), gray, [cv2.IMWRITE_JPEG_QUALITY, 95])
    expected = scaled(cv2.imread(str(tmp_path / "a.jpg"), cv2.IMREAD_UNCHANGED))
    image = images.read_image(tmp_path / "a.jpg")
    np.testing.assert_allclose(image, expected, atol=2 / 255)


def faulty(tmp_path, fault):
    path = tmp_path / "a.png"
    Image.fromarray(ramp(8)).save(path)
    content = path.read_bytes()
    if fault == "missing":
        path.unlink()
    elif fault == "empty":
        path.write_bytes(b"")
    elif fault == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif fault == "header only":
        path.write_bytes(content[:20])
    elif fault == "text":
        path.write_text("no image")
    elif fault == "constant":
        Image.new("L", (9, 9), 7).save(path)
    elif fault == "gif":
        Image.fromarray(ramp(8)).save(path, format="GIF")
    elif fault == "huge":
        path.write_bytes(content[:16] + (60000).to_bytes(4, "big") * 2 + content[24:])
    elif fault == "folder":
        path.unlink()
        path.mkdir()
    return path


@pytest.mark.parametrize(
    "fault",
    "missing empty truncated text constant gif huge folder".split() + ["header only"],
)
def test_a_faulty_picture_is_refused_by_name(tmp_path, fault):
    path = faulty(tmp_path, fault)
    with pytest.raises(ImageError) as caught:
        images.read_image(path)
    assert caught.value.file == str(path) and caught.value.expected


def test_a_size_is_bounded_before_decoding(tmp_path, monkeypatch):
    monkeypatch.setattr(dicom, "MAX_PIXELS", 1000)
    path = faulty(tmp_path, "none")
    with pytest.raises(ImageError, match="40 x 32 pixels"):
        images.read_size(path)


def test_foreground_is_what_is_not_black(tmp_path):
    pixels = np.zeros((2, 3, 4), np.uint8)
    pixels[..., 3] = 255
    pixels[0, 1] = [0, 0, 1, 255]
    pixels[1, 2] = [90, 0, 0, 0]
    Image.fromarray(pixels).save(tmp_path / "a.png")
    mask = images.read_foreground(tmp_path / "a.png")
    assert mask.tolist() == [[False, True, False], [False, False, True]]


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_random_damage_gives_an_image_or_a_named_error(tmp_path, kind):
    rng = np.random.default_rng(0)
    path = tmp_path / "a"
    Image.fromarray(ramp(8)).save(path, format=kind)
    good = path.read_bytes()
    for _ in range(150):
        content = bytearray(good)
        for _ in range(rng.integers(1, 6)):
            content[rng.integers(0, len(content))] = rng.integers(0, 256)
        path.write_bytes(content)
        try:
            image = images.read_image(path)
        except ImageError:
            continue
        assert image.dtype == np.float32
        assert image.min() == 0.0 and image.max() == 1.0


@needs_real_data
def test_every_real_picture_reads():
    paths = sorted(Path(REAL).glob("covid-*/images/*"))
    assert len(paths) == 48
    for path in paths[::6]:
        image = images.read_image(path)
        with Image.open(path) as picture:
            assert image.shape == (picture.height, picture.width)
            gray = np.asarray(picture.convert("RGB").convert("L"), dtype=np.float64)
        assert image.min() == 0.0 and image.max() == 1.0
        assert np.corrcoef(image.ravel(), gray.ravel())[0, 1] > 0.999


TURNED = {
    1: lambda pixels: pixels,
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: np.transpose,
    6: np.rot90,
    7: lambda pixels: np.rot90(pixels, 2).T,
    8: lambda pixels: np.rot90(pixels, -1),
}
"""EXIF orientation to how an upright film lies in the file."""


@pytest.mark.parametrize("kind", ["L", "RGB", "RGBA", "I;16", "P"])
@pytest.mark.parametrize("tag", TURNED)
def test_pixels_size_and_foreground_are_turned_upright_alike(tmp_path, tag, kind):
    gray = np.zeros((5, 3), np.uint8)
    gray[1:3, 0], gray[4, 2] = (90, 60), 255
    lying = np.ascontiguousarray(TURNED[tag](gray))
    if kind == "I;16":
        picture = Image.fromarray(lying.astype(np.uint16) * 257)
    elif kind == "P":
        picture = Image.fromarray(lying).convert("RGB").quantize(256)
    else:
        picture = Image.fromarray(lying).convert(kind)
    exif = Image.Exif()
    exif[0x0112] = tag
    path = tmp_path / "film.png"
    picture.save(path, exif=exif.tobytes())
    np.testing.assert_allclose(images.read_image(path), scaled(gray), atol=1e-6)
    assert images.read_size(path) == (5, 3)
    if kind != "I;16":
        np.testing.assert_array_equal(images.read_foreground(path), gray > 0)


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0nonsense" * 9, b"\xff" * 40])
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_damaged_orientation_costs_no_film(tmp_path, exif, ending):
    path = tmp_path / f"film.{ending}"
    Image.fromarray(ramp(8)).save(path, exif=exif)
    assert images.read_image(path).shape == images.read_size(path) == ramp(8).shape


def test_color_is_the_spread_of_the_channels(tmp_path):
    half = np.zeros((64, 64, 3), np.uint8)
    half[:32, :, 0] = 255
    Image.fromarray(half).save(tmp_path / "half_red.png")
    assert images.read_color(tmp_path / "half_red.png") == pytest.approx(0.5)
    Image.fromarray(half[..., 0]).save(tmp_path / "gray.png")
    assert images.read_color(tmp_path / "gray.png") == 0
    with pytest.raises(ImageError, match="no such file"):
        images.read_color(tmp_path / "absent.png")
