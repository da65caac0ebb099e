"""Real films go by codes under a local salt; phantoms keep their names."""

import hashlib
import hmac
import pickle
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest

from chexnomaly.datasets.annotations import identities
from chexnomaly.datasets.prepared import PreparedSet, prepare
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.datasets.sources import vindr
from chexnomaly.errors import AnnotationError
from tests.dicom_files import write_dicom

NAMES = [f"patient{number:03d}" for number in (7, 1, 9, 4, 2, 8, 0, 3, 6, 5)]
FRACTIONS = (0.5, 0.2, 0.3)


def write_source(root: Path, mark: str = "") -> Path:
    """Write ten films in VinDr-CXR's layout, no two alike, in no order of names."""
    rng = np.random.default_rng(1)
    lines = ["image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max"]
    for k, name in enumerate(NAMES):
        film = rng.integers(0, 4096, (40, 32), np.uint16)
        write_dicom(root / "train" / f"{name}.dicom", film, 12)
        for reader in ("R1", "R2"):
            box = f"Cardiomegaly,3,{reader},{k},5,{k + 9},20"
            lines.append(f"{name},{box if k % 2 else f'No finding,14,{reader},,,,'}")
    lines.append("patient999,No finding,14,R1,,,,")
    (root / "train.csv").write_text("\n".join(lines) + "\n")
    if mark:
        (root / mark).write_text("{}")
    return root


def prepare_source(root: Path, out: Path):
    return prepare(vindr, root, out, 16, FRACTIONS)


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    """The same source on two machines, each with a salt of its own."""
    place = tmp_path_factory.mktemp("machines")
    root = write_source(place / "source")
    return [prepare_source(root, place / name / "vindr") for name in ("a", "b")]


def test_a_code_is_an_hmac_of_the_id():
    salt = bytes(range(32))
    expected = hmac.digest(salt, b"patient007", "sha256").hex()[:16]
    assert identities.hash_id("patient007", salt) == expected
    assert identities.hash_id("patient007", salt[::-1]) != expected
    assert hashlib.sha256(b"patient007").hexdigest()[:16] != expected


def test_no_id_is_left_outside_the_private_folder(machines):
    for data, refused in machines:
        files = [p for p in data.root.parent.rglob("*") if p.is_file()]
        private = data.root.parent / "private"
        told = "".join(r.problem for r in refused)
        for name in [*NAMES, "patient999"]:
            holders = [p for p in files if name.encode() in p.read_bytes()]
            assert holders == [private / "vindr.csv"]
            assert name not in told
        codes = {identities.hash_id(n, identities.load_salt(private)) for n in NAMES}
        assert set((data.root / "splits.csv").read_text().split()) & codes == set()
        index = (data.root / "store" / "index.csv").read_text().splitlines()[1:]
        assert {line.split(",")[0] for line in index} == codes


def test_only_the_owner_reads_the_private_folder(machines):
    private = machines[0][0].root.parent / "private"
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in private.iterdir()}
    assert modes == {"salt": 0o600, "vindr.csv": 0o600}


def test_nothing_but_the_codes_depends_on_the_salt(machines):
    (a, _), (b, _) = machines
    codes = [(d.root / "splits.csv").read_text() for d in (a, b)]
    assert codes[0] != codes[1]
    assert (a.data_hash, a.split_hash) == (b.data_hash, b.split_hash)
    assert a.split.equals(b.split)
    for part in ("train", "val", "test"):
        first, second = a.part(part), b.part(part)
        assert first.ids == second.ids
        for (x, m), (y, n) in zip(first, second, strict=True):
            assert x.equal(y) and m.equal(n)


def test_films_boxes_and_split_are_those_of_the_names(machines, tmp_path):
    """The oracle: the same source said to be a phantom, whose names stay."""
    data, _ = machines[0]
    plain, _ = prepare_source(
        write_source(tmp_path / "source", "phantom.json"), tmp_path / "vindr"
    )
    assert set(plain.store.ids) == set(NAMES)
    assert not (tmp_path / "private").exists()
    for part in ("train", "val", "test"):
        first, second = data.part(part), plain.part(part)
        assert len(first.ids) == len(second.ids)
        for (x, m), (y, n) in zip(first, second, strict=True):
            assert x.equal(y) and m.equal(n)
        for number, name in zip(first.ids, second.ids, strict=True):
            assert data.split[number] == plain.split[name]
            assert first.readers_of(number) == second.readers_of(name)


def test_a_refused_row_is_told_by_the_line_of_the_sources_table(machines):
    refused = machines[0][1]
    (absent,) = [r for r in refused if "absent" in r.problem]
    assert absent.row == 2 * len(NAMES) + 2 and absent.file.endswith("train.csv")


def test_a_set_without_its_private_list_goes_by_codes(machines, tmp_path):
    data, _ = machines[0]
    shutil.copytree(data.root, tmp_path / "vindr")
    passed_on = PreparedSet.open(tmp_path / "vindr")
    assert all(len(i) == 16 for i in passed_on.store.ids)
    assert len(passed_on.part("train").ids) == len(data.part("train").ids)


def test_a_renamed_store_comes_through_another_process(machines):
    data, _ = machines[0]
    copy = pickle.loads(pickle.dumps(data.store))
    assert copy.ids == data.store.ids
    name = data.ids("test")[0]
    np.testing.assert_array_equal(copy.image(name), data.store.image(name))
    assert len(SegmentationSet(copy, data.findings, [name])) == 1


def test_a_second_run_keeps_salt_and_store(tmp_path):
    root = write_source(tmp_path / "source")
    prepare_source(root, tmp_path / "b" / "vindr")
    before = {
        p: (p.read_bytes(), p.stat().st_mtime_ns)
        for p in [tmp_path / "b/private/salt", tmp_path / "b/vindr/store/images.npy"]
    }
    prepare_source(root, tmp_path / "b" / "vindr")
    after = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in before}
    assert after == before


def test_a_phantom_in_the_place_of_real_films_keeps_its_names(tmp_path):
    prepare_source(write_source(tmp_path / "real"), tmp_path / "vindr")
    root = write_source(tmp_path / "source", "phantom.json")
    data, _ = prepare_source(root, tmp_path / "vindr")
    assert set(data.store.ids) == set(NAMES)


def test_two_ids_with_one_code_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(identities, "hash_id", lambda name, salt: name[0])
    with pytest.raises(AnnotationError, match="same code.*another salt"):
        identities.hash_ids(["ab", "ac"], tmp_path / "vindr")


@pytest.mark.parametrize("text", ["", "zz", "00" * 31, "é"])
def test_a_damaged_salt_is_refused(tmp_path, text):
    (tmp_path / "salt").write_text(text)
    with pytest.raises(AnnotationError, match="salt: no salt; expected 64 hexa"):
        identities.load_salt(tmp_path)


@pytest.mark.parametrize("text", ["", "image_id\na\n", "\x00", "image_id,code\na,b\n"])
def test_a_damaged_or_foreign_list_is_refused(machines, tmp_path, text):
    shutil.copytree(machines[0][0].root.parent, tmp_path, dirs_exist_ok=True)
    (tmp_path / "private" / "vindr.csv").write_text(text)
    with pytest.raises(AnnotationError, match=r"vindr\.csv: .*prepare (it|the set) ag"):
        PreparedSet.open(tmp_path / "vindr")
