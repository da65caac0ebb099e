"""A film that lost a finding to a refusal is abnormal by the rest, or leaves."""

import json

import numpy as np
import pytest
from PIL import Image

from chexnomaly.datasets.annotations.findings import check_images
from chexnomaly.datasets.prepared import prepare
from chexnomaly.datasets.sources import candid, coco, covid, rsna, vindr
from tests.run_lengths import mask_to_runs

VINDR = "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max\n"
RSNA = "patientId,x,y,width,height,Target\n"
LABELS = "filename,finding,view,modality,folder\n"
REGIONS = "image,class,mask,left,top,width,height,resolution,finding\n"
OUTLINE = mask_to_runs(np.pad(np.ones((9, 9), bool), (0, 1015)))


def findings(source, root, **files):
    """Write a source's files, and give film to findings and the refusals."""
    for name, text in files.items():
        (root / name.replace("__", ".")).write_text(text)
    table, refused = source.read_annotations(root)
    return table.groupby("image_id").finding.agg(sorted).to_dict(), refused


@pytest.mark.parametrize(
    "bad",
    [
        "ill,Cardiomegaly,3,R2,20,3,2,30",
        "ill,Cardiomegaly,3,R2,20,3,,30",
        "ill,Nonsense,3,R2,2,3,20,30",
        "ill,Cardiomegaly,3,,2,3,20,30",
        "ill,No finding,14,R2,2,3,20,30",
        "ill,Cardiomegaly,3,R2,2,3,20",
        "ill,Cardiomegaly,3,R2,2,3,20,30,40",
        '"ill,Cardiomegaly,3,R2,2,3,20,30',
    ],
)
def test_another_readers_no_finding_does_not_stand_alone(tmp_path, bad):
    rows = f"ill,No finding,14,R1,,,,\n{bad}\nwell,No finding,14,R1,,,,\n"
    rows += f"more,Edema,3,R1,2,3,20,30\n{bad.replace('ill', 'more')}\n"
    films, refused = findings(vindr, tmp_path, train__csv=VINDR + rows)
    assert films == {"well": ["no_finding"], "more": ["other_lesion"]}
    assert {2, 3, 6} == {r.row for r in refused}


@pytest.mark.parametrize("bad", ["ill,5,5,-3,5,1", "ill,5,5,3,5,2", "ill,5,5,3,1"])
def test_a_refused_opacity_is_no_target_0(tmp_path, bad):
    rows = f"ill,,,,,0\n{bad}\nwell,,,,,0\n"
    films, _ = findings(rsna, tmp_path, stage_2_train_labels__csv=RSNA + rows)
    assert films == {"well": ["no_finding"]}


@pytest.mark.parametrize("bad", ["x y", "0 3 1", "9999999 9"])
@pytest.mark.parametrize("kind", ["report", "fracture", "cut short"])
def test_a_refused_outline_is_no_empty_one(tmp_path, kind, bad):
    report = "SOPInstanceUID,EncodedPixels\nill,-1\nwell,-1\n"
    fracture = f"anon_SOPUID,mask_rle\nmore,{OUTLINE}\nmore,{bad}\n"
    if kind == "report":
        report += f"ill,{bad}\n"
    else:
        fracture += f"ill,{bad}" + (",," if kind == "cut short" else "") + "\n"
    files = {"Pneumothorax_reports__csv": report, "acute_rib_fracture__csv": fracture}
    films, _ = findings(candid, tmp_path, **files)
    assert films == {"well": ["no_finding"], "more": ["rib_fracture"]}


@pytest.mark.parametrize(
    "bad",
    [
        "ill,Consolidation,masks/none.png,1,1,5,5,80x60,No Finding",
        "ill,Nonsense,masks/none.png,1,1,5,5,80x60,No Finding",
        "ill,Consolidation,masks/none.png,1,1,5,5,big,No Finding",
        "ill,Consolidation,masks/none.png,1",
        "ill,Consolidation,masks/black.png,1,1,5,5,80x60,No Finding",
    ],
)
def test_a_refused_region_contradicts_the_label(tmp_path, bad):
    (tmp_path / "masks").mkdir()
    Image.new("RGB", (5, 5)).save(tmp_path / "masks" / "black.png")
    rows = "".join(f"{name},No Finding,PA,X-ray,images\n" for name in ("ill", "well"))
    files = {"metadata__csv": LABELS + rows, "regions__csv": f"{REGIONS}{bad}\n"}
    assert findings(covid, tmp_path, **files)[0] == {"well": ["no_finding"]}


@pytest.mark.parametrize("bad", ["ill,Strange,PA,X-ray,images", "ill,COVID-19,PA"])
def test_a_refused_label_contradicts_the_other(tmp_path, bad):
    rows = f"ill,No Finding,PA,X-ray,images\n{bad}\nwell,No Finding,PA,X-ray,images\n"
    films, _ = findings(covid, tmp_path, metadata__csv=LABELS + rows)
    assert films == {"well": ["no_finding"]}


@pytest.mark.parametrize(
    "change",
    [
        {"bbox": [1, 2, "x", 4]},
        {"bbox": [30, 2, 20, 4]},
        {"bbox": [1, 2, 0, 4]},
        {"category_id": None},
        {"annotator": ""},
        {"image_id": 1.0, "bbox": []},
    ],
)
def test_a_film_with_a_refused_annotation_is_not_empty(tmp_path, change):
    images = [
        {"id": k, "file_name": f"film{k}.png", "width": 40, "height": 30}
        for k in (1, 2)
    ]
    box = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}
    content = {"images": images, "categories": [{"id": 1, "name": "Cavity"}]}
    text = json.dumps(content | {"annotations": [box | change]})
    films, refused = findings(coco, tmp_path, annotations__json=text)
    assert films == {"film2": ["no_finding"]} and refused
    text = json.dumps(content | {"annotations": [box, box | change]})
    films, _ = findings(coco, tmp_path, annotations__json=text)
    assert films == {"film1": ["other_lesion"], "film2": ["no_finding"]}


def test_a_box_refused_once_the_size_is_known_heals_nothing(tmp_path):
    rows = "a,No finding,14,R1,,,,\na,Edema,3,R2,2,3,90,30\nb,No finding,14,R1,,,,\n"
    (tmp_path / "train.csv").write_text(VINDR + rows)
    table, _ = vindr.read_annotations(tmp_path)
    kept, refused = check_images(table, {}, {"a": (40, 32), "b": (40, 32)})
    assert kept.image_id.tolist() == ["b"]
    assert [r.row for r in refused if r.error == "AnnotationError"] == [3, 2]


def test_a_prepared_set_holds_no_healed_film(tmp_path):
    root = tmp_path / "source"
    (root / "train").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in "abc":
        pixels = rng.integers(0, 255, (40, 32), np.uint8)
        Image.fromarray(pixels).save(root / "train" / f"{name}.png")
    rows = "a,No finding,14,R1,,,,\na,Edema,3,R2,2,3\nb,No finding,14,R1,,,,\n"
    (root / "train.csv").write_text(f"{VINDR}{rows}c,Edema,3,R1,2,3,9,9\n")
    data, refused = prepare(vindr, root, tmp_path / "out", 16, (0, 0, 1))
    assert data.findings.finding.tolist() == ["no_finding", "other_lesion"]
    assert data.ids("test") == data.findings.image_id.tolist()
    assert sorted(r.row for r in refused) == [2, 3]
