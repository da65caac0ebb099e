"""A file is whole or not there, whatever happens while it is written."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from chexnomaly.files import open_atomic, partial_path, write_atomic

ROOT = Path(__file__).parents[1]


def test_text_and_bytes_arrive_as_they_are_and_nothing_else_stays(tmp_path):
    write_atomic(tmp_path / "deep" / "a.txt", "film é\n")
    write_atomic(tmp_path / "deep" / "b.bin", b"\0\r\n", durable=False)
    files = {p.name: p.read_bytes() for p in (tmp_path / "deep").iterdir()}
    assert files == {"a.txt": "film é\n".encode(), "b.bin": b"\0\r\n"}


def test_a_failure_in_the_middle_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    write_atomic(path, "old")
    with pytest.raises(RuntimeError), open_atomic(path) as file:
        file.write(b"half of the n")
        file.flush()
        assert path.read_text() == "old"
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_disk_that_refuses_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_atomic(path, "old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, "new")
    assert path.read_text() == "old"


SCRIPT = """
import sys, time
from pathlib import Path
from chexnomaly.files import open_atomic
with open_atomic(Path(sys.argv[1])) as file:
    file.write(b"x" * 1000)
    file.flush()
    time.sleep(60)
"""


def test_a_kill_leaves_one_partial_file_which_the_next_writer_uses(tmp_path):
    path = tmp_path / "a.txt"
    write_atomic(path, "old")
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(path)], cwd=ROOT)
    partial, deadline = partial_path(path), time.monotonic() + 60
    while not partial.exists() or partial.stat().st_size < 1000:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert path.read_text() == "old" and partial.exists()
    write_atomic(path, "new")
    assert path.read_text() == "new" and not partial.exists()


def test_writers_at_once_never_mix(tmp_path):
    path, seen = tmp_path / "a.txt", set()
    texts = ["a" * 50_000, "b" * 30_000, "c" * 40_000, "d"]

    def write(text):
        for _ in range(40):
            with open_atomic(path, durable=False) as file:
                for start in range(0, len(text), 10_000):
                    file.write(text[start : start + 10_000].encode())
                    file.flush()

    writers = [
        threading.Thread(target=write, args=(text,), daemon=True) for text in texts
    ]
    deadline = time.monotonic() + 60
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert time.monotonic() < deadline
        if path.exists():
            seen.add(path.read_text())
    assert seen | {path.read_text()} <= set(texts)
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_what_is_there_can_be_kept(tmp_path):
    for text in ("first", "second"):
        write_atomic(tmp_path / "a.txt", text, keep=True)
    assert (tmp_path / "a.txt").read_text() == "first"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_private_file_is_its_owners(tmp_path):
    path = tmp_path / "private" / "salt"
    write_atomic(path, "00", private=True)
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (path, path.parent)]
    assert modes == [0o600, 0o700]
