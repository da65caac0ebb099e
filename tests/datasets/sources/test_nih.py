"""NIH's films: who marked what, who is healthy, and what a bad line costs."""

import gzip
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from chexnomaly.datasets.prepared import PreparedSet, prepare
from chexnomaly.datasets.sources import nih, packaged, rsna, vindr
from chexnomaly.datasets.sources.nih_opinions import fold_of
from chexnomaly.errors import AnnotationError
from chexnomaly.labels import FINDING_OF_NAME

ENTRIES = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,"
    "View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],\n"
)
ENTRY = "{}.png,{},0,{},50,F,{},2500,2048,0.168,0.168,\n"
NIH_HEAD = "Image Index,Finding Label,Bbox [x,y,w,h],,,\n"
RSNA_HEAD = "patientId,x,y,width,height,Target\n"
WELL, ILL, SEEN, MINED, BOTH, CALLED = (f"0000000{k}_000" for k in range(1, 7))
# A film that RSNA calls normal; one with three groups' boxes; one that ChestX-Det saw
# nothing on; one that only the report tells of; one called both; one called abnormal.
OPINIONS = {
    (WELL, "rsna"): "Normal",
    (ILL, "rsna"): "Lung Opacity",
    (SEEN, "tang train"): "normal",
    (BOTH, "tang train"): "normal",
    (BOTH, "rsna"): "No Lung Opacity / Not Normal",
    (CALLED, "tang val"): "abnormal",
}


def entry(name, syms=(), boxes=()):
    outlines = [[[a, b], [c, b], [c, d], [a, d]] for a, b, c, d in boxes]
    marks = {"syms": list(syms), "boxes": list(boxes), "polygons": outlines}
    return {"file_name": f"{name}.png"} | marks


def write_folder(root, change=None):
    """Write six films of 64 px and every table; `change` edits a file's text."""
    rng = np.random.default_rng(0)
    (root / "images_001" / "images").mkdir(parents=True)
    names = (WELL, ILL, SEEN, MINED, BOTH, CALLED)
    for name in names:
        film = Image.fromarray(rng.integers(0, 255, (64, 64), np.uint8))
        film.save(root / "images_001" / "images" / f"{name}.png")
    mined = dict.fromkeys(names, "No Finding") | {MINED: "Mass|Hernia", WELL: "Mass"}
    marks = [
        entry(ILL, ["Effusion", "Nodule"], [[100, 200, 300, 400], [10, 20, 30, 50]]),
        entry(SEEN),
    ]
    lines = [f"{k},{s},{what}\n" for (k, s), what in OPINIONS.items()]
    texts = {
        "Data_Entry_2017.csv": ENTRIES
        + "".join(
            ENTRY.format(
                name, mined[name], int(name[:8]), "AP" if name == ILL else "PA"
            )
            for name in names
        ),
        "BBox_List_2017.csv": f"{NIH_HEAD}{ILL}.png,Infiltrate,50,60,70,80,,,\n",
        "stage_2_train_labels.csv": f"{RSNA_HEAD}r1,,,,,0\nr2,512,256,128,64,1\n"
        "r5,,,,,0\nelsewhere,1,2,3,4,1\n",
        "rsna_ids.csv": f"image_id,rsna_id\n{WELL},r1\n{ILL},r2\n{BOTH},r5\n",
        "opinions.csv": "image_id,source,opinion\n" + "".join(lines),
        "chestx-det.json": json.dumps(marks),
        "chestx_det_names.csv": f"number,image_id\n36200,{WELL}\n36204,{ILL}\n",
    }
    for name, text in texts.items():
        (root / name).write_text((change or {}).get(name, lambda t: t)(text))
    return root


def healthy(table):
    return set(table.image_id[table.finding == "no_finding"])


@pytest.fixture(scope="module")
def shipped():
    return nih.read_annotations(nih.shipped())


