"""A VinDr-layout folder with every kind of fault: all reported, all good films in."""

import numpy as np
import pytest

from chexnomaly.datasets import vindr
from chexnomaly.datasets.findings import (
    check_images,
    load_findings,
    refusal_table,
    save_findings,
)
from chexnomaly.datasets.store import Store, prepare_store
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


def test_random_faults_are_each_reported_and_cost_no_good_image(tmp_path):
    """A hundred faults drawn at random, each on an image or a row of its own."""
    rng = np.random.default_rng(0)
    root, lines, faults, good = tmp_path / "root", [HEADER], [], []
    (root / "train").mkdir(parents=True)
    whole = write_dicom(root / "whole.dcm", ramp(12, shape=(20, 20)), 12).read_bytes()
    for i in range(200):
        name, path = f"im{i:03d}", root / "train" / f"im{i:03d}.dicom"
        if i % 2 == 0:
            good.append(name)
            path.write_bytes(whole)
            lines.append(f"{name},ILD,5,R1,1,1,19,19\n")
            continue
        kind = rng.integers(0, 4)
        damaged = whole[: rng.integers(0, len(whole) - 1)] if kind == 0 else whole
        if kind != 1:
            path.write_bytes(damaged)
        corner = {2: "nan", 3: "0.5"}.get(kind, "19")
        lines.append(f"{name},ILD,5,R1,1,1,{corner},19\n")
        faults.append((name, len(lines) if kind else None))
    (root / "train.csv").write_text("".join(lines))
    store, table, refusals = read_everything(root, tmp_path / "out")
    assert store.ids == good and sorted(table["image_id"]) == good
    reported = {r.row for r in refusals} | {r.file for r in refusals}
    for name, row in faults:
        assert (row or str(root / "train" / f"{name}.dicom")) in reported
    assert len(refusals) == 100
