"""A VinDr-layout folder with every kind of fault: all reported, all good films in."""

import io
import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from PIL import ExifTags, Image
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from chexnomaly.datasets.annotations.findings import (
    check_images,
    load_findings,
    refusal_table,
    save_findings,
)
from chexnomaly.datasets.annotations.validation import BOX, SIDES
from chexnomaly.datasets.sources import coco, vindr
from chexnomaly.datasets.store.preparing import prepare_store
from chexnomaly.datasets.store.store import Store
from tests.dicom_files import (
    PLANTED,
    compressed,
    dicom_dataset,
    ramp,
    save_dicom,
    write_dicom,
)

HEADER = "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max\n"
GOOD = "{},Cardiomegaly,3,R1,2,3,20,30\n{},ILD,5,R2,1,1,32,40\n"


def broken_image(path, kind):
    write_dicom(path, ramp(12), 12)
    content = path.read_bytes()
    if kind == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("no film")
    elif kind == "constant":
        write_dicom(path, np.full((40, 32), 7, np.uint16))
    elif kind == "frames":
        write_dicom(path, ramp(12), 12, NumberOfFrames=3)
    elif kind == "color":
        write_dicom(path, ramp(12), 12, PhotometricInterpretation="RGB")
    elif kind == "syntax":
        path.write_bytes(
            content.replace(b"1.2.840.10008.1.2.1", b"9.9.999.99999.9.9.9")
        )


BROKEN = ["truncated", "empty", "text", "constant", "frames", "color", "syntax"]
BAD_ROWS = [
    "{},Cardiomegaly,3,R3,20,3,2,30\n",
    "{},Cardiomegaly,3,R3,2,3,20,\n",
    "{},Cardiomegaly,3,R3,2,3,20,60\n",
    "{},Nonsense,3,R3,2,3,20,30\n",
    "{},Cardiomegaly,3,R1,2,3,20,30\n",
    "../{},Cardiomegaly,3,R3,2,3,20,30\n",
    "{},Cardiomegaly,3,R3,2,3\n",
]


def read_everything(root, out, source=vindr):
    """Read a folder as the pipeline does; return store, findings and refusals."""
    table, refusals = source.read_annotations(root)
    images, bad = source.scan_folder(root)
    refusals += bad
    listed = set(table["image_id"])
    wanted = {name: path for name, path in images.items() if name in listed}
    store, bad = prepare_store(wanted, out / "store", 16)
    refusals += bad
    sizes = dict(zip(store.ids, map(tuple, store.sizes.tolist()), strict=True))
    table, bad = check_images(table, images, sizes)
    return store, table, refusals + bad


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    root = tmp_path_factory.mktemp("vindr")
    lines, rows_of_faults = [HEADER], []
    for i, bad in enumerate(BAD_ROWS):
        lines += GOOD.format(f"good{i}", f"good{i}").splitlines(keepends=True)
        lines.append(bad.format(f"good{i}"))
        rows_of_faults.append(len(lines))
        write_dicom(root / "train" / f"good{i}.dicom", ramp(12), 12)
    for kind in BROKEN:
        lines += GOOD.format(kind, kind).splitlines(keepends=True)
        broken_image(root / "train" / f"{kind}.dicom", kind)
    lines += GOOD.format("absent", "absent").splitlines(keepends=True)
    row_of_absent = len(lines) - 1
    write_dicom(root / "train" / "unlisted.dicom", ramp(12), 12)
    for name in ("twice.dicom", "twice.dcm"):
        write_dicom(root / "train" / name, ramp(12), 12)
    lines += GOOD.format("twice", "twice").splitlines(keepends=True)
    outside = root.parent / "outside.dicom"
    write_dicom(outside, ramp(12), 12)
    (root / "train" / "linked.dicom").symlink_to(outside)
    lines += GOOD.format("linked", "linked").splitlines(keepends=True)
    (root / "train.csv").write_text("".join(lines))
    store, table, refusals = read_everything(root, root.parent / "out")
    return root, store, table, refusals, rows_of_faults, row_of_absent


