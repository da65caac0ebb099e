import csv
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.measure import label, regionprops

from chexnomaly.datasets.annotations.findings import check_images
from chexnomaly.datasets.sources import covid
from chexnomaly.datasets.sources.covid_regions import disease_of
from chexnomaly.datasets.store.images import read_size
from chexnomaly.errors import AnnotationError

REAL = os.environ.get("CHEXNOMALY_REAL_DATA")
needs_real_data = pytest.mark.skipif(not REAL, reason="CHEXNOMALY_REAL_DATA is unset")

LABELS = "patientid,finding,view,modality,folder,filename,clinical_notes\n"
REGIONS = "image,class,mask,left,top,width,height,resolution,finding,license\n"


def picture(path, height, width, draw=()):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((height, width, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    for x0, y0, x1, y1 in draw:
        pixels[y0:y1, x0:x1, 1] = 200
    Image.fromarray(pixels).save(path)


def check_located(table, images):
    sizes = {name: read_size(path) for name, path in images.items()}
    return check_images(table, images, sizes)


@pytest.mark.parametrize(
    ("text", "disease"),
    [
        ("COVID-19", "covid"),
        ("COVID-19, ARDS", "covid"),
        ("Pneumonia/Viral/COVID-19", "covid"),
        ("Pneumocystis", "pneumonia"),
        ("Pneumonia/Fungal/Pneumocystis", "pneumonia"),
        ("Pneumonia", "pneumonia"),
        ("ARDS", "other"),
        ("No Finding", "no_finding"),
        ("todo", None),
        ("", None),
    ],
)
def test_both_spellings_name_the_disease(text, disease):
    assert disease_of(text) == disease


def test_unusable_labels_are_refused_by_row(tmp_path):
    (tmp_path / "metadata.csv").write_text(
        LABELS
        + "1,No Finding,PA,X-ray,images,ok.jpg,\n"
        + "2,No Finding,L,X-ray,images,lateral.jpg,\n"
        + "3,COVID-19,PA,CT,volumes,ct.nii.gz,\n"
        + "4,todo,PA,X-ray,images,unknown.jpg,\n"
        + "5,COVID-19,PA,X-ray,images,twice.jpg,\n"
        + "5,COVID-19,PA,X-ray,images,twice.jpg,\n"
        + "6,COVID-19,PA,X-ray,images,torn.jpg,\n"
        + "6,No Finding,PA,X-ray,images,torn.jpg,\n"
        + "7,No Finding,PA,X-ray,images,../up.jpg,\n"
    )
    table, refusals = covid.read_annotations(tmp_path)
    assert table["image_id"].tolist() == ["ok.jpg"]
    assert sorted(refusal.row for refusal in refusals) == [3, 4, 5, 7, 8, 9, 10]
    by_row = {refusal.row: refusal for refusal in refusals}
    assert by_row[3].column == "view"
    assert by_row[5].column == "finding"
    assert by_row[10].error == "UnsafePathError"
    assert table.attrs["also_listed"] == {"twice.jpg": 6}


def test_a_labeled_image_without_a_row_is_not_unlisted(tmp_path):
    picture(tmp_path / "images" / "a.png", 8, 8, [(0, 0, 4, 4)])
    (tmp_path / "metadata.csv").write_text(
        LABELS
        + "1,COVID-19,PA,X-ray,images,a.png,\n"
        + "1,COVID-19,PA,X-ray,images,absent.png,\n"
    )
    table, _ = covid.read_annotations(tmp_path)
    table, (refusal,) = check_located(table, covid.scan_folder(tmp_path)[0])
    assert table.empty
    assert (refusal.row, "absent.png" in refusal.problem) == (3, True)


def region_folder(tmp_path, line):
    picture(tmp_path / "images" / "a.png", 60, 80, [(0, 0, 4, 4)])
    picture(tmp_path / "masks" / "m.png", 30, 50, [(0, 0, 10, 30), (20, 5, 50, 25)])
    (tmp_path / "regions.csv").write_text(REGIONS + line)
    return covid.read_annotations(tmp_path)


GOOD = "a.png,Ground Glass Opacities,masks/m.png,20,10,50,30,80x60,COVID-19,CC BY\n"


def test_each_part_of_a_region_becomes_a_box_of_the_image(tmp_path):
    table, refusals = region_folder(tmp_path, GOOD)
    assert not refusals
    boxes = table[["x_min", "y_min", "x_max", "y_max"]].to_numpy().tolist()
    assert boxes == [[20, 10, 30, 40], [40, 15, 70, 35]]
    assert table["finding"].tolist() == ["covid", "covid"]
    assert table["width_px"].tolist() == [80, 80]


@pytest.mark.parametrize(
    ("kind", "disease", "finding"),
    [
        ("Ground Glass Opacities", "Klebsiella", "pneumonia"),
        ("Ground Glass Opacities", "ARDS", "lung_opacity"),
        ("Consolidation", "COVID-19", "consolidation"),
        ("Pleural Effusion", "COVID-19", "pleural_effusion"),
        ("Pneumothorax", "COVID-19", "pneumothorax"),
    ],
)
def test_class_and_film_decide_the_finding(tmp_path, kind, disease, finding):
    line = GOOD.replace("Ground Glass Opacities", kind).replace("COVID-19", disease)
    table, _ = region_folder(tmp_path, line)
    assert set(table["finding"]) == {finding}


def test_anatomy_and_devices_are_passed_over(tmp_path):
    table, refusals = region_folder(
        tmp_path, GOOD.replace("Ground Glass Opacities", "Left Lung")
    )
    assert table.empty and not refusals


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ("Ground Glass Opacities", "Shadow", "class"),
        ("masks/m.png", "masks/none.png", "mask"),
        ("masks/m.png", "../m.png", "mask"),
        ("masks/m.png", "masks/../images/a.png", "mask"),
        ("20,10,50,30", "20,10,51,30", "mask"),
        ("20,10,50,30", "31,10,50,30", "left"),
        ("20,10,50,30", "20,31,50,30", "top"),
        ("20,10,50,30", "-1,10,50,30", "left"),
        ("80x60", "60x80", "resolution"),
        ("80x60", "big", "resolution"),
    ],
)
def test_a_bad_region_is_refused_by_row_and_column(tmp_path, old, new, column):
    table, (refusal,) = region_folder(tmp_path, GOOD.replace(old, new))
    assert table.empty
    assert (refusal.row, refusal.column) == (2, column)
    assert refusal.file == str(tmp_path / "regions.csv")


