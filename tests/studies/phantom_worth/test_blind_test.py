"""The blind test asks what it says it asks."""

import numpy as np
import pytest

from chexnomaly.studies.phantom_worth import blind_test as game

FILMS = [np.full((4, 4), k) for k in range(6)]
PHANTOMS = [np.full((4, 4), 10 + k) for k in range(6)]


@pytest.mark.parametrize("real", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_one_of_four_is_of_another_kind(seed, real):
    films, origins, odd = game.ask_kind(FILMS, PHANTOMS, seed, real)
    values = [int(film[0, 0]) for film in films]
    assert len(set(values)) == 4
    assert [value < 10 for value in values] == [kind == "nih" for kind in origins]
    assert [value < 10 for value in values].count(real) == 1
    assert (values[odd] < 10) == real


def test_the_seed_draws_films_and_answer():
    rows = [game.ask_kind(FILMS, PHANTOMS, seed, True) for seed in (*range(8), 0)]
    assert len({odd for _, _, odd in rows}) > 1
    (first, *_), *_, (last, *_) = rows
    assert rows[0][2] == rows[-1][2]
    assert all((a == b).all() for a, b in zip(first, last, strict=True))
