import numpy as np
import pandas as pd
import pytest

from chexnomaly import labels
from chexnomaly.datasets.annotations.findings import COLUMNS
from chexnomaly.datasets.sources import packaged, vindr
from chexnomaly.errors import AnnotationError

KAGGLE = "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max\n"
PHYSIONET = "image_id,rad_id,class_name,x_min,y_min,x_max,y_max\n"


def write(root, text, name="train.csv"):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return root


def test_kaggle_rows_become_findings(tmp_path):
    write(
        tmp_path,
        KAGGLE + "a,Cardiomegaly,3,R1,10,20,30.5,40\n" + "b,No finding,14,R2,,,,\n",
    )
    table, refusals = vindr.read_annotations(tmp_path)
    assert not refusals
    assert tuple(table.columns) == COLUMNS
    first, second = table.to_dict("records")
    assert first["finding"] == "cardiomegaly"
    assert [first[c] for c in ("x_min", "y_min", "x_max", "y_max")] == [
        10,
        20,
        30.5,
        40,
    ]
    assert (first["reader"], first["source"], first["row"]) == ("R1", "vindr", 2)
    assert (second["finding"], second["row"]) == ("no_finding", 3)
    assert pd.isna(second["x_min"]) and pd.isna(second["width_px"])


def test_physionet_labels_become_kaggles(tmp_path):
    """Twenty-two local labels: the fourteen, eight of which "Other lesion" gathers."""
    assert len(set(labels.FINDING_OF_NAME["vindr"]) - {"No finding"}) == 22
    merged = {*labels.FINDING_OF_NAME["vindr"]} - {*labels.VINDR_NAMES.values()}
    names = sorted(merged - {"No finding"})
    rows = [f"a,R1,{name},0,0,{i + 1},1\n" for i, name in enumerate(names)]
    rows.append("b,R1,Nodule/Mass,0,0,5,5\n")
    write(tmp_path, PHYSIONET + "".join(rows), vindr.PHYSIONET_TABLE)
    table, refusals = vindr.read_annotations(tmp_path)
    assert not refusals
    assert table["finding"].tolist() == ["other_lesion"] * 8 + ["nodule_mass"]


def test_a_folder_that_says_so_is_a_phantom(tmp_path):
    write(tmp_path, KAGGLE + "a,No finding,14,R1,,,,\n")
    (tmp_path / "phantom.json").write_text("{}")
    assert vindr.read_annotations(tmp_path)[0]["source"].tolist() == ["phantom"]


FAULTS = [
    ("a,Cardiomegaly,3,R1,30,20,10,40\n", "x_max", "x_min < x_max"),
    ("a,Cardiomegaly,3,R1,10,40,30,40\n", "y_max", "y_min < y_max"),
    ("a,Cardiomegaly,3,R1,10,,30,40\n", "y_min", "four finite corners"),
    ("a,Cardiomegaly,3,R1,,,,\n", "x_min", "four finite corners"),
    ("a,Cardiomegaly,3,R1,10,20,inf,40\n", "x_max", "four finite corners"),
    ("a,Cardiomegaly,3,R1,10,20,thirty,40\n", "x_max", "four finite corners"),
    ("a,Cardiomegaly,3,R1,-1.5,20,30,40\n", "x_min", "inside its image"),
    ("a,No finding,14,R1,0,0,1,1\n", "x_min", "none where there is no finding"),
    ("a,Broken heart,3,R1,10,20,30,40\n", "class_name", "a known class"),
    ("a,,3,R1,10,20,30,40\n", "class_name", "a known class"),
    ("a,Cardiomegaly,3,,10,20,30,40\n", "rad_id", "a reader's name"),
    ("ok,Cardiomegaly,3,R1,1,2,3,4\n", "image_id", "each statement once"),
    ("ok,No finding,14,R1,,,,\n", "class_name", "no box by a reader"),
    ("../x,Cardiomegaly,3,R1,10,20,30,40\n", "image_id", "a plain file name"),
    ("/etc/passwd,Cardiomegaly,3,R1,10,20,30,40\n", "image_id", "a plain file name"),
    ("..,Cardiomegaly,3,R1,10,20,30,40\n", "image_id", "a plain file name"),
    ("a\\b,Cardiomegaly,3,R1,10,20,30,40\n", "image_id", "a plain file name"),
    ("C:a,Cardiomegaly,3,R1,10,20,30,40\n", "image_id", "a plain file name"),
    (",Cardiomegaly,3,R1,10,20,30,40\n", "image_id", "a plain file name"),
    ("a,Cardiomegaly,3,R1,10,20,30\n", None, "8 fields"),
    ('"a,Cardiomegaly,3,R1,10,20,30,40\n', None, "8 fields"),
]


