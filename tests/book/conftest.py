"""A small book of one page and one result, for the tests of the extension."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from book.pieces.facts import Facts
from book.pieces.render import PieceError, environment, render_all
from book.site.browser import BrowserError, find_browser
from chexnomaly.workspace import Workspace

ROOT = Path(__file__).parents[2]
CONF = """
import sys
sys.path.insert(0, {root!r})
extensions = ["myst_parser", "book.extensions"]
html_theme = "basic"
html_static_path = [{static!r}]
exclude_patterns = ["rendered/**"]
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
    "seeds": [0],
    "values": {
        "iou_c": {"value": 0.41234, "low": 0.37, "high": 0.45, "n": 117},
        "mae_soft": {"value": 0.0312, "low": None, "high": None, "n": 400},
    },
}
PROFILE = """
profile: demo
about: A small one.
deviations: [{item: 20, register: 512 px, here: 64 px, why: time}]
parameters: {}
"""


@pytest.fixture
def build(tmp_path):
    """Give a function that builds one page of Markdown: exit status, HTML, messages."""
    return make_builder(tmp_path)


@pytest.fixture(scope="module")
def build_once(tmp_path_factory):
    """Give the same for all tests of a module."""
    return make_builder(tmp_path_factory.mktemp("book"))


def make_builder(tmp_path):
    results = tmp_path / "_build" / "results" / "demo"
    results.mkdir(parents=True)
    (results / "supermodel__vindr_test.json").write_text(json.dumps(RESULT))
    (results / "supermodel__vindr_test.stamp.json").write_text("{}")
    profiles = tmp_path / "notebooks" / "profiles"
    profiles.mkdir(parents=True)
    (profiles / "demo.yml").write_text(PROFILE)
    (profiles.parent / "03_supermodels.ipynb").write_text("{}")
    for name in ("CITATION.cff", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "Snakefile").write_text('NOTEBOOKS = {\n    "03_supermodels": {},\n}\n')
    source = tmp_path / "book"
    source.mkdir()
    (source / "conf.py").write_text(
        CONF.format(root=str(ROOT), static=str(ROOT / "book" / "static"))
    )

    workspace = Workspace("demo", tmp_path)

    def run(text, page="index"):
        (source / page).parent.mkdir(exist_ok=True)
        (source / "index.md").write_text("# Start\n")
        (source / f"{page}.md").write_text(text)
        try:
            render_all(workspace, source / "rendered")
        except PieceError as error:
            return 1, "", str(error)
        command = [sys.executable, "-m", "sphinx", "-nWE", "--keep-going", "-q"]
        command += [str(source), str(tmp_path / "html")]
        done = subprocess.run(command, capture_output=True, text=True)
        html = tmp_path / "html" / f"{page}.html"
        return done.returncode, html.read_text() if html.exists() else "", done.stderr

    def piece(template):
        """Render a template that a page could include."""
        start = '{% import "parts.html" as parts with context %}'
        made = environment(Facts(workspace)).from_string(start + template)
        return made.render(up="")

    run.piece = piece
    run.workspace = workspace
    run.results = results
    run.result = RESULT
    run.html = tmp_path / "html"
    run.source = source
    run.reference = source / "reference" / "study"
    return run


@pytest.fixture(scope="session")
def browser() -> str:
    """The browser that looks at pages; without one what needs it is skipped."""
    try:
        return find_browser()
    except BrowserError as error:
        pytest.skip(str(error))
