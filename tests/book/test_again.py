"""A port that two kernels drew costs a second attempt; any other failure stands."""

import sys

import pytest

from book.pipeline import again

TALE = """
import pathlib, sys
place, words, status = pathlib.Path(sys.argv[1]), *sys.argv[2:]
place.write_text(place.read_text() + "x" if place.exists() else "x")
print(words, place.read_text(), file=sys.stderr)
sys.exit(0 if len(place.read_text()) > 1 else int(status))
"""


@pytest.mark.parametrize(
    ("words", "status", "expected", "attempts"),
    [
        ("zmq.error.ZMQError: Address already in use", 1, 0, 2),
        ("NameError: name 'x' is not defined", 3, 3, 1),
        ("Address already in use", 0, 0, 1),
    ],
)
def test_only_a_taken_port_is_tried_again(tmp_path, words, status, expected, attempts):
    counted, log = tmp_path / "counted", tmp_path / "log.txt"
    command = [sys.executable, "-c", TALE, str(counted), words, str(status)]
    assert again.run(log, command) == expected
    assert counted.read_text() == "x" * attempts
    assert log.read_text() == f"{words} {'x' * attempts}\n"


def test_a_port_that_stays_taken_is_a_failure(tmp_path):
    command = [sys.executable, "-c", "print('Address already in use'); exit(4)"]
    assert again.run(tmp_path / "log.txt", command) == 4
