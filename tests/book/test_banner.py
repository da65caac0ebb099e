"""A page that shows what others measured says what their numbers rest on."""

import json

from book.pieces.facts import Facts
from book.pieces.origins import describe, rests_on
from book.pieces.render import render
from book.pieces.sources import Results
from book.pieces.words import MEANINGS
from chexnomaly.evidence import LEVELS
from chexnomaly.workspace import Workspace

RESULT = {
    "schema": 1,
    "system": "supermodel",
    "set": "vindr_test",
    "profile": "demo",
    "notebook": "06_measures",
    "evidence": "phantom",
    "n": 40,
    "values": {},
}


def banner(root, notebook, read=()):
    pages = root / "book" / "notebooks"
    pages.mkdir(parents=True)
    page = pages / f"{notebook}.ipynb"
    about = {"metadata": {"chexnomaly": {"read": list(read)}}}
    page.write_text(json.dumps(about))
    folder = root / "_build" / "results" / "demo"
    folder.mkdir(parents=True)
    (folder / "supermodel__vindr_test.json").write_text(json.dumps(RESULT))
    workspace = Workspace("demo", root)
    given = rests_on(Results(workspace), page)
    return render(Facts(workspace), "banner.html", f"notebooks/{notebook}", **given)


def test_what_measured_speaks_for_itself(tmp_path):
    said = banner(tmp_path, "06_measures")
    assert "Its numbers rest on:" in said
    assert "phantom" in said


def test_what_only_shows_carries_the_level_of_what_it_shows(tmp_path):
    said = banner(tmp_path, "10_shows", ["supermodel__vindr_test", "since_deleted"])
    assert "shows what others measured" in said
    assert "phantom" in said
    assert "supermodel on VinDr test, n = 40" in said


def test_what_explains_claims_no_level(tmp_path):
    said = banner(tmp_path, "18_explains")
    assert "No results file comes from it" in said
    assert "phantom" not in said


def test_a_result_that_a_page_both_measured_and_read_is_told_once(tmp_path):
    said = banner(tmp_path, "06_measures", ["supermodel__vindr_test"])
    assert said.count("supermodel on VinDr test") == 1


def test_a_long_list_of_systems_is_counted():
    result = RESULT | {"set": "test"}
    many = [result | {"system": f"s{k}"} for k in range(31)]
    (phrase,) = describe(many)
    assert phrase.startswith("s0 and 30 more on test")
    (phrase,) = describe(many[:2])
    assert "s1 on test" in phrase and "more" not in phrase


def test_every_level_is_explained_in_its_order():
    assert tuple(MEANINGS) == LEVELS