def test_boxes_of_three_groups_are_in_one_frame(tmp_path):
    table, refused = nih.read_annotations(write_folder(tmp_path))
    assert refused == []
    boxes = table[table.image_id == ILL].set_index(["reader", "finding"])
    assert {key: list(row) for key, *row in boxes.iloc[:, 1:5].itertuples()} == {
        ("chestx-det", "pleural_effusion"): [100, 200, 300, 400],
        ("chestx-det", "nodule_mass"): [10, 20, 30, 50],
        ("rsna", "pneumonia"): [512, 256, 640, 320],
        ("nih-bbox", "infiltration"): [50, 60, 120, 140],
    }
    assert set(table.width_px) == set(table.height_px) == {1024}
    assert set(table.source) == {"nih"}


def test_healthy_is_who_was_called_normal_and_nothing_else(tmp_path):
    table, _ = nih.read_annotations(write_folder(tmp_path))
    assert healthy(table) == {WELL, SEEN}
    films = table.attrs["films"]
    expected = {WELL: False, ILL: True, SEEN: False, MINED: True, CALLED: True}
    assert films.abnormal.dropna().to_dict() == expected
    assert films.abnormal.index[films.abnormal.isna()].tolist() == [BOTH]
    assert films.loc[ILL, "view"] == "AP" and films.loc[MINED, "patient"] == "4"
    assert films.loc[MINED, "labels"] == "nodule_mass|hernia"
    assert films.loc[SEEN, "chestx_det"] == "none of 13"
    assert films.loc[BOTH, ["rsna", "tang"]].tolist() == ["not_normal", "normal"]
    assert films.loc[MINED, ["rsna", "tang", "chestx_det"]].isna().all()


