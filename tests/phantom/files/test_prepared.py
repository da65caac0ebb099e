"""Cohorts as prepared sets; healthy films show nothing and are written once."""

import numpy as np

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.phantom import film
from chexnomaly.phantom.files.prepared import write_normal_films, write_prepared


def test_healthy_films_show_nothing_and_are_written_once(tmp_path):
    made = write_normal_films(tmp_path, 6, seed=3, size=32, size_px=(48, 64))
    test = made.part("test")
    assert len(test) == 6 and not test.is_abnormal().any()
    assert set(made.findings.finding) == {"no_finding"}
    assert made.origin == "phantom"
    first = film(3, 0, (48, 64), layout="rsna", findings=[])
    assert made.store.image(first.image_id).shape == (32, 32)
    files = {p: p.stat().st_mtime_ns for p in (tmp_path / "store").iterdir()}
    again = write_normal_films(tmp_path, 6, seed=3, size=32, size_px=(48, 64))
    assert np.array_equal(again.store.image(0), made.store.image(0))
    assert files == {p: p.stat().st_mtime_ns for p in (tmp_path / "store").iterdir()}


def test_what_is_returned_is_what_is_read_from_the_folder(tmp_path):
    parts = ["train", "val", "test", "test"] * 3
    made = write_prepared(tmp_path, parts, 3, 32, size_px=(48, 64), enriched=True)
    read = PreparedSet.open(tmp_path)
    assert made.findings.equals(read.findings) and made.split.equals(read.split)
    assert made.data_hash == read.data_hash and made.split_hash == read.split_hash
    films = (film(3, k, (48, 64), enriched=True, pixels=False) for k in range(12))
    assert [made.split[one.image_id] for one in films] == parts