def test_every_good_image_arrives(outcome):
    _, store, table, *_ = outcome
    good = [f"good{i}" for i in range(len(BAD_ROWS))]
    assert store.ids == good
    assert sorted(set(table["image_id"])) == good
    assert (table.groupby("image_id").size() == 2).all()
    assert (table["width_px"] == 32).all() and (table["height_px"] == 40).all()
    Store.open(store.path, verify=True)


def test_every_bad_row_is_reported_with_its_line(outcome):
    root, _, _, refusals, rows, row_of_absent = outcome
    tables = [r for r in refusals if r.file == str(root / "train.csv")]
    assert set(rows) | {row_of_absent} <= {r.row for r in tables}
    assert all(r.problem and r.expected for r in refusals)


def test_every_bad_file_is_reported_by_name(outcome):
    root, _, _, refusals, *_ = outcome
    names = {r.file.rsplit("/", 1)[1] for r in refusals if r.row is None}
    expected = {f"{kind}.dicom" for kind in BROKEN}
    expected |= {"unlisted.dicom", "twice.dicom", "twice.dcm", "linked.dicom"}
    assert names == expected


def test_the_summary_counts_all_and_names_no_patient(outcome):
    _, _, _, refusals, *_ = outcome
    summary = refusal_table(refusals)
    assert summary["count"].sum() == len(refusals)
    assert PLANTED not in summary.to_csv()


def test_what_was_kept_is_saved_and_valid(outcome, tmp_path):
    _, store, table, *_ = outcome
    save_findings(table, tmp_path / "findings.csv")
    assert len(load_findings(tmp_path / "findings.csv")) == len(table)


def test_no_header_text_reaches_the_store(outcome):
    store = outcome[1]
    for path in store.path.iterdir():
        assert PLANTED.encode() not in path.read_bytes()


END = ",20,20\n"
"""The size that the tables below state, px."""

ROW_FAULTS = {
    "a corner that is no number": "{0},ILD,5,R1,1,1,nan,19",
    "corners in the wrong order": "{0},ILD,5,R1,9,1,2,19",
    "a box outside": "{0},ILD,5,R1,1,1,19,99",
    "a corner left out": "{0},ILD,5,R1,1,,19,19",
    "an unknown class": "{0},Nonsense,5,R1,1,1,19,19",
    "no reader": "{0},ILD,5,,1,1,19,19",
    "a row cut short": "{0},ILD,5,R1,1",
    "a name out of the folder": "../{0},ILD,5,R1,1,1,19,19",
    "a quote that stays open": '"{0},ILD,5,R1,1,1,19,19',
    "nothing found, and a finding lost": "{0},ILD,5,R1,9,1,2,19"
    + END
    + "{0},No finding,14,R2,,,,",
}


def film_bytes(syntax=None, shape=(20, 20), **tags):
    """Write a sound film; give the file's bytes."""
    ds = dicom_dataset(ramp(12, shape=shape), 12, **tags)
    if syntax is not None:
        compressed(ds, syntax)
    with TemporaryDirectory() as place:
        return save_dicom(ds, Path(place) / "film").read_bytes()


def picture_bytes(orientation):
    """Write a sound film of 20 x 20 px as a picture that lies on its side."""
    exif, out = Image.Exif(), io.BytesIO()
    exif[ExifTags.Base.Orientation] = orientation
    pixels = ramp(8, shape=(20, 20))
    Image.fromarray(pixels).save(out, "PNG", exif=exif.tobytes())
    return out.getvalue()


def side_view():
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "R-10236", "SRT"
    return film_bytes(ViewCodeSequence=Sequence([code]))


def damaged(syntax, rng):
    """Cut the compressed frame, and change a byte of what is left."""
    film = bytearray(film_bytes(syntax))
    frame = film.index(b"\xff\xd8")
    film[frame + int(rng.integers(2, 9))] ^= 0xFF
    return bytes(film[: frame + int(rng.integers(10, 40))])


