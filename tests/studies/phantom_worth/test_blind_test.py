"""The blind test asks what it says it asks, and folds its answers."""

import numpy as np
import pytest

from chexnomaly.studies.phantom_worth import blind_test as game

FILMS = [np.full((4, 4), k) for k in range(6)]
PHANTOMS = [np.full((4, 4), 10 + k) for k in range(6)]


@pytest.mark.parametrize("real", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_one_of_four_is_of_another_kind(seed, real):
    row = game.ask_kind(FILMS, PHANTOMS, seed, real)
    values = [int(film[0, 0]) for film in row.films]
    assert len(set(values)) == 4
    assert [value < 10 for value in values] == [kind == "nih" for kind in row.origins]
    assert [value < 10 for value in values].count(real) == 1
    assert (values[row.odd] < 10) == real
    assert row.text == ("Which is the real film?" if real else "Which is the phantom?")


def test_the_seed_draws_films_and_answer():
    rows = [game.ask_kind(FILMS, PHANTOMS, seed, True) for seed in (*range(8), 0)]
    assert len({row.odd for row in rows}) > 1
    assert rows[0].odd == rows[-1].odd
    assert all(
        (a == b).all() for a, b in zip(rows[0].films, rows[-1].films, strict=True)
    )


def test_answers_are_folded_without_a_script():
    html = game.Answers([game.FilmRow([], 2, True)])._repr_html_()
    assert html.startswith("<details><summary>")
    assert "<li>C</li>" in html and "script" not in html
    assert "C" not in repr(game.Answers([game.FilmRow([], 2, True)]))[:1]
