"""The blind test asks what it says it asks, and folds its answers."""

import numpy as np
import pytest

from chexnomaly.phantom import film
from chexnomaly.phantom.files.store import brightness
from chexnomaly.studies.phantom_worth import blind_test as game


def test_only_clear_findings_are_asked_about():
    for index in game.find_obvious("nodule_mass", 2, 3):
        made = film(2, index, findings=["nodule_mass"], pixels=False)
        assert max(t.conspicuity for t in made.truths) >= game.CLEAR


def test_twins_differ_only_where_the_finding_is():
    question = game.ask_same_person("consolidation", 4, 64)
    [index] = game.find_obvious("consolidation", 4, 1)
    healthy = brightness(film(4, index, 64, findings=[]))
    assert (question.films[1 - question.odd] == healthy).all()
    assert (question.films[question.odd] != healthy).any()


def test_one_of_four_people_has_the_finding():
    question = game.ask_presence("pneumothorax", 1, 48)
    indices = game.find_obvious("pneumothorax", 1, 4)
    healthy = [brightness(film(1, i, 48, findings=[])) for i in indices]
    same = [np.array_equal(a, b) for a, b in zip(question.films, healthy, strict=True)]
    assert same.index(False) == question.odd and same.count(False) == 1


@pytest.mark.parametrize(
    "question", [game.ask_painted("ild", 3, 48), game.ask_average_body(3, 48)]
)
def test_the_same_seed_asks_the_same_question(question):
    assert len(question.films) == 4 and 0 <= question.odd < 4
    assert len({film.tobytes() for film in question.films}) == 4
    assert "ILD" in question.text or "average" in question.text


def test_answers_are_folded_without_a_script():
    asked = game.FilmRow("?", [], 2, "a < b")
    html = game.Answers([asked])._repr_html_()
    assert html.startswith("<details><summary>")
    assert "C: a &lt; b" in html and "script" not in html
    assert "C" not in repr(game.Answers([asked]))[:1]
