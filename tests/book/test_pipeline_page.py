"""The drawn pipeline is the one that Snakemake runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from book.extensions.directives.pipeline import draw, placed
from book.pipeline.pipeline import SITE, edges, read_notebooks, rows

ROOT = Path(__file__).parents[2]
NOTEBOOKS = read_notebooks(ROOT / "Snakefile")


def test_every_notebook_is_below_what_it_needs():
    places = placed(rows(NOTEBOOKS))
    assert set(places) == {*NOTEBOOKS, SITE}
    assert all(places[need][1] < places[name][1] for need, name in edges(NOTEBOOKS))


def test_every_notebook_leads_to_the_site():
    reached = {SITE}
    for _ in NOTEBOOKS:
        reached |= {need for need, name in edges(NOTEBOOKS) if name in reached}
    assert reached == {*NOTEBOOKS, SITE}


def test_boxes_do_not_overlap():
    corners = sorted(placed(rows(NOTEBOOKS)).values())
    for i, (x, y) in enumerate(corners):
        for other_x, other_y in corners[i + 1 :]:
            assert abs(x - other_x) >= 112 or abs(y - other_y) >= 44


def test_each_box_links_to_its_page():
    svg = draw(NOTEBOOKS, {name: f"notebooks/{name}.html" for name in NOTEBOOKS})
    links = re.findall(r'<a class="box" href="notebooks/(\w+)\.html">', svg)
    assert sorted(links) == sorted(NOTEBOOKS)
    assert svg.count('class="edge"') == len(edges(NOTEBOOKS))
    assert ">gate, site</text>" in svg


def test_a_small_table_gives_a_small_graph(tmp_path):
    entries = '"01_a": {}, "02_b": {"needs": ["01_a"], "gpu": True},'
    text = f"import os\n\nNOTEBOOKS = {{\n    {entries}\n}}\nrule x:\n"
    (tmp_path / "Snakefile").write_text(text)
    notebooks = read_notebooks(tmp_path / "Snakefile")
    assert notebooks["02_b"]["gpu"] is True
    assert rows(notebooks) == [["01_a"], ["02_b"], [SITE]]
    assert edges(notebooks) == [("01_a", "02_b"), ("02_b", SITE)]


@pytest.mark.slow
def test_snakemake_has_the_same_graph():
    command = [sys.executable, "-m", "snakemake", "site", "--rulegraph", "--nolock"]
    command += ["--quiet", "all", "--config", "profile=tiny"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    names = dict(re.findall(r'(\d+)\[.*?label = "(?:run_)?(\w+)"', done.stdout))
    pairs = re.findall(r"(\d+) -> (\d+)", done.stdout)
    found = {tuple(names[end] for end in pair) for pair in pairs}
    inside = {pair for pair in found if not set(pair) & {"gate", "site"}}
    assert inside == {pair for pair in edges(NOTEBOOKS) if pair[1] != SITE}
