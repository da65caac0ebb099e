import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from chexnomaly.datasets.store.preparing import prepare_store
from chexnomaly.datasets.store.resize import resize_square
from chexnomaly.datasets.store.store import Store
from chexnomaly.datasets.store.writer import MARK_TYPE, StoreWriter
from chexnomaly.errors import ImageError, Refusal, StoreError

ROOT = Path(__file__).parents[3]
SIZE = 16


READ: list[str] = []


def read_slowly(path):
    """Read a test image, slowly enough to be killed."""
    time.sleep(0.15)
    return read_npy(path)


def done_rows(folder):
    """Rows that are marked as written in a store's working folder."""
    marks = np.fromfile(folder / "marks", MARK_TYPE) if folder.exists() else []
    return [row for row, mark in enumerate(marks) if mark["sha256"]]


def read_npy(path):
    """Read a test image; module level, so that worker processes find it."""
    READ.append(path.stem)
    try:
        return np.load(path)
    except (OSError, ValueError):
        raise ImageError("no array", file=path, expected="an .npy file") from None


@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "images"
    folder.mkdir()
    for i in range(12):
        shape = rng.integers(20, 60, 2)
        np.save(folder / f"im{i:02d}.npy", rng.random(shape, dtype=np.float32))
    return {path.stem: path for path in sorted(folder.iterdir())}


def written(tmp_path, n=6, name="store"):
    writer = StoreWriter(tmp_path / name, [f"im{i}" for i in range(n)], SIZE)
    rng = np.random.default_rng(1)
    for row in writer.missing:
        writer.write(row, rng.random((SIZE, SIZE), dtype=np.float32), 30 + row, 40)
    return writer.finish()


def contents(path):
    return {f.name: f.read_bytes() for f in path.iterdir() if f.name != "request.txt"}


def test_a_written_image_is_read_back_within_half_a_step(tmp_path):
    rng = np.random.default_rng(1)
    store = written(tmp_path)
    assert len(store) == 6 and store.size == SIZE and store.ids[2] == "im2"
    for row in range(6):
        expected = rng.random((SIZE, SIZE), dtype=np.float32)
        image = store.image(row)
        assert image.dtype == np.float32 and image.shape == (SIZE, SIZE)
        assert abs(image - expected).max() <= 0.5 / 65535 + 1e-7
        np.testing.assert_array_equal(store.image(f"im{row}"), image)
    assert store.sizes.tolist() == [[40, 30 + row] for row in range(6)]


def test_the_ends_of_the_range_are_exact(tmp_path):
    writer = StoreWriter(tmp_path / "store", ["a"], 2)
    writer.write(0, np.array([[0.0, 1.0], [0.5, 1.0]], np.float32), 2, 2)
    assert writer.finish().image("a")[0].tolist() == [0.0, 1.0]


def test_a_store_has_three_files_and_its_request(tmp_path):
    written(tmp_path)
    names = {"images.npy", "index.csv", "manifest.json", "request.txt"}
    assert {f.name for f in (tmp_path / "store").iterdir()} == names
    assert not (tmp_path / "store.partial").exists()
    pixels = np.load(tmp_path / "store" / "images.npy")
    assert pixels.shape == (6, SIZE, SIZE) and pixels.dtype == np.uint16


def test_the_data_hash_depends_on_pixels_and_not_on_row_order(tmp_path):
    image = {name: np.full((2, 2), v, np.float32) for name, v in [("a", 0.1), ("b", 1)]}
    hashes = []
    for ids in (["a", "b"], ["b", "a"]):
        writer = StoreWriter(tmp_path / "".join(ids), ids, 2)
        for row, name in enumerate(ids):
            writer.write(row, image[name], 2, 2)
        hashes.append(writer.finish().data_hash)
    assert hashes[0] == hashes[1]
    writer = StoreWriter(tmp_path / "other", ["a", "b"], 2)
    for row in range(2):
        writer.write(row, image["a"], 2, 2)
    assert writer.finish().data_hash != hashes[0]


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (np.zeros((SIZE, SIZE + 1), np.float32), "shape"),
        (np.full((SIZE, SIZE), 1.5, np.float32), "values"),
        (np.full((SIZE, SIZE), -0.1, np.float32), "values"),
        (np.full((SIZE, SIZE), np.nan, np.float32), "values"),
    ],
)
def test_a_wrong_image_is_not_written(tmp_path, image, problem):
    writer = StoreWriter(tmp_path / "store", ["a"], SIZE)
    with pytest.raises(StoreError, match=problem):
        writer.write(0, image, 9, 9)
    assert writer.missing == [0]
    writer.close()