def test_a_broken_mask_is_refused_by_its_own_name(tmp_path):
    picture(tmp_path / "images" / "a.png", 60, 80, [(0, 0, 4, 4)])
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "m.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (tmp_path / "regions.csv").write_text(REGIONS + GOOD)
    table, (refusal,) = covid.read_annotations(tmp_path)
    assert table.empty
    assert (refusal.error, refusal.row) == ("ImageError", 2)
    assert refusal.file.endswith("m.png")


def test_a_folder_without_tables_is_refused(tmp_path):
    with pytest.raises(AnnotationError, match="metadata.csv or regions.csv"):
        covid.read_annotations(tmp_path)


@needs_real_data
def test_the_real_labels_are_read():
    root = Path(REAL, "covid-chestxray-dataset")
    with (root / "metadata.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    images = covid.scan_folder(root)[0]
    table, refusals = covid.read_annotations(root)
    assert not refusals
    unboxed = {row["filename"] for row in rows if row["finding"] != "No Finding"}
    assert set(table.attrs["also_listed"]) == unboxed
    table, absent = check_located(table, images)
    assert len(table) == 3 and set(table["finding"]) == {"no_finding"}
    assert len(absent) == sum(row["filename"] not in images for row in rows) == 15


@needs_real_data
def test_the_real_regions_become_the_boxes_scikit_image_finds():
    root = Path(REAL, "covid-lesion-masks")
    expected = []
    with (root / "regions.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            if row["class"] not in ("Ground Glass Opacities", "Consolidation") and (
                row["class"] != "Pleural Effusion"
            ):
                continue
            pixels = np.asarray(Image.open(root / row["mask"]))[..., :3].max(axis=2)
            left, top = int(row["left"]), int(row["top"])
            for part in regionprops(label(pixels > 0, connectivity=2)):
                if part.area >= 16:
                    y0, x0, y1, x1 = part.bbox
                    box = (x0 + left, y0 + top, x1 + left, y1 + top)
                    expected.append((row["image"], *box))
    table, refusals = covid.read_annotations(root)
    assert not refusals
    columns = ["image_id", "x_min", "y_min", "x_max", "y_max"]
    assert sorted(table[columns].itertuples(index=False, name=None)) == sorted(expected)
    table, refusals = check_located(table, covid.scan_folder(root)[0])
    assert not refusals and table["image_id"].nunique() == 22
