"""A reader's own data set in COCO's form, good and bad."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from chexnomaly.datasets.prepared import prepare
from chexnomaly.datasets.sources import coco
from chexnomaly.errors import AnnotationError

CATEGORIES = [{"id": 1, "name": "Nodule/Mass"}, {"id": 7, "name": "bronchiectasis"}]


def image(number, name=None, width=40, height=30):
    file_name = name or f"film{number}.png"
    return {"id": number, "file_name": file_name, "width": width, "height": height}


def box(image_id, bbox, category_id=1, **more):
    return {"image_id": image_id, "category_id": category_id, "bbox": bbox} | more


def write(root, images, annotations, categories=CATEGORIES):
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / coco.TABLE).write_text(json.dumps(content))
    return root


def corners(table):
    return table[["x_min", "y_min", "x_max", "y_max"]].to_numpy().tolist()


def test_width_and_height_become_corners_and_categories_findings(tmp_path):
    boxes = [box(1, [3, 4, 10, 5]), box(1, [0, 0, 40, 30], 7, annotator="Lee")]
    table, refusals = coco.read_annotations(write(tmp_path, [image(1)], boxes))
    assert not refusals
    assert corners(table) == [[3, 4, 13, 9], [0, 0, 40, 30]]
    assert table.finding.tolist() == ["nodule_mass", "other_lesion"]
    assert table.reader.tolist() == [coco.READER, "Lee"]
    assert table.image_id.unique().tolist() == ["film1"]
    assert set(table.source) == {"coco"}


def test_an_image_without_a_box_has_no_finding(tmp_path):
    root = write(tmp_path, [image(1), image(2)], [box(1, [3, 4, 10, 5])])
    table, _ = coco.read_annotations(root)
    nothing = table[table.finding == "no_finding"]
    assert nothing.image_id.tolist() == ["film2"]
    assert nothing.row.tolist() == [2]


@pytest.mark.parametrize(
    "bad",
    [
        box(9, [1, 1, 2, 2]),
        box(1, [1, 1, 2]),
        box(1, [1, 1, 2, "x"]),
        box(1, None),
        box(1, [30, 1, 20, 2]),
        box(1, [1, 1, -3, 2]),
        box(1, [1, 1, 2, 2], 99),
        [],
        None,
        3,
    ],
)
def test_a_bad_entry_is_refused_by_number_and_the_rest_goes_on(tmp_path, bad):
    root = write(tmp_path, [image(1)], [box(1, [3, 4, 10, 5]), bad])
    table, refusals = coco.read_annotations(root)
    assert corners(table) == [[3, 4, 13, 9]]
    assert [r.row for r in refusals] == [2]
    assert refusals[0].file.endswith(coco.TABLE)


@pytest.mark.parametrize("side", ["width", "height"])
@pytest.mark.parametrize("px", [2**31, 9999999999999999999980, -(2**70)])
def test_a_side_beyond_any_film_is_refused_and_the_rest_goes_on(tmp_path, side, px):
    images = [image(1), image(2, **{side: px})]
    boxes = [box(1, [3, 4, 10, 5]), box(2, [5, 6, 20, 30])]
    table, refusals = coco.read_annotations(write(tmp_path, images, boxes))
    assert corners(table) == [[3, 4, 13, 9]]
    # The image itself, and the box that has none now.
    assert [(r.column, r.row) for r in refusals] == [("images", 2), ("annotations", 2)]
    assert "a side of more than 2147483647 px" in refusals[0].problem


@pytest.mark.parametrize("number", [9, "nine", None, 1.5])
def test_a_box_of_an_unknown_image_costs_no_film(tmp_path, number):
    boxes = [box(number, [1, 1, 2, 2]), box(1, [3, 4, 10, 5]), box(number, "x")]
    root = write(tmp_path, [image(1), image(2)], boxes)
    table, refusals = coco.read_annotations(root)
    found = table.set_index("image_id").finding.to_dict()
    assert found == {"film1": "nodule_mass", "film2": "no_finding"}
    assert [(r.column, r.row) for r in refusals] == [
        ("annotations", 1),
        ("annotations", 3),
    ]


def test_a_name_that_would_leave_the_folder_is_refused(tmp_path):
    root = write(tmp_path, [image(1, "../secret.png")], [box(1, [3, 4, 10, 5])])
    table, refusals = coco.read_annotations(root)
    assert table.empty
    assert {r.error for r in refusals} == {"UnsafePathError"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"images": 3}', "[" * 100_000])
def test_what_is_not_coco_is_refused_as_a_whole(tmp_path, text):
    (tmp_path / coco.TABLE).write_text(text)
    with pytest.raises(AnnotationError):
        coco.read_annotations(tmp_path)


def test_no_table_is_refused(tmp_path):
    with pytest.raises(AnnotationError, match=r"annotations\.json"):
        coco.read_annotations(tmp_path)


@pytest.mark.parametrize(
    ("section", "shared"),
    [
        ("images", [image(3, "x.png"), image(3, "y.png"), image("3", "z.png")]),
        ("images", [image(3, "x.png"), image(4, "x.jpg")]),
        ("images", [image(3, "x.png"), image(4, "images/x.png")]),
        ("images", [image(3, "x.png"), image(3, "y.png", width=None)]),
        ("categories", [{"id": 3, "name": "Edema"}, {"id": 3, "name": "Nodule/Mass"}]),
    ],
)
def test_every_holder_of_an_ambiguous_id_is_refused(tmp_path, section, shared):
    sections = {"images": [image(1)], "categories": list(CATEGORIES)}
    first = len(sections[section]) + 1
    sections[section] += shared
    boxes = [box(1, [3, 4, 10, 5])]
    boxes += [
        box(*((3, [1, 1, 2, 2]) if section == "images" else (1, [1, 1, 2, 2], 3)))
    ]
    root = write(tmp_path, sections["images"], boxes, sections["categories"])
    table, refusals = coco.read_annotations(root)
    assert corners(table) == [[3, 4, 13, 9]]
    rows = {(section, first + k) for k in range(len(shared))} | {("annotations", 2)}
    assert {(r.column, r.row) for r in refusals} == rows


@pytest.mark.parametrize("stated", [7, 7.0, "7"])
@pytest.mark.parametrize("meant", [7, 7.0, "7"])
def test_an_id_may_be_a_number_or_text(tmp_path, stated, meant):
    boxes = [box(meant, [3, 4, 10, 5], meant)]
    categories = [{"id": stated, "name": "Nodule/Mass"}]
    root = write(tmp_path, [image(stated)], boxes, categories)
    table, refusals = coco.read_annotations(root)
    assert not refusals and table.finding.tolist() == ["nodule_mass"]


@pytest.mark.parametrize("prefix", ["images/", "images\\", "./images/", ".\\images\\"])
def test_a_file_name_may_begin_with_the_image_folder(tmp_path, prefix):
    root = write(tmp_path, [image(1, f"{prefix}film.1.png")], [box(1, [3, 4, 10, 5])])
    table, refusals = coco.read_annotations(root)
    assert not refusals and table.image_id.tolist() == ["film.1"]


@pytest.mark.parametrize("name", ["images/../a.png", "other/a.png", "/images/a.png"])
def test_another_folder_in_a_file_name_is_refused(tmp_path, name):
    table, refusals = coco.read_annotations(write(tmp_path, [image(1, name)], []))
    assert table.empty and [r.error for r in refusals] == ["UnsafePathError"]


def test_a_byte_order_mark_is_passed_over(tmp_path):
    path = write(tmp_path, [image(1)], [box(1, [3, 4, 10, 5])]) / coco.TABLE
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert corners(coco.read_annotations(tmp_path)[0]) == [[3, 4, 13, 9]]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "image_id", "bbox", "file_name", "width", "name"]),
            inner,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(JUNK, JUNK, JUNK)
def test_whatever_json_holds_only_named_errors_come_out(tmp_path_factory, a, b, c):
    root = tmp_path_factory.mktemp("junk")
    content = {"images": [image(1), a], "annotations": [b], "categories": [c]}
    (root / coco.TABLE).write_text(json.dumps(content))
    table, refusals = coco.read_annotations(root)
    assert len(table) + len(refusals) >= 1


def test_the_folder_becomes_a_prepared_set(tmp_path):
    root = tmp_path / "source"
    (root / coco.IMAGE_FOLDER).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(1, 5):
        pixels = rng.integers(0, 255, (30, 40), np.uint8)
        Image.fromarray(pixels).save(root / coco.IMAGE_FOLDER / f"film{number}.png")
    write(root, [image(n) for n in range(1, 5)], [box(1, [10, 6, 20, 15])])
    data, refused = prepare(coco, root, tmp_path / "out", 20, (0, 0, 1))
    assert not refused
    test = data.part("test")
    assert data.origin == "open-images"
    assert test.ids == [f"film00000{k}" for k in range(4)]
    # 40 x 30 px onto 20 x 20: x halves, y shrinks to two thirds.
    expected = np.zeros((20, 20), bool)
    expected[4:14, 5:15] = True
    np.testing.assert_array_equal(test.mask("film000000")[0].numpy() > 0, expected)
    assert test.is_abnormal().tolist() == [True, False, False, False]
