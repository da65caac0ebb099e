"""Boxes drawn on a film of one size, and an image of another, in every source."""

import json

import numpy as np
import pytest
from PIL import Image

from chexnomaly.datasets.annotations.findings import check_images
from chexnomaly.datasets.annotations.frames import is_copy
from chexnomaly.datasets.prepared import prepare
from chexnomaly.datasets.sources import candid, coco, covid, rsna, vindr
from tests.run_lengths import mask_to_runs

BOX = ["x_min", "y_min", "x_max", "y_max"]
SHARES = [0.25, 0.125, 0.75, 0.5]
"""The box of every source below, as shares of its film."""


def of_coco(root, width, height):
    box = [width / 4, height / 8, width / 2, height * 3 / 8]
    sizes = {"width": width, "height": height}
    content = {
        "images": [
            {"id": 1, "file_name": "a.png"} | sizes,
            {"id": 2, "file_name": "b.png"} | sizes,
        ],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": box}],
        "categories": [{"id": 1, "name": "Edema"}],
    }
    (root / "annotations.json").write_text(json.dumps(content))
    return coco, "images"


def of_vindr(root, width, height):
    end = f"{width},{height}"
    box = f"{width / 4},{height / 8},{width * 3 / 4},{height / 2}"
    (root / "train.csv").write_text(
        "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max,width,height\n"
        f"a,Edema,3,R1,{box},{end}\nb,No finding,14,R1,,,,,{end}\n"
    )
    return vindr, "train"


def of_rsna(root, width, height):
    (root / "stage_2_train_labels.csv").write_text(
        "patientId,x,y,width,height,Target\na,256,128,512,384,1\nb,,,,,0\n"
    )
    return rsna, "stage_2_train_images"


def of_candid(root, width, height):
    mask = np.zeros((1024, 1024), bool)
    mask[128:512, 256:768] = True
    (root / "Pneumothorax_reports.csv").write_text(
        f"SOPInstanceUID,EncodedPixels\na,{mask_to_runs(mask)}\nb,-1\n"
    )
    return candid, "dataset"


