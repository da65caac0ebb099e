"""Each page says how it came about; downloads hold it all, with the same bytes."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from book.extensions.html.downloads import write_archive
from book.pieces.origins import compact
from book.pieces.sources import Results
from chexnomaly.workspace import Workspace

ROOT = Path(__file__).parents[2]
CONF = """
import sys
sys.path.insert(0, {root!r})
extensions = ["myst_nb", "sphinx_togglebutton", "book.extensions"]
html_theme = "basic"
nb_execution_mode = "off"
project = "A book"
html_sourcelink_suffix = ""
"""
RESULT = {
    "schema": 1,
    "system": "supermodel",
    "set": "vindr_test",
    "profile": "demo",
    "notebook": "03_supermodels",
    "evidence": "phantom",
    "trained_on": "phantom",
    "scored_on": "phantom",
    "n": 400,
    "data_hash": "d" * 64,
    "split_hash": "5" * 64,
    "values": {},
}
STAMP = {
    "parameters": {"alpha": 0.25, "schedule": {"epochs": 2}},
    "versions": {"python": "3.11.7", "torch": "2.13.0", "pydicom": None},
    "hardware": {
        **{"cores": 2, "gpu": None, "machine": "x86_64", "system": "Linux"},
        "threads": 1,
    },
    "commit": "abcdef012345",
    "cell": 1,
    "line": 2,
    "wall_s": 12.3,
    "date": "2026-01-01",
}
SVG = '<svg xmlns="http://www.w3.org/2000/svg" />'
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "markdown",
            "id": "a",
            "metadata": {},
            "source": "# Supermodels\n\nOpening.",
        },
        {
            "cell_type": "code",
            "execution_count": 1,
            "id": "b",
            "metadata": {"mystnb": {"figure": {"name": "fig-8", "caption": "A U."}}},
            "outputs": [
                {
                    "output_type": "display_data",
                    "metadata": {},
                    "data": {"image/svg+xml": SVG, "text/plain": "x"},
                }
            ],
            "source": "folder = results\ndraw(folder)",
        },
    ],
    "metadata": {
        "kernelspec": {"name": "python3", "display_name": "x", "language": "python"},
        "papermill": {
            "parameters": {"profile": "demo"},
            "duration": 132.6,
            "start_time": "2026-01-01T10:00:00.664340+00:00",
            "end_time": "2026-01-01T10:02:12.792368+00:00",
        },
        "chexnomaly": {"source_sha256": "e" * 64, "read": ["supermodel__vindr_test"]},
    },
    "nbformat": 4,
    "nbformat_minor": 5,
}


def build(root):
    command = [sys.executable, "-m", "sphinx", "-WE", "-q", "book", "html"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A book of a page of prose and one notebook, built."""
    root = tmp_path_factory.mktemp("book")
    results = root / "_build" / "results" / "demo"
    for folder in (results, root / "book" / "notebooks", root / "notebooks"):
        folder.mkdir(parents=True)
    name = "supermodel__vindr_test"
    (results / f"{name}.json").write_text(json.dumps(RESULT))
    (results / f"{name}.stamp.json").write_text(json.dumps(STAMP))
    study = root / "book" / "reference" / "study"
    study.mkdir(parents=True)
    (study / "supermodel__alone.json").write_text(json.dumps(RESULT | {"set": "alone"}))
    page = root / "book" / "notebooks" / "03_supermodels.ipynb"
    page.write_text(json.dumps(NOTEBOOK))
    (root / "notebooks" / page.name).write_text('{"clean": true}')
    for file in ("CITATION.cff", "pyproject.toml"):
        shutil.copy(ROOT / file, root)
    (root / "book" / "conf.py").write_text(CONF.format(root=str(ROOT)))
    index = "# A book\n\nWhat it is.\n\n```{toctree}\nnotebooks/03_supermodels\n```\n"
    (root / "book" / "index.md").write_text(index)
    done = build(root)
    assert (done.returncode, done.stderr) == (0, "")
    return root / "html"


def folded(page):
    opening = '<details class="provenance">'
    html = page.read_text().partition(opening)[2].partition("</details>")[0]
    return html, re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))


