"""Compressed frames: every syntax, and a decoder that dies, hangs or is not there."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from pydicom import uid
from pydicom.encaps import get_frame

from chexnomaly import dicom
from chexnomaly.datasets.store.preparing import prepare_store
from chexnomaly.dicom import apart
from chexnomaly.errors import ImageError
from tests.dicom import decoder_double
from tests.dicom_files import (
    ENCODERS,
    compressed,
    dicom_dataset,
    ramp,
    save_dicom,
    write_dicom,
)

STREAMS = Path(__file__).parent / "streams"
ROOT = Path(__file__).parents[2]


def a_film(path: Path, says: bytes = b"", syntax=uid.JPEGLSLossless) -> Path:
    """Write a compressed film; a double reads what stands behind its frame."""
    ds = compressed(dicom_dataset(ramp(12), 12), syntax)
    frame = get_frame(ds.PixelData, 0, number_of_frames=1)
    return save_dicom(compressed(ds, syntax, frame + says), path)


@pytest.fixture
def double(monkeypatch):
    monkeypatch.setattr(apart, "PROGRAM", decoder_double.__file__)
    monkeypatch.setattr(apart, "_decoders", [apart._Decoder()])
    yield
    apart._decoders[-1].close()


@pytest.mark.parametrize("syntax", ENCODERS, ids=lambda syntax: syntax.name)
def test_every_syntax_is_decoded(tmp_path, syntax):
    bits = 8 if syntax == uid.JPEGBaseline8Bit else 12
    stored = ramp(bits)
    path = save_dicom(compressed(dicom_dataset(stored, bits), syntax), tmp_path / "a")
    expected = dicom.read_radiograph(write_dicom(tmp_path / "b", stored, bits))
    lossless = "Lossless" in syntax.name and "Near" not in syntax.name
    found = dicom.read_radiograph(path)
    np.testing.assert_allclose(found, expected, atol=0 if lossless else 0.02)
    assert dicom.read_size(path) == stored.shape


@pytest.mark.parametrize(
    ("name", "syntax"),
    [
        ("extended_12bit.jpg", uid.JPEGExtended12Bit),
        ("lossless.jpg", uid.JPEGLossless),
        ("lossless_sv1.jpg", uid.JPEGLosslessSV1),
        ("jpeg_ls.jls", uid.JPEGLSLossless),
        ("jpeg_ls_near.jls", uid.JPEGLSNearLossless),
    ],
)
def test_streams_of_dcmtk_decode_as_dcmtk_decodes_them(tmp_path, name, syntax):
    """Written by dcmcjpeg and dcmcjpls; lossy ones read back by dcmdjpeg, dcmdjpls."""
    path = STREAMS / name
    lossy = path.with_suffix(".npy")
    stored = np.load(lossy if lossy.exists() else STREAMS / "stored.npy")
    ds = compressed(dicom_dataset(stored, 12), syntax, path.read_bytes())
    found = dicom.read_radiograph(save_dicom(ds, tmp_path / "a"))
    expected = dicom.read_radiograph(write_dicom(tmp_path / "b", stored, 12))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_film_that_kills_its_decoder_costs_itself_alone(tmp_path, double, workers):
    folder = tmp_path / "films"
    says = {37: decoder_double.DIES}
    films = {
        f"f{i:02d}": a_film(folder / f"{i}.dcm", says.get(i, b"")) for i in range(100)
    }
    store, refusals = prepare_store(
        films, tmp_path / "store", 16, workers, decoder_double.read_image
    )
    assert len(store) == 99
    (refusal,) = refusals
    assert refusal.error == "ImageError"
    assert refusal.problem == "decoder crashed"
    assert refusal.file == str(films["f37"])
    assert refusal.column == "(7FE0,0010)"


@pytest.mark.parametrize("says", [decoder_double.TURNS, decoder_double.SLEEPS])
def test_a_decoder_that_hangs_is_ended(tmp_path, double, monkeypatch, says):
    hangs, sound = a_film(tmp_path / "a", says), a_film(tmp_path / "b")
    dicom.read_radiograph(sound)
    monkeypatch.setattr(apart, "SECONDS", 0.1)
    with pytest.raises(ImageError, match="decoder hung") as caught:
        dicom.read_radiograph(hangs)
    assert caught.value.column == "(7FE0,0010)"
    monkeypatch.setattr(apart, "SECONDS", 1.0)
    assert dicom.read_radiograph(sound).max() == 1.0


def test_a_decoder_that_is_not_there_is_named(tmp_path, double):
    path = a_film(tmp_path / "a", decoder_double.NOT_INSTALLED)
    with pytest.raises(ImageError, match="no decoder for JPEG-LS") as caught:
        dicom.read_radiograph(path)
    assert caught.value.column == "(0002,0010)"
    assert "imagecodecs" in caught.value.expected


def test_an_interrupt_leaves_no_answer_for_the_next_film(tmp_path, double):
    hangs, sound = a_film(tmp_path / "a", decoder_double.SLEEPS), a_film(tmp_path / "b")
    expected = dicom.read_radiograph(sound)

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            dicom.read_radiograph(hangs)
    finally:
        signal.signal(signal.SIGALRM, before)
    np.testing.assert_array_equal(dicom.read_radiograph(sound), expected)


def test_a_decoder_that_was_killed_while_idle_costs_no_film(tmp_path, double):
    path = a_film(tmp_path / "a")
    dicom.read_radiograph(path)
    os.kill(apart._decoders[-1]._process.pid, signal.SIGKILL)
    time.sleep(0.2)
    assert dicom.read_radiograph(path).max() == 1.0


def test_threads_get_their_own_films(tmp_path, double):
    paths = []
    for i in range(24):
        stored = np.random.default_rng(i).integers(0, 4096, (50, 40), dtype="<u2")
        ds = compressed(dicom_dataset(stored, 12), uid.JPEGLSLossless)
        paths.append(save_dicom(ds, tmp_path / f"{i}"))
    expected = [dicom.read_radiograph(path) for path in paths]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(dicom.read_radiograph, paths))
    np.testing.assert_array_equal(found, expected)


def _read_in_fork(path: Path, owner: int, pipe) -> None:
    maximum = float(dicom.read_radiograph(path).max())
    pipe.send((maximum, apart._decoders[-1]._process.pid != owner))


def test_a_forked_process_has_a_decoder_of_its_own(tmp_path, double):
    path = a_film(tmp_path / "a")
    dicom.read_radiograph(path)
    owner = apart._decoders[-1]._process.pid
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_read_in_fork, args=(path, owner, theirs))
    process.start()
    assert ours.recv() == (1.0, True)
    process.join()
    assert dicom.read_radiograph(path).max() == 1.0
    assert apart._decoders[-1]._process.pid == owner


SCRIPT = """
import sys, time
from chexnomaly import dicom
from chexnomaly.dicom import apart
print(dicom.read_radiograph(sys.argv[1]).max(), flush=True)
print(apart._decoders[-1]._process.pid, flush=True)
time.sleep(float(sys.argv[2]))
"""


@pytest.mark.parametrize("killed", [False, True])
def test_a_script_without_a_guard_leaves_no_decoder_behind(tmp_path, killed):
    script = tmp_path / "read.py"
    script.write_text(SCRIPT)
    call = [sys.executable, script, a_film(tmp_path / "a"), "60" if killed else "0"]
    process = subprocess.Popen(
        call,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "1.0\n"
    decoder = psutil.Process(int(process.stdout.readline()))
    if killed:
        process.kill()
    assert process.wait(30) == (-signal.SIGKILL if killed else 0)
    process.stdout.close()
    decoder.wait(10)
