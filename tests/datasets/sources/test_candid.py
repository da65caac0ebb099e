import numpy as np
import pytest

from chexnomaly.datasets.sources import candid
from chexnomaly.errors import AnnotationError
from tests.dicom_files import ramp, write_dicom
from tests.run_lengths import mask_to_runs

REPORT_HEADER = "SOPInstanceUID,EncodedPixels,Report\n"
OTHER_HEADER = "anon_SOPUID,mask_rle\n"


def runs_of_box(x0, y0, x1, y1, height=1024, width=1024):
    mask = np.zeros((height, width), dtype=bool)
    mask[y0:y1, x0:x1] = True
    return mask_to_runs(mask)


def write(root, reports="", fractures=None, tubes=None):
    (root / candid.REPORT_TABLE).write_text(REPORT_HEADER + reports)
    if fractures is not None:
        (root / candid.FRACTURE_TABLES[0]).write_text(OTHER_HEADER + fractures)
    if tubes is not None:
        (root / candid.TUBE_TABLE).write_text(OTHER_HEADER + tubes)
    return root


def test_outlines_become_boxes(tmp_path):
    write(
        tmp_path,
        f'1.2.3,{runs_of_box(10, 20, 60, 50)},"two\nlines"\n1.2.4,-1,clear\n',
        f"1.2.4,{runs_of_box(100, 5, 140, 15)}\n",
    )
    table, refusals = candid.read_annotations(tmp_path)
    assert not refusals
    first, second = table.to_dict("records")
    assert (first["image_id"], first["finding"]) == ("1.2.3", "pneumothorax")
    assert [first[c] for c in ("x_min", "y_min", "x_max", "y_max")] == [10, 20, 60, 50]
    assert (second["finding"], second["row"]) == ("rib_fracture", 2)
    assert "Report" not in table.columns
    assert table.attrs["files"]["rib_fracture"].endswith("acute_rib_fracture.csv")


def test_no_finding_means_none_of_the_outlines(tmp_path):
    runs = runs_of_box(10, 20, 60, 50)
    write(tmp_path, "a,-1,\nb,-1,\nc,-1,\n", f"a,{runs}\n", f"b,{runs}\n")
    table, _ = candid.read_annotations(tmp_path)
    nothing = table[table["finding"] == "no_finding"]
    assert nothing["image_id"].tolist() == ["c"]
    assert nothing["row"].tolist() == [4]


def test_runs_are_read_in_the_frame_of_a_phantom(tmp_path):
    (tmp_path / "phantom.json").touch()
    write_dicom(tmp_path / "dataset" / "1.2.3", ramp(8, shape=(40, 32)))
    write(tmp_path, f"1.2.3,{runs_of_box(5, 10, 25, 30, 40, 32)},\n")
    table, refusals = candid.read_annotations(tmp_path)
    assert not refusals
    assert table[["x_min", "y_min", "x_max", "y_max"]].to_numpy().tolist() == [
        [5, 10, 25, 30]
    ]


@pytest.mark.parametrize("runs", ["", "1 2 3", "x y", "9999999 1", "0 3"])
def test_a_bad_outline_is_refused_and_the_rest_arrives(tmp_path, runs):
    write(tmp_path, f"a,-1,\nb,{runs},\nc,-1,\n")
    table, (refusal,) = candid.read_annotations(tmp_path)
    assert table["image_id"].tolist() == ["a", "c"]
    assert (refusal.row, refusal.column) == (3, "EncodedPixels")


def test_images_are_named_with_or_without_an_ending(tmp_path):
    folder = tmp_path / "dataset"
    folder.mkdir()
    for name in ("1.2.840.1", "1.2.840.2.dcm"):
        (folder / name).touch()
    assert list(candid.scan_folder(tmp_path)[0]) == ["1.2.840.1", "1.2.840.2"]


def test_a_folder_without_a_table_is_refused(tmp_path):
    with pytest.raises(AnnotationError, match=candid.REPORT_TABLE):
        candid.read_annotations(tmp_path)
