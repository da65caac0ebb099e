import pytest

from chexnomaly.datasets.sources import packaged, rsna
from chexnomaly.errors import AnnotationError

HEADER = "patientId,x,y,width,height,Target\n"


def write(root, text, name=rsna.BOX_TABLE):
    (root / name).write_text(text)
    return root


def test_width_and_height_become_corners(tmp_path):
    write(tmp_path, HEADER + "p,264.0,152.0,213.0,379.0,1\nq,,,,,0\n")
    table, refusals = rsna.read_annotations(tmp_path)
    assert not refusals
    first, second = table.to_dict("records")
    box = [first[c] for c in ("x_min", "y_min", "x_max", "y_max")]
    assert box == [264, 152, 264 + 213, 152 + 379]
    assert (first["finding"], first["source"]) == ("pneumonia", "rsna")
    assert (first["width_px"], first["height_px"]) == (1024, 1024)
    assert (second["finding"], second["row"]) == ("no_finding", 3)


def test_a_phantom_of_the_layout_leaves_its_sizes_to_the_images(tmp_path):
    write(tmp_path, HEADER + "p,1,1,5,5,1\n")
    (tmp_path / "phantom.json").write_text("{}")
    table, _ = rsna.read_annotations(tmp_path)
    assert table["width_px"].isna().all() and table["source"].tolist() == ["phantom"]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("p,1,1,0,5,1\n", "width"),
        ("p,1,1,5,-5,1\n", "height"),
        ("p,1000,1,26,5,1\n", "width"),
        ("p,,,,,1\n", "x"),
        ("p,1,1,5,5,0\n", "x"),
        ("p,1,1,5,5,2\n", "Target"),
        ("../p,1,1,5,5,1\n", "patientId"),
        ("ok,,,,,0\n", "Target"),
    ],
)
def test_a_bad_row_is_refused_under_the_sources_own_column(tmp_path, line, column):
    write(tmp_path, HEADER + "ok,1,1,5,5,1\n" + line)
    table, refusals = rsna.read_annotations(tmp_path)
    assert table["image_id"].tolist() == ["ok"]
    assert [(r.row, r.column) for r in refusals] == [(3, column)]


def test_a_box_one_pixel_over_the_border_is_cut(tmp_path):
    write(tmp_path, HEADER + "p,1000,1,25,5,1\n")
    assert rsna.read_annotations(tmp_path)[0]["x_max"].tolist() == [1024.0]


def test_a_folder_without_a_table_is_refused(tmp_path):
    with pytest.raises(AnnotationError, match=rsna.BOX_TABLE):
        rsna.read_annotations(tmp_path)


def test_images_are_located_by_patient(tmp_path):
    (tmp_path / rsna.IMAGE_FOLDER).mkdir()
    (tmp_path / rsna.IMAGE_FOLDER / "p.dcm").touch()
    assert list(rsna.scan_folder(tmp_path)[0]) == ["p"]


def test_the_real_table_has_the_published_counts():
    """Appendix C: 26,684 images, 6,012 positive, 9,555 boxes, 30,227 rows."""
    read = packaged.read_rsna()
    if read is None:
        pytest.skip("the package with the table is not installed")
    table, refusals = read
    boxes = table[table["finding"] == "pneumonia"]
    assert not refusals
    assert len(table) == 30_227
    assert table["image_id"].nunique() == 26_684
    assert boxes["image_id"].nunique() == 6_012
    assert len(boxes) == 9_555
    several = (boxes.groupby("image_id").size() > 1).mean()
    assert round(several, 2) == 0.57
