"""Films that may carry a name in their pixels are told of once, never by file."""

import warnings

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from chexnomaly.datasets.annotations import burned_in
from chexnomaly.datasets.annotations.burned_in import (
    IS_CAPTURE,
    SAYS_SO,
    read_text_risk,
)
from chexnomaly.datasets.prepared import prepare
from chexnomaly.datasets.sources import vindr
from tests.dicom_files import ramp, write_dicom

CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, None),
        ({"BurnedInAnnotation": "NO"}, None),
        ({"BurnedInAnnotation": "YES"}, SAYS_SO),
        ({"BurnedInAnnotation": "yes "}, SAYS_SO),
        ({"BurnedInAnnotation": ""}, None),
        ({"SOPClassUID": CAPTURE}, IS_CAPTURE),
        ({"SOPClassUID": CAPTURE + ".2"}, IS_CAPTURE),
        ({"SOPClassUID": CAPTURE + "7.1"}, None),
        ({"SOPClassUID": CAPTURE, "BurnedInAnnotation": "NO"}, None),
        ({"SOPClassUID": CAPTURE, "BurnedInAnnotation": "YES"}, SAYS_SO),
        ({"ConversionType": "DF"}, IS_CAPTURE),
    ],
)
def test_the_header_says_why(tmp_path, tags, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the writer, where a value is no code
        path = write_dicom(tmp_path / "a.dcm", ramp(8), 8, **tags)
    assert read_text_risk(path) == expected


def test_what_is_no_dicom_says_nothing(tmp_path):
    Image.fromarray(ramp(8)).save(tmp_path / "a.png")
    (tmp_path / "b.dcm").write_bytes(b"x")
    assert [read_text_risk(tmp_path / n) for n in ("a.png", "b.dcm", "c")] == [None] * 3


def write_source(root, risky):
    rng = np.random.default_rng(0)
    lines = ["image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max"]
    for k in range(8):
        film = rng.integers(0, 4096, (24, 20), np.uint16)
        write_dicom(root / "train" / f"name{k}.dicom", film, 12, **risky.get(k, {}))
        lines.append(f"name{k},No finding,14,R1,,,,")
    (root / "train.csv").write_text("\n".join(lines) + "\n")
    return root


def test_one_warning_counts_them_and_names_no_file(tmp_path):
    risky = {k: {"BurnedInAnnotation": "YES"} for k in (1, 3, 4)}
    risky |= {6: {"SOPClassUID": CAPTURE}}
    root = write_source(tmp_path / "source", risky)
    with pytest.warns(UserWarning) as told:
        data, _ = prepare(vindr, root, tmp_path / "out" / "vindr", 16)
    (text,) = [str(w.message) for w in told]
    assert "4 of 8 films may hold text" in text
    assert "3 by their header, 1 as secondary captures" in text
    assert "film000001, film000003, film000004, ...;" in text
    assert "name" not in text
    assert len(data.store) == 8
    listing = tmp_path / "out" / "private" / "vindr.text.csv"
    table = pd.read_csv(listing)
    assert [f.rsplit("/", 1)[1] for f in table.file] == [
        f"name{k}.dicom" for k in (1, 3, 4, 6)
    ]
    assert listing.stat().st_mode & 0o777 == 0o600


def test_a_set_without_such_films_is_silent(tmp_path):
    root = write_source(tmp_path / "source", {0: {"BurnedInAnnotation": "NO"}})
    prepare(vindr, root, tmp_path / "out" / "vindr", 16)
    assert not (tmp_path / "out" / "private" / "vindr.text.csv").exists()


def test_phantoms_are_not_looked_through(tmp_path, monkeypatch):
    root = write_source(tmp_path / "source", {0: {"BurnedInAnnotation": "YES"}})
    (root / "phantom.json").write_text("{}")
    monkeypatch.setattr(burned_in, "read_text_risk", None)
    prepare(vindr, root, tmp_path / "out" / "vindr", 16)