def test_an_unfinished_store_does_not_appear(tmp_path):
    writer = StoreWriter(tmp_path / "store", ["a", "b"], SIZE)
    writer.write(0, np.zeros((SIZE, SIZE), np.float32), 9, 9)
    with pytest.raises(StoreError, match="1 of 2 images are missing"):
        writer.finish()
    writer.close()
    with pytest.raises(StoreError, match="no store"):
        Store.open(tmp_path / "store")


def test_a_writer_goes_on_where_another_stopped(tmp_path):
    first = StoreWriter(tmp_path / "store", ["a", "b"], SIZE)
    first.write(1, np.full((SIZE, SIZE), 0.25, np.float32), 9, 9)
    first.close()
    second = StoreWriter(tmp_path / "store", ["a", "b"], SIZE)
    assert second.missing == [0]
    second.write(0, np.zeros((SIZE, SIZE), np.float32), 9, 9)
    assert second.finish().image("b").mean() == pytest.approx(0.25, abs=1e-4)
    third = StoreWriter(tmp_path / "store", ["a", "b"], SIZE)
    assert third.missing == [] and third.finish().ids == ["a", "b"]


@pytest.mark.parametrize("change", [{"origin": "seed 2"}, {"size": SIZE * 2}])
def test_a_partial_store_of_another_origin_is_thrown_away(tmp_path, change):
    first = StoreWriter(tmp_path / "store", ["a"], SIZE, "seed 1")
    first.write(0, np.zeros((SIZE, SIZE), np.float32), 9, 9)
    first.close()
    options = {"size": SIZE, "origin": "seed 1"} | change
    second = StoreWriter(tmp_path / "store", ["a"], **options)
    assert second.missing == [0]
    second.close()


def test_two_writers_at_once_are_refused(tmp_path):
    writer = StoreWriter(tmp_path / "store", ["a"], SIZE)
    with pytest.raises(StoreError, match="another run writes here"):
        StoreWriter(tmp_path / "store", ["a"], SIZE)
    writer.close()


def test_repeated_ids_are_refused(tmp_path):
    with pytest.raises(StoreError, match="twice"):
        StoreWriter(tmp_path / "store", ["a", "a"], SIZE)


def test_a_folder_that_is_no_store_is_left_alone(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "thesis.txt").write_text("precious")
    with pytest.raises(StoreError, match="not a store"):
        StoreWriter(tmp_path / "store", ["a"], SIZE)
    assert (tmp_path / "store" / "thesis.txt").read_text() == "precious"


