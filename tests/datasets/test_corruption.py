"""A VinDr-layout folder with every kind of fault: all reported, all good films in."""

import numpy as np
import pytest

from chexnomaly.datasets.annotations.findings import (
    check_images,
    load_findings,
    refusal_table,
    save_findings,
)
from chexnomaly.datasets.sources import vindr
from chexnomaly.datasets.store.preparing import prepare_store
from chexnomaly.datasets.store.store import Store
from tests.dicom_files import PLANTED, ramp, write_dicom

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


def read_everything(root, out):
    """Read a folder as the pipeline does; return store, findings and refusals."""
    table, refusals = vindr.read_annotations(root)
    images, bad = vindr.scan_folder(root)
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


ROW_FAULTS = {
    "a corner that is no number": "{},ILD,5,R1,1,1,nan,19\n",
    "corners in the wrong order": "{},ILD,5,R1,9,1,2,19\n",
    "a box outside": "{},ILD,5,R1,1,1,19,99\n",
    "a corner left out": "{},ILD,5,R1,1,,19,19\n",
    "an unknown class": "{},Nonsense,5,R1,1,1,19,19\n",
    "no reader": "{},ILD,5,,1,1,19,19\n",
    "a row cut short": "{},ILD,5,R1,1\n",
    "a name out of the folder": "../{},ILD,5,R1,1,1,19,19\n",
}
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
}


def test_a_hundred_random_faults_are_each_reported_and_cost_no_good_image(tmp_path):
    """Each fault hits an image or a row of its own, among a hundred good ones."""
    rng = np.random.default_rng(0)
    root, lines, faults, good = tmp_path / "root", [HEADER], [], []
    (root / "train").mkdir(parents=True)
    whole = write_dicom(root / "whole.dcm", ramp(12, shape=(20, 20)), 12).read_bytes()
    kinds = [*ROW_FAULTS, *FILE_FAULTS]
    drawn = [*kinds, *rng.choice(kinds, 100 - len(kinds))]
    order = rng.permutation([*drawn, *["none"] * 100])
    for i, kind in enumerate(order):
        name, path = f"im{i:03d}", root / "train" / f"im{i:03d}.dicom"
        lines.append(ROW_FAULTS.get(kind, "{},ILD,5,R1,1,1,19,19\n").format(name))
        film = FILE_FAULTS.get(kind, lambda film, rng: film)(whole, rng)
        if film is not None:
            assert kind not in FILE_FAULTS or film != whole, kind
            path.write_bytes(film)
        if kind == "none":
            good.append(name)
        elif kind in ROW_FAULTS or kind == "absent":
            faults.append((kind, str(root / "train.csv"), len(lines)))
        else:
            faults.append((kind, str(path), None))
    (root / "train.csv").write_text("".join(lines))
    store, table, refusals = read_everything(root, tmp_path / "out")
    assert len(faults) == len(good) == 100
    # Only once a film is read is it known that a box lies outside.
    outside = {f"im{i:03d}" for i, kind in enumerate(order) if kind == "a box outside"}
    assert sorted({*good, *outside}) == store.ids
    assert sorted(table["image_id"]) == good
    told = {(r.file, r.row): r for r in refusals}
    for kind, file, row in faults:
        assert (file, row) in told, kind
    # A film whose only row is bad or names another is also told as unlisted.
    more = [r for r in refusals if r.problem == "image is present but unlisted"]
    assert len(refusals) - len(more) == 100
    print("\n" + refusal_table(refusals).to_string())
