import numpy as np
import pandas as pd
import pytest

from chexnomaly.datasets.annotations import findings
from chexnomaly.datasets.annotations.findings import (
    check_images,
    load_findings,
    refusal_table,
    save_findings,
    scale_boxes,
)
from chexnomaly.datasets.sources import vindr
from chexnomaly.errors import AnnotationError, ImageError, Refusal

HEADER = "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max\n"


def read(tmp_path, *lines):
    (tmp_path / "train.csv").write_text(HEADER + "\n".join(lines) + "\n")
    return vindr.read_annotations(tmp_path)[0]


@pytest.fixture
def table(tmp_path):
    return read(
        tmp_path,
        "a,Cardiomegaly,3,R1,10,20,30.25,40",
        "a,ILD,5,R2,0,0,32,40",
        "b,No finding,14,R1,,,,",
    )


def test_a_table_is_read_back_as_it_was_saved(tmp_path, table):
    table.loc[0, "x_min"] = 0.1 + 0.2  # 17 digits
    save_findings(table, tmp_path / "out" / "findings.csv")
    again = load_findings(tmp_path / "out" / "findings.csv")
    pd.testing.assert_frame_equal(again, table)
    assert not list((tmp_path / "out").glob("*.partial"))


def test_an_empty_table_is_read_back(tmp_path, table):
    save_findings(table[:0], tmp_path / "findings.csv")
    again = load_findings(tmp_path / "findings.csv")
    assert len(again) == 0 and again.dtypes.equals(table.dtypes)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("cardiomegaly", "broken_heart", "found"),
        ("R1,cardiomegaly,10.0", "R1,cardiomegaly,ten", "unreadable"),
        (",source,", ",origin,", "unreadable"),
        ("R1,cardiomegaly,10.0", "R1,cardiomegaly,50.0", "found"),
        (",2\n", ",2,2\n", "unreadable"),
    ],
)
def test_an_edited_table_is_refused(tmp_path, table, old, new, problem):
    path = tmp_path / "findings.csv"
    save_findings(table, path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(AnnotationError, match=problem) as caught:
        load_findings(path)
    assert caught.value.file == str(path)


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(AnnotationError, match="unreadable"):
        load_findings(tmp_path / "none.csv")


def test_sizes_are_filled_in(tmp_path, table):
    images = {name: tmp_path / f"{name}.dicom" for name in "ab"}
    checked, refusals = check_images(table, images, {"a": (40, 32), "b": (50, 60)})
    assert not refusals
    assert checked["height_px"].tolist() == [40, 40, 50]
    assert checked["width_px"].tolist() == [32, 32, 60]


def test_a_box_outside_its_image_is_refused(tmp_path, table):
    """Box 2 ends at x = 32, y = 40: cut in an image 31 px wide, refused in one 30."""
    checked, refusals = check_images(table, {}, {"a": (40, 31), "b": (9, 9)})
    assert checked["x_max"].tolist()[:2] == [30.25, 31.0]
    refusals = [r for r in refusals if r.error == "AnnotationError"]
    assert not refusals
    checked, refusals = check_images(table, {}, {"a": (40, 30), "b": (9, 9)})
    (refusal,) = [r for r in refusals if r.error == "AnnotationError"]
    assert (refusal.row, refusal.column) == (3, "x_max")
    assert refusal.file == str(tmp_path / "train.csv")
    assert checked["x_max"].tolist()[0] == 30.0


def test_absent_and_unlisted_images_are_reported(tmp_path, table):
    stray = tmp_path / "c.dicom"
    checked, refusals = check_images(table, {"c": stray}, {"a": (40, 32)})
    assert checked["image_id"].tolist() == ["a", "a"]
    absent = [r for r in refusals if "absent" in r.problem]
    assert [(r.row, r.file) for r in absent] == [(4, str(tmp_path / "train.csv"))]
    (unlisted,) = [r for r in refusals if "unlisted" in r.problem]
    assert unlisted.file == str(stray)


def test_an_image_whose_rows_were_refused_is_not_called_unlisted(tmp_path):
    table = read(tmp_path, "a,ILD,5,R1,9,9,1,1", "b,No finding,14,R1,,,,")
    images = {"a": tmp_path / "a", "b": tmp_path / "b"}
    _, refusals = check_images(table, images, {"a": (9, 9), "b": (9, 9)})
    assert not refusals


def test_boxes_are_scaled_axis_by_axis(table):
    """64 px of an image 32 wide and 40 high: x doubles, y grows by 1.6."""
    checked, _ = check_images(table, {}, {"a": (40, 32), "b": (80, 16)})
    scaled = scale_boxes(checked, 64)
    boxes = scaled[["x_min", "y_min", "x_max", "y_max"]].to_numpy()
    np.testing.assert_allclose(boxes[0], [20, 32, 60.5, 64])
    np.testing.assert_allclose(boxes[1], [0, 0, 64, 64])
    assert np.isnan(boxes[2]).all()
    assert set(scaled["width_px"]) == set(scaled["height_px"]) == {64}


def test_boxes_of_unknown_images_are_not_scaled(table):
    with pytest.raises(AnnotationError, match="size of the image") as caught:
        scale_boxes(table, 64)
    assert caught.value.row == 2


def test_refusals_are_summarized_by_kind():
    row = {"column": "x_max", "problem": "found 'x'", "expected": "a number"}
    refusals = [
        Refusal("AnnotationError", "/data/set/train.csv", i, **row)
        for i in range(2, 15)
    ]
    error = ImageError("no such file", file="/data/set/train/a.dicom", expected="it")
    refusals.append(Refusal.from_error(error))
    summary = refusal_table(refusals)
    assert summary["count"].tolist() == [13, 1]
    assert summary["file"].tolist() == ["train.csv", "train/*"]
    assert summary["rows"][0] == "2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ..."
    assert "/data" not in summary.to_csv()


def test_no_refusals_make_an_empty_summary():
    assert list(refusal_table([]).columns)[0] == "error"


def test_columns_stand_in_the_order_that_is_written(table):
    assert tuple(table.columns) == findings.COLUMNS