def test_a_full_disk_is_one_clear_message_and_loses_nothing(tmp_path, monkeypatch):
    writer = StoreWriter(tmp_path / "store", ["a", "b"], SIZE)
    image = np.zeros((SIZE, SIZE), np.float32)
    writer.write(0, image, 9, 9)

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("chexnomaly.datasets.store.writer._write_at", full)
        with pytest.raises(StoreError, match="No space left on device"):
            writer.write(1, image, 9, 9)
    writer.close()
    again = StoreWriter(tmp_path / "store", ["a", "b"], SIZE)
    assert again.missing == [1]
    again.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_place_is_one_clear_message(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot write"):
        StoreWriter(tmp_path / "store", ["a"], SIZE)
    tmp_path.chmod(0o700)


def test_files_are_resized_and_kept_in_the_order_of_their_ids(tmp_path, images):
    shuffled = dict(reversed(images.items()))
    store, refusals = prepare_store(shuffled, tmp_path / "store", SIZE, read=read_npy)
    assert not refusals and store.ids == sorted(images)
    for name, path in images.items():
        source = np.load(path)
        expected = resize_square(source, SIZE)
        assert abs(store.image(name) - expected).max() < 1e-5
        assert store.sizes[store.row(name)].tolist() == list(source.shape)


def test_images_that_cannot_be_read_are_refused_and_the_rest_arrives(tmp_path, images):
    images["im03"].write_bytes(b"broken")
    images["zz"] = tmp_path / "none.npy"
    for _ in range(2):  # the second run finds the finished store
        store, refusals = prepare_store(images, tmp_path / "store", SIZE, read=read_npy)
        assert store.ids == [
            name for name in sorted(images) if name not in ("im03", "zz")
        ]
        assert [r.file for r in refusals] == [str(images["im03"]), str(images["zz"])]
        assert store.image("im11").std() > 0
    assert Store.open(tmp_path / "store", verify=True).ids == store.ids


def test_the_bytes_do_not_depend_on_the_workers(tmp_path, images):
    images["im03"].write_bytes(b"broken")
    for workers in (1, 2):
        out = tmp_path / f"store{workers}"
        prepare_store(images, out, SIZE, workers, read=read_npy)
    assert contents(tmp_path / "store1") == contents(tmp_path / "store2")


def test_a_second_run_reads_nothing(tmp_path, images):
    READ.clear()
    prepare_store(images, tmp_path / "store", SIZE, read=read_npy)
    before = contents(tmp_path / "store")
    assert sorted(images) == READ
    prepare_store(images, tmp_path / "store", SIZE, read=read_npy)
    assert contents(tmp_path / "store") == before
    assert len(READ) == len(images)


@pytest.mark.parametrize("name", ["images.npy", "index.csv", "manifest.json"])
def test_a_second_run_mends_a_store_whose_files_disagree(tmp_path, images, name):
    prepare_store(images, tmp_path / "store", SIZE, read=read_npy)
    before = contents(tmp_path / "store")
    path = tmp_path / "store" / name
    path.write_bytes(path.read_bytes()[:-5])
    prepare_store(images, tmp_path / "store", SIZE, read=read_npy)
    assert contents(tmp_path / "store") == before


def test_a_changed_file_makes_the_store_anew(tmp_path, images):
    old, _ = prepare_store(images, tmp_path / "store", SIZE, read=read_npy)
    np.save(images["im05"], np.zeros((9, 9), np.float32))
    new, _ = prepare_store(images, tmp_path / "store", SIZE, read=read_npy)
    assert new.data_hash != old.data_hash
    assert new.image("im05").max() == 0.0
    assert not list(tmp_path.glob("store.*"))


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from chexnomaly.datasets.store.preparing import prepare_store
from tests.datasets.store.test_store import read_slowly
if __name__ == "__main__":
    images = {{p.stem: p for p in Path({images!r}).iterdir()}}
    prepare_store(images, Path({out!r}), 16, {workers}, read_slowly)
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_goes_on_without_redoing_or_losing(tmp_path, images, workers):
    out = tmp_path / "store"
    script = tmp_path / "run.py"
    folder = str(tmp_path / "images")
    names = {"root": str(ROOT), "images": folder, "out": str(out), "workers": workers}
    script.write_text(SCRIPT.format(**names))
    work = tmp_path / "store.partial"
    process = subprocess.Popen([sys.executable, str(script)], start_new_session=True)
    deadline = time.monotonic() + 60
    while len(done_rows(work)) < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = done_rows(work)
    assert 3 <= len(done) < len(images)
    with (work / "marks").open("ab") as file:
        file.write(b"torn while it was written")
    READ.clear()
    store, refusals = prepare_store(images, out, 16, 1, read_slowly)
    assert len(READ) == len(images) - len(done)
    assert not refusals and store.ids == sorted(images)
    whole, _ = prepare_store(images, tmp_path / "whole", 16, 1, read_npy)
    assert contents(out) == contents(tmp_path / "whole")


def test_a_row_that_never_reached_the_disk_is_written_again(tmp_path):
    image = np.full((SIZE, SIZE), 0.5, np.float32)
    writer = StoreWriter(tmp_path / "store", ["a", "b", "c"], SIZE)
    for row in range(2):
        writer.write(row, image, 9, 9)
    writer.close()
    file = writer.folder / "images.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    again = StoreWriter(tmp_path / "store", ["a", "b", "c"], SIZE)
    assert again.missing == [1, 2]
    again.close()


@pytest.mark.parametrize(
    "step", ["StoreWriter._pack", "form.format_manifest", "StoreWriter._rename"]
)
def test_a_kill_while_finishing_loses_nothing(tmp_path, monkeypatch, step):
    writer = StoreWriter(tmp_path / "store", ["a", "b"], SIZE)
    for row in range(2):
        writer.write(row, np.full((SIZE, SIZE), 0.5, np.float32), 9, 9)

    def die(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"chexnomaly.datasets.store.writer.{step}", die)
        with pytest.raises(KeyboardInterrupt):
            writer.finish()
    writer.close()
    again = StoreWriter(tmp_path / "store", ["a", "b"], SIZE)
    assert again.missing == []
    assert len(again.finish()) == 2


def test_a_kill_after_rows_moved_up_costs_reading_but_no_image(tmp_path, monkeypatch):
    refusal = Refusal.from_error(ImageError("no film"))
    ids, image = list("abcd"), np.full((SIZE, SIZE), 0.5, np.float32)

    def write(writer):
        for row in writer.missing:
            if row == 1:
                writer.note(row, refusal)
            else:
                writer.write(row, image * (row + 1) / 4, 9, 9)
        return writer

    def die(*args):
        raise KeyboardInterrupt

    writer = write(StoreWriter(tmp_path / "store", ids, SIZE))
    with monkeypatch.context() as patch:
        patch.setattr("chexnomaly.datasets.store.writer.npy_header", die)
        with pytest.raises(KeyboardInterrupt):
            writer.finish()
    writer.close()
    again = StoreWriter(tmp_path / "store", ids, SIZE)
    assert again.missing == [1, 2, 3]
    store = write(again).finish()
    write(StoreWriter(tmp_path / "whole", ids, SIZE)).finish()
    assert store.ids == ["a", "c", "d"]
    assert contents(store.path) == contents(tmp_path / "whole")
    assert store.image("d").max() == pytest.approx(0.5, abs=1e-4)


def test_a_disk_full_while_packing_loses_nothing(tmp_path, monkeypatch):
    first = StoreWriter(tmp_path / "store", ["a", "b"], SIZE)
    for row in range(2):
        first.write(row, np.full((SIZE, SIZE), 0.5, np.float32), 9, 9)

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("chexnomaly.datasets.store.writer.npy_header", full)
        with pytest.raises(StoreError, match="cannot write .No space left"):
            first.finish()
    first.close()
    again = StoreWriter(tmp_path / "store", ["a", "b"], SIZE)
    assert again.missing == [] and len(again.finish()) == 2


@pytest.mark.parametrize("name", ["images.npy", "marks"])
def test_a_file_emptied_before_the_end_is_written_again(tmp_path, name):
    first = StoreWriter(tmp_path / "store", ["a"], SIZE)
    first.write(0, np.zeros((SIZE, SIZE), np.float32), 9, 9)
    first.close()
    (first.folder / name).write_bytes(b"")
    again = StoreWriter(tmp_path / "store", ["a"], SIZE)
    assert again.missing == [0]
    again.close()


def test_what_a_kill_after_the_last_rename_left_is_cleared(tmp_path):
    store = written(tmp_path)
    (store.path / "marks").write_bytes(b"left")
    assert written(tmp_path).path == store.path
    assert not (store.path / "marks").exists()


def test_every_byte_of_the_pixels_is_guarded(tmp_path):
    store = written(tmp_path)
    path = tmp_path / "store" / "images.npy"
    good = path.read_bytes()
    for at in range(128, len(good), 211):
        bad = bytearray(good)
        bad[at] ^= 1
        path.write_bytes(bad)
        with pytest.raises(StoreError, match="corrupted") as caught:
            Store.open(store.path, verify=True)
        row = (at - 128) // (2 * SIZE * SIZE)
        assert f"im{row}" in str(caught.value)
    path.write_bytes(good)
    Store.open(store.path, verify=True)


@pytest.mark.parametrize("name", ["index.csv", "manifest.json"])
def test_no_changed_byte_of_index_or_manifest_passes_for_other_pixels(tmp_path, name):
    """Either the store is refused, or what it returns is what was stored."""
    store = written(tmp_path)
    path = store.path / name
    good = path.read_bytes()
    images = [store.image(row) for row in range(len(store))]
    sizes, ids, refused = store.sizes.tolist(), store.ids, 0
    for at in range(0, len(good), 3):
        bad = bytearray(good)
        bad[at] ^= 1
        path.write_bytes(bad)
        try:
            other = Store.open(store.path, verify=True)
        except StoreError:
            refused += 1
            continue
        assert all(
            np.array_equal(other.image(row), image) for row, image in enumerate(images)
        )
        assert other.ids == ids and other.sizes.tolist() == sizes
    assert refused > 20


@pytest.mark.parametrize(
    "fault",
    ["cut", "grown", "other shape", "pickle", "gone", "no index", "short index"],
)
def test_files_that_disagree_are_refused_without_reading_pixels(tmp_path, fault):
    store = written(tmp_path)
    path = store.path / "images.npy"
    index = store.path / "index.csv"
    if fault == "cut":
        path.write_bytes(path.read_bytes()[:-2])
    elif fault == "grown":
        path.write_bytes(path.read_bytes() + b"\0\0")
    elif fault == "other shape":
        np.save(path, np.zeros((6, SIZE, SIZE + 1), np.uint16))
    elif fault == "pickle":
        np.save(path, np.array([{"a": 1}] * 6, dtype=object), allow_pickle=True)
    elif fault == "gone":
        path.unlink()
    elif fault == "no index":
        index.unlink()
    else:
        index.write_text("".join(index.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(StoreError):
        Store.open(store.path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"schema": 2}',
        '{"schema": 1, "n": -1, "size": 16, "data_hash": ""}',
        '{"schema": 1, "n": 6, "size": 10000000, "data_hash": ""}',
        '{"schema": 1, "n": true, "size": 16, "data_hash": ""}',
        '{"schema": 1, "n": 6, "size": 16, "data_hash": "", "refused": {"a": 1}}',
        "[" * 100_000,
    ],
)
def test_a_malformed_manifest_is_refused(tmp_path, text):
    store = written(tmp_path)
    (store.path / "manifest.json").write_text(text)
    with pytest.raises(StoreError):
        Store.open(store.path)


def test_a_store_crosses_processes_without_its_pixels(tmp_path):
    store = written(tmp_path)
    packed = pickle.dumps(store)
    assert len(packed) < 500
    np.testing.assert_array_equal(pickle.loads(packed).image(3), store.image(3))


def test_an_unknown_image_is_refused(tmp_path):
    with pytest.raises(StoreError, match="no image 'x'"):
        written(tmp_path).image("x")


def test_an_empty_store_is_a_store(tmp_path):
    store, _ = prepare_store({}, tmp_path / "store", SIZE, read=read_npy)
    assert len(store) == 0 and store.ids == [] and store.sizes.shape == (0, 2)


def test_a_replaced_store_keeps_no_leftovers(tmp_path):
    written(tmp_path, 4)
    store = written(tmp_path, 5)
    assert len(store) == 5
    assert [p.name for p in tmp_path.iterdir()] == ["store"]
    shutil.rmtree(store.path)


def test_writing_a_store_needs_no_decoder_and_no_resizer():
    code = (
        "import sys; import chexnomaly.datasets.store.writer;"
        "import chexnomaly.datasets.annotations.splits;"
        "heavy = {'cv2', 'pydicom', 'PIL', 'torch', 'pandera', 'skimage'};"
        "sys.exit(len(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr
