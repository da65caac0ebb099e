import sys

import numpy as np
import pytest

from chexnomaly.datasets.sources import rsna, vindr
from chexnomaly.datasets.store.preparing import prepare_store
from chexnomaly.datasets.store.store import Store
from chexnomaly.phantom import write_dataset, write_store
from chexnomaly.phantom.files import store as direct

SIZE = {"size_px": (40, 56), "enriched": True}


@pytest.mark.parametrize(("layout", "source"), [("vindr", vindr), ("rsna", rsna)])
def test_both_ways_into_the_store_give_the_same_pixels(tmp_path, layout, source):
    write_dataset(tmp_path / "files", 12, 3, layout, **SIZE)
    images = source.scan_folder(tmp_path / "files")[0]
    through_files, refused = prepare_store(images, tmp_path / "a", 32)
    films = write_store(tmp_path / "b", 12, 3, 32, layout=layout, **SIZE)
    direct = Store.open(tmp_path / "b", verify=True)
    assert not refused
    assert direct.ids == sorted(film.image_id for film in films)
    assert direct.data_hash == through_files.data_hash
    np.testing.assert_array_equal(direct.sizes, through_files.sizes)


def test_the_direct_way_needs_no_pydicom(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("pydicom")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    monkeypatch.delitem(sys.modules, "chexnomaly.phantom.files.dicom", raising=False)
    write_store(tmp_path / "store", 2, 3, 32, size_px=(40, 56))
    assert len(Store.open(tmp_path / "store")) == 2


def test_a_store_has_the_same_bytes_for_any_number_of_workers(tmp_path):
    for workers in (1, 2, 3):
        write_store(tmp_path / str(workers), 7, 3, 32, workers=workers, **SIZE)
    first, *others = (
        {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()}
        for name in "123"
    )
    assert all(files == first for files in others)


def test_a_store_that_was_interrupted_goes_on_where_it_was(tmp_path, monkeypatch):
    write_store(tmp_path / "whole", 7, 3, 32, **SIZE)
    drawn, real = [], direct.brightness

    def stop_at_the_fifth(made):
        drawn.append(made.image_id)
        if len(drawn) == 5:
            raise KeyboardInterrupt
        return real(made)

    monkeypatch.setattr(direct, "brightness", stop_at_the_fifth)
    with pytest.raises(KeyboardInterrupt):
        write_store(tmp_path / "killed", 7, 3, 32, **SIZE)
    assert not (tmp_path / "killed").exists()
    write_store(tmp_path / "killed", 7, 3, 32, **SIZE)
    # the fifth is drawn again, the four before it are not
    assert len(drawn) == 8 and len(set(drawn)) == 7
    whole, killed = (Store.open(tmp_path / n).data_hash for n in ("whole", "killed"))
    assert whole == killed
