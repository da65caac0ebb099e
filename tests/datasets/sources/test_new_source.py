"""A new data set is one short module and its name in one list."""

import importlib

import numpy as np
from PIL import Image

from chexnomaly.datasets.annotations import validation
from chexnomaly.datasets.prepared import prepare

MODULE = '''"""Chest clinic: one box a row, its corner and its size; one reader."""

from functools import partial

from chexnomaly.datasets.annotations import folders
from chexnomaly.datasets.annotations.findings import read_boxes
from chexnomaly.labels import NO_FINDING

TABLE = "boxes.csv"
IMAGE_FOLDER = "films"
COLUMNS = {
    "image_id": "film",
    "finding": "what",
    "x_min": "left",
    "y_min": "top",
    "x_max": "across",
    "y_max": "down",
}
FINDINGS = {"big heart": "cardiomegaly", "clear": NO_FINDING}


def read_annotations(root):
    """Read the boxes; returns the findings table and the refused rows."""
    path = folders.require_file(root, TABLE)
    fixed = {"source": folders.source_name(root, "clinic"), "reader": "Lee"}
    return read_boxes(path, COLUMNS, FINDINGS, sides=True, **fixed)


scan_folder = partial(folders.scan_images, folder=IMAGE_FOLDER)
'''


def test_a_module_of_a_page_and_a_line_in_the_list_suffice(tmp_path, monkeypatch):
    assert len(MODULE.splitlines()) <= 60
    (tmp_path / "clinic.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    names = (*validation.COLLECTIONS, "clinic")
    monkeypatch.setattr(validation, "COLLECTIONS", names)
    root = tmp_path / "source"
    (root / "films").mkdir(parents=True)
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 255, (30, 40), np.uint8)
        Image.fromarray(pixels).save(root / "films" / f"f{number}.png")
    (root / "boxes.csv").write_text(
        "film,what,left,top,across,down\n"
        "f0,big heart,10,6,10,9\n"
        "f1,clear,,,,\n"
        "f2,big heart,30,6,20,9\n"
        "f2,small heart,1,6,10,9\n"
    )
    clinic = importlib.import_module("clinic")
    data, refused = prepare(clinic, root, tmp_path / "out" / "clinic", 20, (0, 0, 1))
    assert len(data.store) == 3 and data.findings["reader"].unique() == ["Lee"]
    test = data.part("test")
    assert test.is_abnormal().tolist() == [True, False]
    # 40 x 30 px onto 20 x 20: x halves, y shrinks to two thirds.
    assert test.boxes("film000000").tolist() == [[5.0, 4.0, 10.0, 10.0]]
    assert sorted((r.row, r.column) for r in refused) == [(4, "width_px"), (5, "what")]
