"""The shipped films: size, attribution, and nothing that tells of a patient."""

import csv
import hashlib
import io
import json

import numpy as np
import pytest
from PIL import Image

from chexnomaly.datasets.sources import nih
from tests.ship_films import SIDE_PX, main, shrink

FOLDER = nih.shipped()
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file())


def test_they_are_small_enough_for_a_repository():
    assert sum(path.stat().st_size for path in FILES) < 14e6
    films = [path for path in FILES if path.suffix == ".webp"]
    assert len(films) == 1698
    for path in films[::100]:
        with Image.open(path) as film:
            assert film.size == (256, 256) and film.format == "WEBP"
            red, green, blue = np.moveaxis(np.asarray(film.convert("RGB"), int), 2, 0)
        assert np.abs(red - green).max() <= 1 >= np.abs(blue - green).max()


def test_no_age_and_no_sex_stands_beside_a_film():
    names = {path.name for path in FILES if path.suffix != ".webp"}
    assert names == {
        *("ATTRIBUTION.md", "SOURCES.csv", "chestx-det.json", "chestx_det_names.csv"),
        *("opinions.csv", "rsna_ids.csv"),
    }
    tables = [path for path in FILES if path.suffix == ".csv"]
    heads = {path.name: path.read_text().split("\n")[0] for path in tables}
    assert heads["SOURCES.csv"] == "image_id,repository,commit,path,sha256"
    assert heads["opinions.csv"] == "image_id,source,opinion"
    for film in json.loads((FOLDER / "chestx-det.json").read_text()):
        assert set(film) == {"file_name", "syms", "boxes", "polygons"}


def test_every_film_says_where_it_is_from_and_holds_no_note():
    with (FOLDER / "SOURCES.csv").open(newline="") as stream:
        rows = {row["image_id"]: row for row in csv.DictReader(stream)}
    assert rows.keys() == {path.stem for path in FILES if path.suffix == ".webp"}
    assert all(
        len(row["sha256"]) == 64 and len(row["commit"]) == 40 for row in rows.values()
    )
    for path in (FOLDER / "images").glob("*.webp"):
        content = path.read_bytes()
        assert not any(chunk in content[:64] for chunk in (b"EXIF", b"XMP ", b"ICCP"))


def test_the_attribution_names_who_is_owed_one():
    text = (FOLDER / "ATTRIBUTION.md").read_text()
    readme = (FOLDER.parents[2] / "README.md").read_text()
    for words in ("NIH Clinical Center", "nihcc.app.box.com/v/ChestXray-NIHCC", "Tang"):
        assert words in text and words.replace("NIH Clinical", "").strip() in readme
    for words in ("Apache", "MIT", "ChestX-Det", "RSNA", "CVPR 2017"):
        assert words in text and words in readme


@pytest.fixture
def original():
    """A film of 1024 px whose blocks of 4 x 4 px have means that are known."""
    rng = np.random.default_rng(0)
    means = np.add.outer(np.arange(256), np.arange(256)) / 2
    noise = rng.integers(-3, 4, (256, 4, 256, 2))
    noise = np.concatenate([noise, -noise], axis=3)  # sums to nothing
    pixels = np.clip(means[:, None, :, None] + noise, 0, 255).reshape(1024, 1024)
    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).convert("RGBA").save(stream, "PNG")
    return stream.getvalue(), means


def test_a_film_is_averaged_and_kept_gray(original):
    content, means = original
    film = Image.open(io.BytesIO(shrink(Image.open(io.BytesIO(content)))))
    assert film.size == (SIDE_PX, SIDE_PX)
    found = np.asarray(film.convert("L"), float)
    assert np.abs(found - means).mean() < 1.5


def test_the_folder_is_made_again_from_downloads(original, tmp_path, capsys):
    content, _ = original
    out, films, marks = tmp_path / "out", tmp_path / "films", tmp_path / "marks"
    for folder in (out, films / "images", marks):
        folder.mkdir(parents=True)
    sha256 = hashlib.sha256(content).hexdigest()
    names = ("00000001_000", "00000002_000", "00000003_000")
    lines = [f"{name},x,y,z,{sha256}\n" for name in names]
    head = "image_id,repository,commit,path,sha256\n"
    (out / "SOURCES.csv").write_text(head + "".join(lines))
    (out / "chestx_det_names.csv").write_text("number,image_id\n7,00000001_000\n")
    (films / "images" / f"{names[0]}.png").write_bytes(content)
    (films / "images" / f"{names[1]}.png").write_bytes(content + b"other bytes")
    film = {"file_name": "7.png", "syms": [], "boxes": [], "polygons": []}
    (marks / "ChestX_Det_train.json").write_text(json.dumps([film]))
    (marks / "ChestX_Det_test.json").write_text(
        json.dumps([film | {"file_name": "8.png"}])
    )
    assert main([str(out), "--films", str(films), "--marks", str(marks)]) == 1
    assert capsys.readouterr().err.split() == [
        "left",
        "out:",
        names[1],
        "left",
        "out:",
        names[2],
    ]
    assert [path.stem for path in (out / "images").iterdir()] == [names[0]]
    kept = json.loads((out / "chestx-det.json").read_text())
    assert [entry["file_name"] for entry in kept] == [f"{names[0]}.png"]
