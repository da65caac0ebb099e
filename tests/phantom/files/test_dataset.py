import json
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from PIL import Image

from chexnomaly.errors import InputError
from chexnomaly.phantom import films, plan_image, write_dataset
from chexnomaly.phantom.files.layouts import COVID_COLUMNS, ellipse_mask, run_lengths

SIZE = {"size_px": (40, 56)}


def contents(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def vindr(tmp_path_factory):
    root = tmp_path_factory.mktemp("vindr")
    write_dataset(root, 60, 9, enriched=True, **SIZE)
    return root


def test_kaggle_layout_has_its_columns_and_three_readers(vindr):
    table = pd.read_csv(vindr / "train.csv")
    assert list(table) == [
        *("image_id", "class_name", "class_id", "rad_id"),
        *("x_min", "y_min", "x_max", "y_max"),
    ]
    assert (table.groupby("image_id").rad_id.nunique() == 3).all()
    none = table.class_name == "No finding"
    assert (table.class_id[none] == 14).all()
    assert table[none][["x_min", "y_max"]].isna().all(axis=None)
    assert table[~none][["x_min", "y_max"]].notna().all(axis=None)
    files = {path.stem for path in (vindr / "train").glob("*.dicom")}
    assert files == set(table.image_id)


def test_dicom_files_are_read_and_vary(vindr):
    headers = [pydicom.dcmread(path) for path in (vindr / "train").iterdir()]
    for data in headers:
        assert data.pixel_array.shape == (data.Rows, data.Columns)
        assert int(data.pixel_array.max()) < 2**data.BitsStored
    assert {data.BitsStored for data in headers} >= {12, 14, 16}
    kinds = {data.PhotometricInterpretation for data in headers}
    assert kinds == {"MONOCHROME1", "MONOCHROME2"}
    assert len({"WindowCenter" in data for data in headers}) == 2
    assert len({"RescaleSlope" in data for data in headers}) == 2
    assert len({data.file_meta.TransferSyntaxUID for data in headers}) == 2
    assert len({(data.Rows, data.Columns) for data in headers}) > 20
    assert len({data.SOPInstanceUID for data in headers}) == len(headers)


def test_headers_name_nobody(vindr):
    for path in (vindr / "train").iterdir():
        data = pydicom.dcmread(path)
        assert data.PatientName == "Phantom^Computed"
        assert not {"PatientBirthDate", "InstitutionName"} & set(data.dir())


def test_boxes_lie_inside_their_image(vindr):
    table = pd.read_csv(vindr / "train.csv").dropna()
    for image_id, rows in table.groupby("image_id"):
        data = pydicom.dcmread(vindr / "train" / f"{image_id}.dicom")
        assert rows.x_min.min() >= 0
        assert rows.x_max.max() <= data.Columns
        assert rows.y_max.max() <= data.Rows
        assert (rows.x_max > rows.x_min).all()


def test_a_statement_says_that_the_pixels_are_synthetic(vindr):
    statement = json.loads((vindr / "phantom.json").read_text())
    assert (statement["seed"], statement["n"]) == (9, 60)
    assert statement["layout"] == "vindr"
    assert statement["generator"]


def test_bytes_do_not_depend_on_the_number_of_workers(tmp_path):
    write_dataset(tmp_path / "one", 6, 2, **SIZE)
    write_dataset(tmp_path / "two", 6, 2, workers=2, **SIZE)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_each_film_is_planned_once_whether_its_file_is_there_or_not(
    tmp_path, monkeypatch
):
    planned = []

    def count(seed, index, *rest, **options):
        planned.append(index)
        return plan_image(seed, index, *rest, **options)

    monkeypatch.setattr(films, "plan_image", count)
    for _ in range(2):
        planned.clear()
        write_dataset(tmp_path, 4, 2, **SIZE)
        assert planned == [0, 0, 1, 2, 3]  # the first is tried before anything is made


def test_films_are_the_same_in_a_larger_cohort(tmp_path):
    write_dataset(tmp_path / "small", 4, 2, **SIZE)
    write_dataset(tmp_path / "large", 8, 2, **SIZE)
    large = contents(tmp_path / "large")
    films = {k: v for k, v in contents(tmp_path / "small").items() if "train/" in k}
    assert len(films) == 4
    assert all(large[name] == content for name, content in films.items())


def test_an_interrupted_run_goes_on_where_it_was(tmp_path):
    write_dataset(tmp_path / "whole", 5, 2, **SIZE)
    whole = contents(tmp_path / "whole")
    root = tmp_path / "killed"
    write_dataset(root, 5, 2, **SIZE)
    kept, lost = sorted((root / "train").iterdir())[:2]
    stamp = kept.stat().st_mtime_ns
    lost.unlink()
    (root / "train.csv").unlink()
    (root / "phantom.json").rename(root / "phantom.json.partial")
    write_dataset(root, 5, 2, **SIZE)
    assert contents(root) == whole
    assert kept.stat().st_mtime_ns == stamp


def test_a_folder_with_other_data_is_refused(tmp_path, vindr):
    (tmp_path / "train.csv").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        write_dataset(tmp_path, 3, 0, **SIZE)
    with pytest.raises(InputError, match="another phantom"):
        write_dataset(vindr, 61, 9, enriched=True, **SIZE)


@pytest.mark.parametrize(
    "bad", [{"layout": "x"}, {"n": 0}, {"seed": -1}, {"size_px": (9, 8)}]
)
def test_bad_requests_are_refused(tmp_path, bad):
    with pytest.raises(InputError):
        write_dataset(tmp_path, **({"n": 1, "seed": 0} | bad))


def test_physionet_layout(tmp_path):
    write_dataset(tmp_path, 3, 1, "vindr_physionet", **SIZE)
    table = pd.read_csv(tmp_path / "annotations" / "annotations_train.csv")
    assert list(table)[:3] == ["image_id", "rad_id", "class_name"]
    assert len(list((tmp_path / "train").glob("*.dicom"))) == 3


def test_rsna_layout(tmp_path):
    write_dataset(tmp_path, 12, 1, "rsna", positive_share=0.5, **SIZE)
    plans = [plan_image(1, i, "rsna", positive_share=0.5) for i in range(12)]
    positive = sum(plan.positive for plan in plans)
    labels = pd.read_csv(tmp_path / "stage_2_train_labels.csv")
    classes = pd.read_csv(tmp_path / "stage_2_detailed_class_info.csv")
    assert list(labels) == ["patientId", "x", "y", "width", "height", "Target"]
    assert list(classes) == ["patientId", "class"]
    assert len(labels) == len(classes)
    assert (labels.width.notna() == (labels.Target == 1)).all()
    assert labels.groupby("patientId").Target.max().sum() == positive
    for path in (tmp_path / "stage_2_train_images").iterdir():
        data = pydicom.dcmread(path)
        assert data.Rows == data.Columns
        assert data.BitsStored == 8


def test_candid_layout_outlines_fractures(tmp_path):
    write_dataset(tmp_path, 6, 1, "candid", positive_share=0.5, **SIZE)
    table = pd.read_csv(tmp_path / "acute_rib_fracture.csv")
    reports = pd.read_csv(tmp_path / "Pneumothorax_reports.csv")
    assert list(table) == ["anon_SOPUID", "mask_rle"]
    assert 0 < table.anon_SOPUID.nunique() < 6
    assert set(reports.SOPInstanceUID) == {
        p.name for p in (tmp_path / "dataset").iterdir()
    }


def test_covid_layout_has_the_real_columns_and_masks(tmp_path):
    write_dataset(tmp_path, 6, 1, "covid", positive_share=0.5, **SIZE)
    header = (tmp_path / "metadata.csv").read_text().splitlines()[0]
    assert header == ",".join(COVID_COLUMNS)
    assert len(COVID_COLUMNS) == 29
    table = pd.read_csv(tmp_path / "metadata.csv")
    assert all((tmp_path / "images" / name).is_file() for name in table.filename)
    for row in pd.read_csv(tmp_path / "regions.csv").itertuples():
        with Image.open(tmp_path / row.mask) as mask:
            assert mask.mode == "RGBA"
            assert mask.size == (row.width, row.height)
        with Image.open(tmp_path / "images" / row.image) as image:
            assert row.left + row.width <= image.width
            assert row.top + row.height <= image.height


def test_run_lengths_count_gaps_down_the_columns():
    mask = np.zeros((3, 4), bool)
    mask[1:, 1] = True  # flat positions 4 and 5, column by column
    mask[0, 3] = True  # flat position 9: three after the end of the run before
    assert run_lengths(mask) == "4 2 3 1"
    assert run_lengths(np.zeros((2, 2), bool)) == "-1"


def test_an_ellipse_touches_its_box():
    mask = ellipse_mask((2, 1, 8, 5), (10, 10))
    rows, cols = np.nonzero(mask)
    assert (rows.min(), rows.max() + 1) == (1, 5)
    assert (cols.min(), cols.max() + 1) == (2, 8)


def test_another_phantom_is_replaced_on_request_and_other_data_never(tmp_path):
    write_dataset(tmp_path / "a", 4, 1, **SIZE)
    write_dataset(tmp_path / "a", 2, 2, replace=True, **SIZE)
    write_dataset(tmp_path / "b", 2, 2, **SIZE)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="not empty"):
        write_dataset(tmp_path / "c", 2, 2, replace=True, **SIZE)
    assert (tmp_path / "c" / "mine.txt").read_text() == "keep"
