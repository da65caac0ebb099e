"""Sphinx's own search, run over the built index, finds what readers look for."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from book.extensions.html.search_terms import numbers_by_label
from book.site.browser import NODE

ROOT = Path(__file__).parents[2]
OVERVIEW = (ROOT / "book" / "paper.md").read_text()
# The site's scripts in a bare context: the search itself touches no page.
SEARCH = """
const { readFileSync } = require("node:fs");
const vm = require("node:vm");
const [site, ...queries] = process.argv.slice(1);
const none = { childNodes: [], addEventListener() {}, getElementById: () => null };
const world = vm.createContext({
  DOCUMENTATION_OPTIONS: {}, SPHINX_HIGHLIGHT_ENABLED: false, URLSearchParams, console,
  _removeChildren() {}, _ready() {}, _: (text) => text, window: {}, document: none,
});
for (const file of ["language_data", "searchtools"])
  vm.runInContext(readFileSync(`${site}/_static/${file}.js`, "utf8"), world);
const index = readFileSync(`${site}/searchindex.js`, "utf8");
const found = vm.runInContext(`${index}; (queries) => queries.map(
  (query) => Search._performSearch(...Search._parseQuery(query)).reverse())`, world);
console.log(JSON.stringify(found(queries).map(
  (hits) => hits.map(([page, title, anchor]) => page + anchor))));
"""


def search(site, *queries):
    """Give each query's hits, best first, as page and anchor."""
    command = [NODE / "bin" / "node", "-e", SEARCH, site, *queries]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(zip(queries, json.loads(done.stdout), strict=True))


def test_the_overview_names_every_figure_and_table():
    numbers = {n for known in numbers_by_label(OVERVIEW).values() for n in known}
    figures = {f"{kind} {n}" for kind in ("Figure", "Fig.") for n in range(1, 17)}
    tables = {f"Table {n}" for n in ("I", "II", "III", "IV", "V", "VI")}
    assert numbers == figures | tables


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A small book with figures and a table."""
    root = tmp_path_factory.mktemp("search")
    source = root / "book"
    (source / "notebooks").mkdir(parents=True)
    conf = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n"
    conf += 'extensions = ["myst_parser", "book.extensions"]\nhtml_theme = "basic"\n'
    (source / "conf.py").write_text(conf)
    for name in ("CITATION.cff", "pyproject.toml"):
        shutil.copy(ROOT / name, root)
    toc = "\n```{toctree}\npaper\nnotebooks/06_all\nother\n```\n"
    (source / "index.md").write_text(f"# A book\n{toc}")
    rows = "| 1 | a | {ref}`figure-1` | x |\n| 11 | a | {ref}`figure-11` | x |\n"
    rows += "| II | a | {ref}`cells` | x |\n"
    (source / "paper.md").write_text(f"# All\n\n| N | S | R | M |\n|-|-|-|-|\n{rows}")
    figures = "(figure-1)=\n## First\n\nOne.\n\n(figure-11)=\n## Cases\n\nEleven.\n"
    (source / "notebooks" / "06_all.md").write_text(f"# Every system\n\n{figures}")
    (source / "other.md").write_text("(cells)=\n# Cells\n\nFigure, table, nodule.\n")
    command = [sys.executable, "-m", "sphinx", "-WEq", str(source), str(root / "html")]
    subprocess.run(command, check=True)
    return root / "html"


@pytest.mark.parametrize(
    ("query", "hit"),
    [
        ("figure 11", "notebooks/06_all#figure-11"),
        ("Fig. 11", "notebooks/06_all#figure-11"),
        ("figure 1", "notebooks/06_all#figure-1"),
        ("table II", "other#cells"),
    ],
)
def test_the_best_hit_is_where_it_is_re_run(site, query, hit):
    assert search(site, query)[query][0] == hit


def test_what_is_nowhere_is_not_found(site):
    hits = search(site, "figure 17", "siamese_unet")
    assert hits["siamese_unet"] == []
    assert not [hit for hit in hits["figure 17"] if "#" in hit]