def of_covid(root, width, height):
    (root / "masks").mkdir()
    size = (width // 2, height * 3 // 8)
    Image.new("RGB", size, "white").save(root / "masks" / "a.png")
    (root / "regions.csv").write_text(
        "image,class,mask,left,top,width,height,resolution,finding\n"
        f"a.png,Consolidation,masks/a.png,{width // 4},{height // 8},"
        f"{size[0]},{size[1]},{width}x{height},COVID-19\n"
    )
    return covid, "images"


SOURCES = [
    (of_coco, (2000, 2400)),
    (of_vindr, (2000, 2400)),
    (of_rsna, (1024, 1024)),
    (of_candid, (1024, 1024)),
    (of_covid, (400, 480)),
]


def write_film(path, width, height, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 255, (height, width), np.uint8)
    Image.fromarray(pixels).save(path, **options)


@pytest.mark.parametrize("zoom", [0.05, 0.1, 1.0, 1.5])
@pytest.mark.parametrize(("write", "size"), SOURCES)
def test_boxes_follow_a_smaller_or_larger_copy(tmp_path, write, size, zoom):
    source, folder = write(tmp_path, *size)
    width, height = (round(side * zoom) for side in size)
    for name in "ab":
        write_film(tmp_path / folder / f"{name}.png", width, height)
    table, refused = source.read_annotations(tmp_path)
    images, _ = source.scan_folder(tmp_path)
    kept, bad = check_images(table, images, dict.fromkeys(images, (height, width)))
    assert [r.problem for r in refused + bad if "unlisted" not in r.problem] == []
    drawn = kept[kept.finding != "no_finding"]
    sides = [width, height, width, height]
    np.testing.assert_allclose(drawn[BOX].to_numpy()[0] / sides, SHARES, atol=1e-9)
    assert (kept.width_px == width).all() and (kept.height_px == height).all()


@pytest.mark.parametrize(("write", "size"), SOURCES)
def test_an_image_of_other_proportions_is_refused(tmp_path, write, size):
    source, folder = write(tmp_path, *size)
    for name in "ab":
        write_film(tmp_path / folder / f"{name}.png", 96, 60)
    data = [source.read_annotations(tmp_path), source.scan_folder(tmp_path)]
    (table, refused), (images, _) = data
    kept, bad = check_images(table, images, dict.fromkeys(images, (60, 96)))
    told = [r for r in refused + bad if {r.column} <= {"width_px", "resolution"}]
    if source is covid:
        assert len(told) == 1 and kept.empty
    else:
        stated = set(table.image_id[table.width_px.notna()])
        assert len(told) == len(stated) and not stated & set(kept.image_id)
        assert all("of another size: 96 x 60 px" in r.problem for r in told)
    assert "a" not in set(kept.image_id)


def test_a_turned_film_is_compared_upright(tmp_path):
    root = tmp_path / "source"
    root.mkdir()
    of_coco(root, 48, 64)
    exif = Image.Exif()
    exif[0x0112] = 6
    write_film(root / "images" / "a.png", 32, 24, exif=exif.tobytes())
    write_film(root / "images" / "b.png", 32, 24)
    data, refused = prepare(coco, root, tmp_path / "out", 16, (0, 0, 1))
    assert len(refused) == 1 and "of another size: 32 x 24 px" in refused[0].problem
    (row,) = data.findings[BOX].to_numpy().tolist()
    assert row == [6, 4, 18, 16]


def test_a_source_that_states_no_size_is_believed(tmp_path):
    (tmp_path / "train.csv").write_text(
        "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max,width,height\n"
        "a,Edema,3,R1,1,2,3,4,,\nb,Edema,3,R1,1,2,3,4,wide,inf\n"
        "c,Edema,3,R1,1,2,3,4,80,\n"
    )
    table, refused = vindr.read_annotations(tmp_path)
    kept, bad = check_images(table, {}, dict.fromkeys("abc", (30, 20)))
    assert not refused and all("absent" in r.problem for r in bad)
    assert kept[BOX].to_numpy().tolist() == [[1, 2, 3, 4]] * 3


SIZELESS = "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max\n"


def boxed(tmp_path, films, ending, size=(512, 512)):
    """Check films, name to boxes, that are there as images of one size."""
    rows = "".join(
        f"{name},Edema,3,R{k},{','.join(map(str, box))}\n"
        if box
        else f"{name},No finding,14,R{k},,,,\n"
        for name, boxes in films.items()
        for k, box in enumerate(boxes)
    )
    (tmp_path / "train.csv").write_text(SIZELESS + rows)
    table, refused = vindr.read_annotations(tmp_path)
    assert not refused
    images = {name: tmp_path / f"{name}.{ending}" for name in films}
    kept, told = check_images(table, images, dict.fromkeys(films, size))
    return kept.groupby("image_id").size().to_dict(), told


def test_a_picture_that_a_box_leaves_is_of_another_size(tmp_path):
    """The box that lies inside is of the same frame, and as wrong."""
    films = {"small": [(10, 10, 90, 90), (10, 10, 514, 90), None]}
    films |= {name: [(10, 10, 90, 512.5)] for name in "abc"} | {"well": [None]}
    kept, told = boxed(tmp_path, films, "png")
    assert kept == dict.fromkeys(["a", "b", "c", "well"], 1)
    (why,) = told
    assert "image 'small' of another size: 512 x 512 px" in why.problem
    assert why.row == 2 and "width and height of it" in why.expected


def test_copies_of_a_whole_set_are_told_by_most_of_their_boxes(tmp_path):
    """Drawn on films of 2500 px; what fits into 512 px by chance is no better."""
    films = {name: [(900, 900, 1700, 1700)] for name in "abcd"}
    films |= {"fits": [(100, 100, 400, 400)], "well": [None]}
    kept, told = boxed(tmp_path, films, "jpg")
    assert kept == {"well": 1}
    assert len(told) == 5 and all("of another size" in r.problem for r in told)


def test_a_dicom_film_is_what_was_annotated(tmp_path):
    """There a box outside is a slip, which costs itself alone."""
    films = {"a": [(10, 10, 90, 90), (10, 10, 514, 90)], "b": [(10, 10, 20, 900)]}
    kept, told = boxed(tmp_path, films, "dicom")
    assert kept == {"a": 1}
    assert [(r.row, r.column) for r in told] == [(3, "x_max"), (4, "y_max")]


@pytest.mark.parametrize(
    ("stated", "found", "fits"),
    [
        ((2000, 2400), (2000, 2400), True),
        ((2021, 2477), (417, 512), True),  # 512 / 2477 of 2021 is 417.7, cut off
        ((2021, 2477), (418, 512), True),
        ((2021, 2477), (412, 512), False),
        ((2000, 2400), (512, 512), False),
        ((2000, 2400), (2400, 2000), False),
        ((1024, 1024), (1024, 1023), True),
        ((1024, 1024), (1024, 1020), False),
        ((80, 96), (800, 960), True),
        ((80, float("nan")), (3, 900), True),
    ],
)
def test_proportions_may_differ_by_a_rounded_side(stated, found, fits):
    assert bool(is_copy(stated, found)) is fits