DAMAGE = {
    "a broken line of NIH's boxes": (
        *("BBox_List_2017.csv", lambda t: t + f"{WELL}.png,Mass,1,2,3\n", WELL),
    ),
    "a box outside": (
        *(
            "BBox_List_2017.csv",
            lambda t: t + f"{WELL}.png,Mass,900,2,300,9,,,\n",
            WELL,
        ),
    ),
    "an unknown disease": (
        *("BBox_List_2017.csv", lambda t: t + f"{SEEN}.png,Gout,1,2,3,9,,,\n", SEEN),
    ),
    "a broken line of RSNA's": (
        *("stage_2_train_labels.csv", lambda t: t.replace("r1,,,,,0", "r1,,"), WELL),
    ),
    "no line of RSNA's": (
        *("stage_2_train_labels.csv", lambda t: t.replace("r1,,,,,0\n", ""), WELL),
    ),
    "a join that names a film twice": (
        *("rsna_ids.csv", lambda t: t + f"{WELL},r9\n", WELL),
    ),
    "an unknown opinion": (
        *("opinions.csv", lambda t: t + f"{WELL},tang val,perhaps\n", WELL),
    ),
    "an opinion of nobody": (
        *("opinions.csv", lambda t: t + f"{WELL},Smith,abnormal\n", WELL),
    ),
    "a symptom without a box": (
        "chestx-det.json",
        lambda t: json.dumps([*json.loads(t)[:1], entry(SEEN, ["Mass"])]),
        SEEN,
    ),
    "a symptom that is unknown": (
        "chestx-det.json",
        lambda t: json.dumps([*json.loads(t), entry(WELL, ["Gout"], [[1, 2, 3, 4]])]),
        WELL,
    ),
    "two entries of one film": (
        "chestx-det.json",
        lambda t: json.dumps([*json.loads(t), entry(SEEN)]),
        SEEN,
    ),
    "an inverted box": (
        "chestx-det.json",
        lambda t: json.dumps([*json.loads(t), entry(WELL, ["Mass"], [[9, 9, 3, 4]])]),
        WELL,
    ),
    "two opinions of one group": (
        *("opinions.csv", lambda t: t + f"{SEEN},tang val,abnormal\n", SEEN),
    ),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_film_that_lost_an_annotation_is_never_healthy(what, tmp_path):
    file, change, film = DAMAGE[what]
    table, refused = nih.read_annotations(write_folder(tmp_path, {file: change}))
    assert healthy(table) == {WELL, SEEN} - {film}
    assert table.attrs["films"].abnormal.fillna(True)[film]
    if what not in ("no line of RSNA's", "two opinions of one group"):
        assert any(file in str(refusal.file) for refusal in refused)


@pytest.mark.parametrize(
    ("change", "column"),
    [
        (lambda t: t.replace("50,F,PA", "50,F,LATERAL", 1), "View Position"),
        (lambda t: t.replace("Mass,0,1,", "Mass,0,7,"), "Patient ID"),
        (lambda t: t.replace(".png,Mass,", ".png,Gout,"), "Finding Labels"),
        (lambda t: t + ENTRY.format(WELL, "Mass", 1, "PA"), "Image Index"),
    ],
)
def test_a_film_without_a_sound_line_is_left_out(change, column, tmp_path):
    root = write_folder(tmp_path / "nih", {"Data_Entry_2017.csv": change})
    data, refused = prepare(nih, root, tmp_path / "out", 32)
    assert {r.column for r in refused if r.row} == {column}
    assert WELL not in data.store.ids and WELL not in data.films.index
    assert len(data.store) == 5 and WELL not in set(data.findings.image_id)


def test_files_are_read_right_or_refused_by_name(tmp_path):
    root = write_folder(tmp_path / "nih")
    images = root / "images_001" / "images"
    gray = np.asarray(Image.open(images / f"{WELL}.png"))
    Image.fromarray(gray.astype(np.uint16) * 257).save(images / f"{WELL}.png")
    large = Image.fromarray(gray).resize((128, 128), Image.Resampling.NEAREST)
    large.convert("RGBA").save(images / f"{SEEN}.png")
    Image.fromarray(gray[:48]).save(images / f"{ILL}.png")
    Image.fromarray(gray[:48]).save(images / f"{MINED}.png")
    (images / f"{CALLED}.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    (images / f"{BOTH}.png").rename(images / "film five.png")
    data, refused = prepare(nih, root, tmp_path / "out", 32)
    assert data.store.ids == [WELL, SEEN] == sorted(data.films.index)
    np.testing.assert_allclose(data.store.image(0), data.store.image(1), atol=2e-5)
    told = {str(r.file).rpartition("/")[2]: r.problem for r in refused}
    assert told["film five.png"] == "not a film's name"
    assert told[f"{ILL}.png"] == "another size: 64 x 48 px" != told[f"{CALLED}.png"]
    assert {f"{MINED}.png", f"{CALLED}.png"} <= set(told)


def test_two_files_of_one_film_are_both_refused(tmp_path):
    root = write_folder(tmp_path)
    (root / "train_data").mkdir()
    first = root / "images_001" / "images" / f"{WELL}.png"
    (root / "train_data" / "36200.png").write_bytes(first.read_bytes())
    images, refused = nih.scan_folder(root)
    assert WELL not in images and len(images) == 5
    assert {r.file for r in refused} == {
        str(first),
        str(root / "train_data" / "36200.png"),
    }


def test_no_link_leads_out_of_the_folder(tmp_path):
    root = write_folder(tmp_path / "nih")
    film = root / "images_001" / "images" / f"{WELL}.png"
    film.rename(tmp_path / "film.png")
    film.symlink_to(tmp_path / "film.png")
    images, refused = nih.scan_folder(root)
    assert WELL not in images and [r.error for r in refused] == ["UnsafePathError"]


@pytest.mark.parametrize("name", ["Data_Entry_2017.csv", "BBox_List_2017.csv"])
def test_a_missing_table_is_named(name, tmp_path, monkeypatch):
    root = write_folder(tmp_path)
    monkeypatch.setattr(packaged, "find_table", lambda name: None)
    (root / name).unlink()
    with pytest.raises(AnnotationError, match="no annotation table") as told:
        nih.read_annotations(root)
    assert name[:12] in told.value.expected and str(root) in str(told.value)


def test_rsna_may_come_from_a_folder_of_its_own(tmp_path, monkeypatch):
    root = write_folder(tmp_path / "nih")
    expected, _ = nih.read_annotations(root)
    (tmp_path / "rsna").mkdir()
    (root / rsna.BOX_TABLE).rename(tmp_path / "rsna" / rsna.BOX_TABLE)
    monkeypatch.setattr(packaged, "find_table", lambda name: None)
    monkeypatch.setenv("CHEXNOMALY_RSNA", str(tmp_path / "rsna"))
    pd.testing.assert_frame_equal(nih.read_annotations(root)[0], expected)


def test_a_prepared_set_keeps_films_without_a_row_and_names_that_are_public(tmp_path):
    root = write_folder(tmp_path / "nih")
    data, refused = prepare(nih, root, tmp_path / "data" / "nih", 32)
    assert refused == [] and data.origin == "open-images"
    assert data.store.ids == sorted(data.films.index) and len(data.store) == 6
    assert set(data.split.index) == set(data.findings.image_id) == {WELL, ILL, SEEN}
    assert not (tmp_path / "data" / "private").exists()
    boxes = data.findings.set_index(["image_id", "reader", "finding"])
    assert boxes.loc[(ILL, "rsna", "pneumonia"), "x_min"] == 512 * 64 / 1024
    films = nih.read_annotations(root)[0].attrs["films"]
    pd.testing.assert_frame_equal(data.films, films)
    before = data.data_hash
    table = tmp_path / "data" / "nih" / "films.csv"
    table.write_text(table.read_text().replace("PA", "AP", 1))
    again = PreparedSet.open(tmp_path / "data" / "nih")
    assert again.data_hash != before
    table.write_text("image_id,fold\nx,none\n")
    with pytest.raises(AnnotationError, match=r"films\.csv"):
        PreparedSet.open(tmp_path / "data" / "nih")


def test_a_set_without_facts_of_films_leaves_none_behind(tmp_path):
    prepare(nih, write_folder(tmp_path / "nih"), tmp_path / "out", 32)
    (tmp_path / "vindr" / "train").mkdir(parents=True)
    (tmp_path / "vindr" / "train.csv").write_text(
        "image_id,rad_id,class_name,x_min,y_min,x_max,y_max\na,R1,No finding,,,,\n"
    )
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    Image.fromarray(pixels).save(tmp_path / "vindr" / "train" / "a.png")
    data, _ = prepare(vindr, tmp_path / "vindr", tmp_path / "out", 32)
    assert data.films is None and not (tmp_path / "out" / "films.csv").exists()


def test_the_shipped_films_are_those_that_were_counted(shipped):
    """Counts of boxes, films, patients and folds, as the files' own source states."""
    table, refused = shipped
    films = table.attrs["films"]
    ill = table[table.finding != "no_finding"]
    boxed, well = set(ill.image_id), healthy(table)
    assert refused == [] and len(films) == 1698 and films.patient.nunique() == 1356
    assert (len(ill), len(boxed), len(well)) == (740, 297, 177)
    patients = films.patient
    assert patients[[*boxed]].nunique() == 251 and patients[[*well]].nunique() == 174
    folds = [
        films.fold[sorted(group)].value_counts().sort_index() for group in (boxed, well)
    ]
    assert folds[0].tolist() == [63, 54, 67, 46, 67]
    assert folds[1].tolist() == [33, 37, 38, 31, 38]
    views = [films["view"][sorted(group)].value_counts() for group in (boxed, well)]
    assert [dict(v) for v in views] == [{"PA": 152, "AP": 145}, {"PA": 153, "AP": 24}]
    assert ill.groupby("reader").image_id.nunique().to_dict() == {
        "chestx-det": 135,
        "nih-bbox": 56,
        "rsna": 159,
    }
    assert (films.labels[sorted(well)] != "no_finding").sum() == 114
    assert films.groupby("patient").fold.nunique().max() == 1
    assert films.fold["00000003_001"] == fold_of("3") == 3


def test_the_shipped_boxes_are_those_of_the_tables(shipped):
    """Read by other means: pandas alone, from the package and the JSON."""
    table, _ = shipped
    root = nih.shipped()
    expected = []
    for film in json.loads((root / "chestx-det.json").read_text()):
        for sym, box in zip(film["syms"], film["boxes"], strict=True):
            key = FINDING_OF_NAME["nih"][sym]
            expected.append(
                (film["file_name"][:-4], "chestx-det", key, *map(float, box))
            )
    films = {path.stem for path in (root / "images").iterdir()}
    with gzip.open(packaged.find_table("BBox_List_2017.csv.gz"), "rt") as stream:
        for line in stream.read().splitlines()[1:]:
            name, sym, *box = line.split(",")
            if name[:-4] in films:
                x, y, w, h = map(float, box[:4])
                key = FINDING_OF_NAME["nih"][sym]
                expected.append((name[:-4], "nih-bbox", key, x, y, x + w, y + h))
    joined = dict(
        line.split(",")[::-1] for line in (root / "rsna_ids.csv").read_text().split()
    )
    archive = zipfile.ZipFile(packaged.find_table(packaged.RSNA_FILE))
    for line in archive.read(archive.namelist()[0]).decode().splitlines()[1:]:
        name, x, y, w, h, target = line.split(",")
        if name in joined and target == "1":
            x, y, w, h = map(float, (x, y, w, h))
            expected.append((joined[name], "rsna", "pneumonia", x, y, x + w, y + h))
    columns = ["image_id", "reader", "finding", "x_min", "y_min", "x_max", "y_max"]
    ill = table.loc[table.finding != "no_finding", columns]
    assert sorted(ill.itertuples(index=False, name=None)) == sorted(expected)


def test_the_shipped_folder_is_the_default_and_a_variable_names_another(
    tmp_path, monkeypatch
):
    monkeypatch.delenv("CHEXNOMALY_NIH", raising=False)
    assert (nih.folder() / "images" / "00000003_001.webp").is_file()
    monkeypatch.setenv("CHEXNOMALY_NIH", str(tmp_path))
    assert nih.folder() == tmp_path


def lay_out(root, films, names, images, suffix=""):
    """Write films as PNG of 1024 px, under other names and in other folders."""
    for film, path in zip(films, images, strict=True):
        target = root / path / f"{names.get(film, film)}{suffix}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        source = nih.shipped() / "images" / f"{film}.webp"
        gray = Image.open(source).convert("L")
        gray.resize((1024, 1024), Image.Resampling.NEAREST).save(
            target, compress_level=0
        )


def test_downloads_of_nih_and_of_chestx_det_give_the_same_findings(shipped, tmp_path):
    table, _ = shipped
    readers = table.groupby("image_id").reader.agg(set)
    wanted = {"chestx-det", "rsna"}, {"rsna"}, {"nih-bbox"}, {"tang"}
    seen = [*table.attrs["films"].query("chestx_det == 'none of 13'").index[:2]]
    films = sorted(i for group in wanted for i in readers.index[readers == group][:2])
    expected = table[table.image_id.isin([*films, *seen])]
    columns = expected.columns.drop("row")

    def look(root):
        found, refused = nih.read_annotations(root)
        assert refused == []
        found = found[columns].sort_values([*columns], ignore_index=True)
        return found, sorted(nih.scan_folder(root)[0])

    one, two = tmp_path / "nih", tmp_path / "chestx_det"
    everyone = sorted({*films, *seen})
    lay_out(
        one,
        everyone,
        {},
        [f"images_{k % 2 + 1:03d}/images" for k in range(len(everyone))],
    )
    for name in ("Data_Entry_2017_v2020.csv", "BBox_List_2017.csv"):
        with gzip.open(packaged.find_table(f"{name}.gz"), "rt") as stream:
            head, *lines = stream.read().splitlines(keepends=True)
        kept = [line for line in lines if line[:12] in everyone]
        (one / name).write_text("".join([head, *kept]))
    numbers = pd.read_csv(nih.shipped() / nih.FILM_NUMBERS, dtype="str")
    names = dict(zip(numbers.image_id, numbers.number, strict=True))
    marks = json.loads((nih.shipped() / "chestx-det.json").read_text())
    marks = [film for film in marks if film["file_name"][:-4] in everyone]
    for film in marks:
        film["file_name"] = f"{names[film['file_name'][:-4]]}.png"
    places = ["train_data" if k % 2 else "test_data" for k in range(len(everyone))]
    lay_out(two, everyone, names, places)
    (two / "ChestX_Det_train.json").write_text(json.dumps(marks[::2]))
    (two / "ChestX_Det_test.json").write_text(json.dumps(marks[1::2]))
    expected = expected[columns].sort_values([*columns], ignore_index=True)
    for root in (one, two):
        found, there = look(root)
        pd.testing.assert_frame_equal(found, expected)
        assert there == everyone
    outlines = nih.read_outlines(two)
    assert outlines.keys() == nih.read_outlines(one).keys() & {*everyone}
