"""The trials' short way through the base gives what the book's way gives."""

import numpy as np
import pytest

from chexnomaly import systems
from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.evaluation.pairs import auc, score_pairs, score_singly
from chexnomaly.training.schedule import Schedule, seeded_model
from tests.twins import trials

TINY = systems.Options(
    base_channels=4,
    depth=3,
    convolutions=1,
    batch_norm=True,
    schedule=Schedule(epochs=2, batch_size=8, learning_rate=1e-2),
)


@pytest.mark.parametrize("key", ["siamese_cnn", "siamese_unet", "one_film_unet"])
def test_each_film_passes_the_base_once_to_the_same_scores(squares, key):
    films, recipe = squares.part("val"), systems.find_recipe(key)
    model = seeded_model(lambda: systems.build_network(recipe, TINY, films.size), 0)
    pairs = PairsSet(films, trials.N_PAIRS, seed=7)
    judge = score_singly if recipe.kind == "classifier" else score_pairs
    expected, found = judge(model, pairs), trials.Asked(films).score(model)
    for column in ("first", "second", "similar"):
        assert found[column].to_list() == expected[column].to_list()
    np.testing.assert_allclose(found.prob, expected.prob, rtol=1e-4)


def test_the_last_area_is_that_of_the_last_epochs_network(squares, tmp_path):
    recipe = systems.find_recipe("siamese_cnn")
    trained, areas = trials.train_and_ask(recipe, squares, tmp_path, TINY)
    rows = trials.rows_of(recipe, TINY, trained, areas, len(squares.part("train")))
    assert rows.epoch.to_list() == [1, 2]
    assert rows.pairs_seen.to_list() == [2 * 20, 4 * 20]
    kept = rows[rows.kept == 1].auc.item()
    table = trials.Asked(squares.part("val")).score(trained.model)
    assert kept == pytest.approx(auc(table, np.ones((1, len(table))))[0], abs=2e-3)
