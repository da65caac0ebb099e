"""From phantom files to a folder that notebooks open."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from chexnomaly import phantom
from chexnomaly.datasets.prepared import PreparedSet, choose_positives, prepare
from chexnomaly.datasets.sources import rsna, vindr
from chexnomaly.datasets.store.images import read_image
from chexnomaly.datasets.store.resize import resize_square


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    root = tmp_path_factory.mktemp("sources")
    phantom.write_dataset(root / "vindr", 24, 3, size_px=(48, 64), enriched=True)
    sizes = {"size_px": (48, 64), "positive_share": 0.5}
    phantom.write_dataset(root / "rsna", 12, 4, layout="rsna", **sizes)
    return root


def test_a_source_becomes_a_prepared_set(sources, tmp_path):
    data, refused = prepare(vindr, sources / "vindr", tmp_path, 32, (0.5, 0.25, 0.25))
    assert refused == []
    assert len(data.store) == 24 and data.origin == "phantom"
    assert {p: len(data.ids(p)) for p in ("train", "val", "test")} == {
        "train": 12,
        "val": 6,
        "test": 6,
    }
    path = vindr.scan_folder(sources / "vindr")[0][data.store.ids[0]]
    expected = resize_square(read_image(path), 32)
    np.testing.assert_allclose(data.store.image(0), expected, atol=1 / 65535)
    again = PreparedSet.open(tmp_path)
    assert (again.data_hash, again.split_hash) == (data.data_hash, data.split_hash)


def test_the_hash_follows_the_boxes_too(sources, tmp_path):
    data, _ = prepare(vindr, sources / "vindr", tmp_path, 32)
    before = data.data_hash
    table = tmp_path / "findings.csv"
    table.write_text(table.read_text().replace("R", "Q"))
    assert data.data_hash != before


def test_a_bad_file_is_refused_and_the_rest_arrives(sources, tmp_path):
    broken = tmp_path / "source"
    shutil.copytree(sources / "vindr", broken)
    victim = sorted((broken / "train").iterdir())[5]
    victim.write_bytes(victim.read_bytes()[:400])
    data, refused = prepare(vindr, broken, tmp_path / "out", 32)
    assert len(data.store) == 23 and victim.stem not in data.store.ids
    assert victim.stem not in set(data.findings.image_id)
    assert victim.stem not in data.split.index
    assert any(victim.name in (r.file or "") for r in refused)


def test_positives_are_chosen_by_seed_and_annotations(sources, tmp_path):
    root = sources / "rsna"
    everyone = choose_positives(rsna, root, 100, seed=0)
    some = choose_positives(rsna, root, 2, seed=0)
    assert set(some) < set(everyone) and len(some) == 2
    assert some == choose_positives(rsna, root, 2, seed=0)
    data, refused = prepare(rsna, root, tmp_path, 32, (0, 0, 1), ids=some)
    assert refused == [] and data.ids("test") == some
    assert data.part("test").is_abnormal().all()


@pytest.mark.parametrize(
    ("sources", "origin"),
    [
        (["vindr"], "images"),
        (["rsna", "candid", "covid"], "images"),
        (["rsna", "coco"], "open-images"),
        (["nih"], "open-images"),
        (["vindr", "phantom"], "phantom"),
        ([], "images"),
    ],
)
def test_the_weakest_collection_gives_the_origin(squares, sources, origin):
    rows = squares.findings.iloc[: len(sources)].assign(source=sources)
    assert replace(squares, findings=rows).origin == origin