def test_a_notebook_page_says_how_it_came_about(site):
    _, text = folded(site / "notebooks" / "03_supermodels.html")
    for row in [
        "Profile: demo",
        "Evidence: phantom",
        "Parameters given: profile: demo",
        "Hardware: Linux x86_64, 2 cores, 1 thread, no GPU",
        "Wall time: 133 s",
        "Commit: abcdef012345",
        f"03_supermodels.ipynb ({'e' * 12})",
        "supermodel__vindr_test, stamp, code and 1 of earlier runs",
    ]:
        assert row in text


def test_every_link_of_it_leads_to_a_file(site):
    page = site / "notebooks" / "03_supermodels.html"
    links = re.findall(r'href="([^"]+)"', folded(page)[0])
    assert {Path(link).name for link in links} == {
        "03_supermodels.ipynb",
        "03_supermodels.html#03_supermodels-cell-1-2",
        "supermodel__vindr_test.json",
        "supermodel__vindr_test.stamp.json",
        "results.zip",
    }
    assert len(links) == 6
    assert all((page.parent / link.partition("#")[0]).is_file() for link in links)
    source = page.parent / next(link for link in links if "/source/" in link)
    assert json.loads(source.read_text()) == {"clean": True}
    stamp = page.parent / next(link for link in links if link.endswith(".stamp.json"))
    result = json.loads(stamp.with_name("supermodel__vindr_test.json").read_text())
    there = json.loads(stamp.read_text())
    assert {key: there[key] for key in ("parameters", "versions")} == {
        key: STAMP[key] for key in ("parameters", "versions")
    }
    assert result["data_hash"] == RESULT["data_hash"]


def test_a_result_leads_to_the_line_that_wrote_it(site):
    html = (site / "notebooks" / "03_supermodels.html").read_text()
    assert 'id="03_supermodels-cell-1"' in html
    line = html.partition('id="03_supermodels-cell-1-2">')[2].partition("\n")[0]
    assert re.sub("<[^>]+>", "", line) == "draw(folder)"


def test_a_page_of_prose_names_its_profile_and_source(site):
    html, text = folded(site / "index.html")
    assert "Profile: demo" in text
    assert (site / re.search(r'href="(_sources/[^"]+)"', html)[1]).is_file()


def test_every_head_holds_the_policy_and_what_the_page_is_about(site):
    for page, about in {
        "index.html": "What it is.",
        "notebooks/03_supermodels.html": "Opening.",
        "search.html": "search: A book",
        "genindex.html": "genindex: A book",
    }.items():
        html = (site / page).read_text()
        assert html.count("Content-Security-Policy") == 1
        assert f'<meta name="description" content="{about}" />' in html


def test_the_archive_holds_results_under_their_names(site):
    with zipfile.ZipFile(site / "results.zip") as archive:
        assert archive.namelist() == [
            "README.txt",
            "claims.csv",
            "results/supermodel__alone.json",
            "results/supermodel__vindr_test.json",
        ]
        assert b"profile demo" in archive.read("README.txt")
        assert {entry.date_time for entry in archive.infolist()} == {
            (1980, 1, 1, 0, 0, 0)
        }


def test_an_archive_has_the_same_bytes_on_any_day(tmp_path, monkeypatch):
    files = {"b.json": b"{}", "a.json": b"[]" * 100}
    write_archive(tmp_path / "one.zip", files)
    monkeypatch.setattr("time.time", lambda: 2e9)
    write_archive(tmp_path / "two.zip", dict(reversed(files.items())))
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_no_parameters_are_told():
    assert compact({}) == "none"


def test_a_studys_result_is_found_behind_the_builds_of_its_name(tmp_path):
    workspace, name = Workspace("demo", tmp_path), "supermodel__vindr_test.json"
    study = workspace.reference / "study"
    for folder, n in ((workspace.results, 400), (study, 700)):
        folder.mkdir(parents=True)
        (folder / name).write_text(json.dumps(RESULT | {"n": n}))
    (study / "supermodel__alone.json").write_text(json.dumps(RESULT | {"set": "alone"}))
    keys = ["supermodel__vindr_test", "study/supermodel__vindr_test"]
    results = Results(workspace)
    assert [results.load(key)["n"] for key in keys] == [400, 700]
    assert {*results.files} == {*keys, "supermodel__alone"}
    found = results.of_notebook("03_supermodels")
    assert sorted((one["set"], one["n"]) for one in found) == [
        ("alone", 400),
        ("vindr_test", 400),
    ]
