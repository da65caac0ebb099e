"""The pipeline's page lists what Snakemake runs."""

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from book.pieces.facts import Facts
from book.pieces.render import render
from book.pipeline.notebooks import read_notebooks
from chexnomaly.workspace import Workspace
from tests import test_layers

ROOT = Path(__file__).parents[2]
NOTEBOOKS = read_notebooks(ROOT / "Snakefile")


def test_each_row_links_to_a_page_and_names_what_it_needs():
    html = render(Facts(Workspace("demo", ROOT)), "pipeline.html", "run_it")
    found = re.findall(r'href="notebooks/(\w+)\.html">.*?</td>\n<td>(.*?)</td>', html)
    needs = {name: entry.get("needs", []) for name, entry in NOTEBOOKS.items()}
    assert dict(found) == {n: ", ".join(of) or "nothing" for n, of in needs.items()}


def test_the_table_is_read_without_running_the_file(tmp_path):
    entries = '"01_a": {}, "02_b": {"needs": ["01_a"], "gpu": True},'
    text = f"import os\n\nNOTEBOOKS = {{\n    {entries}\n}}\nrule x:\n"
    (tmp_path / "Snakefile").write_text(text)
    found = read_notebooks(tmp_path / "Snakefile")
    assert found == {"01_a": {}, "02_b": {"needs": ["01_a"], "gpu": True}}


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
    table = NOTEBOOKS.items()
    assert inside == {(need, n) for n, one in table for need in one.get("needs", [])}