FILE_FAULTS = {
    "cut off": lambda film, rng: film[: rng.integers(0, len(film) - 1)],
    "emptied": lambda film, rng: b"",
    "overwritten": lambda film, rng: rng.bytes(len(film)),
    "claims to be huge": lambda film, rng: film.replace(
        b"US\2\0" + (20).to_bytes(2, "little"),
        b"US\2\0" + (60000).to_bytes(2, "little"),
    ),
    "in color": lambda film, rng: film.replace(b"MONOCHROME2 ", b"RGB         "),
    "absent": lambda film, rng: None,
    "from the side, by its view code": lambda film, rng: side_view(),
    "from the side, by its orientation": lambda film, rng: film_bytes(
        PatientOrientation=["A", "F"]
    ),
    "of other proportions": lambda film, rng: film_bytes(shape=(20, 30)),
    "damaged JPEG": lambda film, rng: damaged(uid.JPEGLosslessSV1, rng),
    "damaged JPEG-LS": lambda film, rng: damaged(uid.JPEGLSLossless, rng),
}
OF_THE_TABLE = ("absent", "of other proportions")
"""Faults of a film that are told at its row."""

SOUND = {
    "plain": lambda: film_bytes(),
    "an empty window": lambda: film_bytes(WindowCenter=None, WindowWidth=None),
    "half a window": lambda: film_bytes(WindowCenter=90),
    "an empty rescale": lambda: film_bytes(RescaleSlope=None, RescaleIntercept=None),
    "no view position": lambda: film_bytes(ViewPosition=None),
    "12-bit lossy JPEG": lambda: film_bytes(uid.JPEGExtended12Bit),
    "JPEG 2000": lambda: film_bytes(uid.JPEG2000Lossless),
    "a larger copy": lambda: film_bytes(shape=(60, 60)),
    "a picture on its side": lambda: picture_bytes(6),
    "a picture upside down": lambda: picture_bytes(3),
}
"""Films that other programs stumbled over, and that are as good as any."""


def test_a_hundred_random_faults_are_each_reported_and_cost_no_good_image(tmp_path):
    """Each fault hits an image or a row of its own, among a hundred good ones."""
    rng = np.random.default_rng(0)
    root, faults, good = tmp_path / "root", [], []
    lines = [HEADER.replace("\n", ",width,height\n")]
    (root / "train").mkdir(parents=True)
    sound, whole = list(SOUND), film_bytes()
    kinds = [*ROW_FAULTS, *FILE_FAULTS]
    drawn = [*kinds, *rng.choice(kinds, 100 - len(kinds))]
    order = rng.permutation([*drawn, *["none"] * 100])
    for i, kind in enumerate(order):
        name, path = f"im{i:03d}", root / "train" / f"im{i:03d}.dicom"
        row, at = ROW_FAULTS.get(kind, "{},ILD,5,R1,1,1,19,19"), len(lines) + 1
        lines += (row.format(name) + END).splitlines(keepends=True)
        film = FILE_FAULTS.get(kind, lambda film, rng: film)(whole, rng)
        if kind == "none":
            film = SOUND[sound[i % len(sound)]]()
        if film is not None:
            assert kind not in FILE_FAULTS or film != whole, kind
            path.write_bytes(film)
        if kind == "none":
            good.append(name)
        elif kind in (*ROW_FAULTS, *OF_THE_TABLE):
            faults.append((kind, str(root / "train.csv"), at))
        else:
            faults.append((kind, str(path), None))
    (root / "train.csv").write_text("".join(lines))
    store, table, refusals = read_everything(root, tmp_path / "out")
    assert len(faults) == len(good) == 100
    # Only once a film is read is it known that it is of another size.
    skewed = [f"im{i:03d}" for i, k in enumerate(order) if k == "of other proportions"]
    assert sorted({*good, *skewed}) == store.ids
    assert sorted(table["image_id"]) == good
    shares = table[BOX].to_numpy() / table[[*SIDES] * 2].to_numpy("float64")
    np.testing.assert_allclose(shares, [[0.05, 0.05, 0.95, 0.95]] * 100)
    told = {(r.file, r.row): r for r in refusals}
    for kind, file, row in faults:
        assert (file, row) in told, kind
    # A film whose only row names another is also told as unlisted, and what a lost
    # finding leaves on a film is told beside it.
    unlisted = "image is present but unlisted"
    more = [r for r in refusals if r.problem == unlisted or "refused" in r.expected]
    assert len(refusals) - len(more) == 100
    print("\n" + refusal_table(refusals).to_string())


