"""The book on paper: tagged, with an outline, naming nothing of this machine."""

from types import SimpleNamespace

import pytest

from book.extensions.html import paper
from book.site import pdf
from book.site.browser import drive, install

PAGE = """<!DOCTYPE html>
<html lang="en"><head><title>A book</title></head><body>
<h1>A book</h1><p>{text}</p><h2 id="second">Second</h2>
<a href="#second">inside</a> <a href="https://example.org/there">outside</a>
<a href="results/a.json">a file</a>
</body></html>
"""


def test_one_page_draws_what_separate_pages_draw():
    drawn = {"html": {"cell": 1, "exercise": 2}, "singlehtml": {"exercise": 3}}
    app = SimpleNamespace(
        registry=SimpleNamespace(translation_handlers=drawn),
        builder=SimpleNamespace(name="html"),
    )
    paper.configure(app)
    assert drawn["singlehtml"] == {"exercise": 3}
    app.builder.name = "singlehtml"
    paper.configure(app)
    assert drawn["singlehtml"] == {"cell": 1, "exercise": 3}
    assert drawn["html"] == {"cell": 1, "exercise": 2}


def test_without_executed_notebooks_it_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pdf, "ROOT", tmp_path)
    assert pdf.main([str(tmp_path / "book.pdf")]) == 1
    assert "run `make book` first" in capsys.readouterr().err


def test_without_a_browser_nothing_is_laid_out(tmp_path, monkeypatch, capsys):
    (tmp_path / "book" / "notebooks").mkdir(parents=True)
    (tmp_path / "book" / "notebooks" / "01_a.ipynb").write_text("{}")
    monkeypatch.setattr(pdf, "ROOT", tmp_path)
    monkeypatch.setattr(pdf, "WORK", tmp_path / "work")
    monkeypatch.setenv("CHROMIUM", "/none/chromium")
    assert pdf.main([str(tmp_path / "book.pdf")]) == 1
    assert "apt-get install chromium" in capsys.readouterr().err
    assert not (tmp_path / "work").exists()


def test_a_download_shows_its_button(tmp_path):
    page = tmp_path / "index.html"
    place = '<span data-built="book.pdf" hidden>PDF</span>'
    page.write_text(f"{place} {place.replace('book', 'other')}")
    for _ in range(2):
        pdf.show_button(page, "book.pdf")
    html = page.read_text()
    assert 'href="book.pdf">PDF</a>' in html and html.count("href") == 1
    assert '<span data-built="other.pdf" hidden>' in html
    with pytest.raises(ValueError, match="no place for results"):
        pdf.show_button(page, "results.zip")


@pytest.mark.slow
def test_the_pdf_is_tagged_has_an_outline_and_no_path(tmp_path, browser):
    page, out = tmp_path / "page.html", tmp_path / "out.pdf"
    page.write_text(PAGE.format(text="Words. " * 2000))
    job = {"from": page.as_uri(), "to": str(out), "options": pdf.OPTIONS}
    installed = install(pdf.ROOT / "_build" / "browser")
    assert list(drive({"pdf": job}, installed)) == [{"pdf": str(out)}]
    written = out.read_bytes()
    assert b"/StructTreeRoot" in written
    assert b"/Outlines" in written
    assert b"https://example.org/there" in written
    assert str(tmp_path).encode() not in written
    assert b"a.json" not in written
