"""The cell that fetches the book where it is missing."""

import os
import sys
from pathlib import Path

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from book.pipeline import first_cell


class Shell:
    """Notes what a cell asks of IPython."""

    def __init__(self):
        self.asked = []

    def system(self, command):
        self.asked.append(command)

    def run_line_magic(self, name, line):
        self.asked.append(f"{name} {line}")


def run(address: str) -> list[str]:
    shell = Shell()
    code = TransformerManager().transform_cell(first_cell.CODE.format(address=address))
    exec(code, {"get_ipython": lambda: shell})
    return shell.asked


def test_it_does_nothing_where_the_book_is():
    assert run("https://example.org/book") == []


def test_it_fetches_and_enters_the_book_elsewhere(tmp_path, monkeypatch):
    (tmp_path / "chexnomaly-book" / "notebooks").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(sys, "path", [*sys.path])
    clone, install = run("https://example.org/book")
    assert clone == "git clone --quiet --depth 1 {repository} chexnomaly-book"
    assert install.startswith("pip install")
    assert Path.cwd() == tmp_path / "chexnomaly-book" / "notebooks"
    assert sys.path[0] == str(tmp_path / "chexnomaly-book")
    assert os.path.isabs(sys.path[0])


def test_without_an_address_it_says_what_to_do(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(AssertionError, match="README"):
        run("")