COCO_SOUND = {
    "a number": lambda i: (i, f"f{i}.png"),
    "text": lambda i: (str(i), f"f{i}.png"),
    "the folder before": lambda i: (i, f"images/f{i}.png"),
    "the folder before, from Windows": lambda i: (float(i), f"images\\f{i}.png"),
}
"""How tools write a film's id and file name."""

LOST = {
    "corners of text": {"bbox": [1, 2, "x", 4]},
    "an outline alone": {"bbox": None, "segmentation": [[2, 3, 4, 3, 4, 6]]},
    "no corners": {"bbox": []},
    "a box outside": {"bbox": [30, 1, 200, 2]},
    "an unknown category": {"category_id": 9},
    "no annotator": {"annotator": ""},
}
"""What makes an annotation unusable; the film is known and must not become healthy."""

OTHERS = ("the same id twice", "another size", "another folder", "an unknown film")


def test_a_hundred_random_faults_in_coco_heal_no_film_and_cost_no_good_one(tmp_path):
    """As annotation tools write it: good films in every form, faults of ten kinds."""
    rng = np.random.default_rng(1)
    root, films, boxes = tmp_path / "root", [], []
    (root / "images").mkdir(parents=True)
    kinds = [*LOST, *OTHERS]
    drawn = [*kinds, *rng.choice(kinds, 100 - len(kinds))]
    order = rng.permutation([*drawn, *["ill"] * 50, *["well"] * 50])
    expected, rows = {}, set()
    for i, kind in enumerate(order):
        write = COCO_SOUND[list(COCO_SOUND)[i % len(COCO_SOUND)]]
        number, file = write(i)
        size = (40, 30) if kind == "another size" else (40, 60)
        pixels = ramp(8, shape=size[::-1])
        Image.fromarray(pixels).save(root / "images" / f"f{i}.png")
        box = {"image_id": number, "category_id": "1", "bbox": [8, 12, 40, 60]}
        if kind == "another folder":
            file = f"other/f{i}.png"
        films.append({"id": number, "file_name": file, "width": 80, "height": 120})
        if kind == "the same id twice":
            films.append(films[-1] | {"file_name": f"g{i}.png"})
        if kind == "an unknown film":
            box["image_id"] = f"unknown{i}"
        if kind != "well":
            boxes.append(box | LOST.get(kind, {}))
        if kind in (*LOST, "an unknown film"):
            rows.add(len(boxes))
        if kind in ("ill", "well", "an unknown film"):
            finding = "other_lesion" if kind == "ill" else "no_finding"
            expected[f"f{i}"] = [finding]
    content = {"images": films, "annotations": boxes}
    content["categories"] = [{"id": 1, "name": "Something"}]
    text = json.dumps(content, ensure_ascii=False)
    (root / "annotations.json").write_text(text, encoding="utf-8-sig")
    _, table, refusals = read_everything(root, tmp_path / "out", coco)
    assert len(expected) > 100
    assert table.groupby("image_id").finding.agg(list).to_dict() == expected
    drawn = table[table.finding != "no_finding"]
    assert (drawn[BOX].to_numpy() == [4, 6, 24, 36]).all() and len(drawn) == 50
    told = Counter(r.problem.partition("'")[0] for r in refusals if r.row is not None)
    assert rows <= {r.row for r in refusals}
    count = Counter(order)
    assert told["image "] == count["another size"]
    (shared,) = (k for k in told if "another entry has the same id" in k)
    assert told[shared] == 2 * count["the same id twice"]
    unsafe = [r for r in refusals if r.error == "UnsafePathError"]
    assert len(unsafe) == count["another folder"]
