"""Healthy films show nothing, and are taken up where they are finished."""

import numpy as np

from chexnomaly.phantom import film
from chexnomaly.phantom.files.prepared import write_normal_films


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