@pytest.mark.parametrize(("line", "column", "expected"), FAULTS)
def test_a_bad_row_is_refused_and_the_rest_arrives(tmp_path, line, column, expected):
    good = "ok,Cardiomegaly,3,R1,1,2,3,4\n"
    last = "last,ILD,5,R9,1,2,3,4\n"
    write(tmp_path, KAGGLE + good + line + last)
    table, refusals = vindr.read_annotations(tmp_path)
    assert table["image_id"].tolist() == ["ok", "last"]
    assert table["row"].tolist() == [2, 4]
    (refusal,) = refusals
    assert refusal.file == str(tmp_path / "train.csv")
    assert (refusal.row, refusal.column) == (3, column)
    assert expected in refusal.expected
    unsafe = expected == "a plain file name"
    assert refusal.error == ("UnsafePathError" if unsafe else "AnnotationError")


def test_every_fault_at_once_is_reported_by_its_row(tmp_path):
    good = [f"ok{i},Cardiomegaly,3,R1,1,2,3,4\n" for i in range(len(FAULTS))]
    bad = [line.replace("ok,", "ok0,") for line, _, _ in FAULTS]
    pairs = [line for pair in zip(good, bad, strict=True) for line in pair]
    write(tmp_path, KAGGLE + "".join(pairs))
    table, refusals = vindr.read_annotations(tmp_path)
    assert table["image_id"].tolist() == [f"ok{i}" for i in range(len(FAULTS))]
    rows = sorted(refusal.row for refusal in refusals)
    assert rows == [3 + 2 * i for i in range(len(FAULTS))]


def test_a_corner_a_rounding_outside_is_cut_to_the_border(tmp_path):
    write(tmp_path, KAGGLE + "a,ILD,5,R1,-1,-0.5,3,4\n")
    table, refusals = vindr.read_annotations(tmp_path)
    assert not refusals
    assert table[["x_min", "y_min"]].to_numpy().tolist() == [[0.0, 0.0]]


def test_a_missing_column_refuses_the_whole_table(tmp_path):
    write(tmp_path, "image_id,class_name,x_min,y_min,x_max,y_max\n")
    with pytest.raises(AnnotationError, match="column missing") as caught:
        vindr.read_annotations(tmp_path)
    assert (caught.value.row, caught.value.column) == (1, "rad_id")


def test_a_folder_without_a_table_names_both_layouts(tmp_path):
    with pytest.raises(AnnotationError, match="train.csv .Kaggle. or annotations/"):
        vindr.read_annotations(tmp_path)


def test_line_numbers_skip_no_line_of_the_file(tmp_path):
    write(tmp_path, "\ufeff" + KAGGLE + "\r\n\r\na,ILD,5,R1,1,2,3,4\r\n")
    assert vindr.read_annotations(tmp_path)[0]["row"].tolist() == [4]


def test_a_table_with_a_header_alone_is_empty(tmp_path):
    write(tmp_path, KAGGLE)
    table, refusals = vindr.read_annotations(tmp_path)
    assert table.empty and not refusals and tuple(table.columns) == COLUMNS


def test_random_damage_gives_a_table_or_a_named_error(tmp_path):
    rng = np.random.default_rng(0)
    rows = "".join(f"im{i},ILD,5,R{i % 3},{i},2,{i + 9},8.5\n" for i in range(20))
    good = (KAGGLE + rows + "b,No finding,14,R1,,,,\n").encode()
    for _ in range(150):
        content = bytearray(good)
        for _ in range(rng.integers(1, 12)):
            at = rng.integers(0, len(content))
            content[at : at + rng.integers(0, 3)] = rng.bytes(rng.integers(0, 3))
        (tmp_path / "train.csv").write_bytes(content)
        try:
            table, refusals = vindr.read_annotations(tmp_path)
        except AnnotationError:
            continue
        lines = {
            line for line, text in enumerate(content.split(b"\n"), 1) if text.strip()
        }
        seen = set(table["row"]) | {refusal.row for refusal in refusals} | {1}
        assert seen == lines or min(lines) != 1


def test_images_are_located_by_name(tmp_path):
    (tmp_path / "train").mkdir()
    for name in ("b.dicom", "a.dicom", "notes.txt", ".hidden.dicom"):
        (tmp_path / "train" / name).touch()
    images = vindr.scan_folder(tmp_path)[0]
    assert list(images) == ["a", "b"]
    assert images["a"] == tmp_path / "train" / "a.dicom"


def test_the_real_table_has_the_published_counts():
    """Appendix C of the ambiguity list, and the Kaggle competition's data page."""
    read = packaged.read_vindr()
    if read is None:
        pytest.skip("the package with the table is not installed")
    table, refusals = read
    boxes = table[table["finding"] != "no_finding"]
    assert not refusals
    assert len(table) == 67_914
    assert table["image_id"].nunique() == 15_000
    assert len(boxes) == 36_096
    assert boxes["image_id"].nunique() == 4_394
    assert boxes.groupby("image_id").size().max() == 57
    assert table["reader"].nunique() == 17
    assert (table.groupby("image_id")["reader"].nunique() == 3).all()
    counts = boxes["finding"].value_counts()
    assert counts["aortic_enlargement"] == 7_162
    assert counts["pneumothorax"] == 226
    scans = boxes.groupby("finding")["image_id"].nunique()
    assert (scans["cardiomegaly"], scans["atelectasis"]) == (2_300, 186)
