"""The drawn pipeline is the one that Snakemake runs."""

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from book.pieces.facts import Facts
from book.pieces.graph import SITE, edges, placed, read_notebooks, rows
from book.pieces.render import render
from chexnomaly.workspace import Workspace
from tests import test_layers

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
    svg = render(Facts(Workspace("demo", ROOT)), "pipeline.html", "run_it")
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


PAGE = (ROOT / "book" / "run_it.md").read_text()
PAGE = PAGE.partition("(map)=")[2].partition("(reliability)=")[0]
PLACE = re.compile(r"`((?:book|chexnomaly|notebooks|tests)/[\w/.]+)`")


def test_every_place_on_the_map_is_there():
    places = PLACE.findall(PAGE)
    assert len(places) > 25
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_the_tree_on_the_map_names_every_folder_of_code():
    html = render(Facts(Workspace("demo", ROOT)), "rooms.html", "run_it")
    rooms_shown = set(re.findall(r"<td><code>(.*?)</code>", html))
    for house in ("book", "chexnomaly"):
        for init in (ROOT / house).rglob("__init__.py"):
            assert init.parent.relative_to(ROOT).as_posix() in rooms_shown
    assert "chexnomaly/losses.py" in rooms_shown


@pytest.mark.parametrize("way", ["film", "number"])
def test_a_way_through_the_code_steps_back_at_most_twice(way):
    text = PAGE.partition(f"### The way of a {way}")[2].partition("###")[0]
    text = text.partition(":::")[0]
    floors = test_layers.layers(test_layers.rooms(test_layers.graph(), 1))
    floor_of = {room: at for at, floor in enumerate(floors) for room in floor}
    rooms_walked = re.findall(r"`chexnomaly/(\w+)(?:/[\w/]*\.?py|/|\.py)`", text)
    walk = [floor_of[room] for room in rooms_walked]
    assert len(walk) >= 5
    assert sum(a > b for a, b in pairwise(walk)) <= 2


@pytest.mark.slow
def test_snakemake_has_the_same_graph():
    command = [sys.executable, "-m", "snakemake", "site", "--rulegraph", "--nolock"]
    command += ["--quiet", "all", "--config", "profile=tiny"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    names = dict(re.findall(r'(\d+)\[.*?label = "(?:run_)?(\w+)"', done.stdout))
    pairs = re.findall(r"(\d+) -> (\d+)", done.stdout)
    found = {tuple(names[end] for end in pair) for pair in pairs}
    inside = {pair for pair in found if not set(pair) & {"gate", "pieces", "site"}}
    assert inside == {pair for pair in edges(NOTEBOOKS) if pair[1] != SITE}
