"""Distances of films whose answers are known."""

import numpy as np
import pytest
import torch

from chexnomaly.datasets.sources import nih
from chexnomaly.models import UNet
from chexnomaly.phantom import film
from chexnomaly.studies.phantom_worth import distance


def noise(n, seed, corner=0.0):
    films = np.random.default_rng(seed).random((n, 32, 32)).astype(np.float32)
    films[:, :8, :8] += corner
    return films


def test_one_population_cannot_be_told_from_itself():
    areas = [distance.tell_apart(noise(60, k), noise(90, 9 + k))[0] for k in range(9)]
    assert np.mean([area["value"] for area in areas]) == pytest.approx(0.5, abs=0.05)
    assert all(area["n"] == 150 for area in areas)


def test_what_gives_phantoms_away_is_found_where_it_is():
    area, weights = distance.tell_apart(noise(40, 0), noise(80, 1, corner=0.5))
    assert area["value"] > 0.99 and weights.shape == (16, 16)
    assert weights[:4, :4].min() > np.abs(weights[5:, 5:]).max()


def test_the_kernel_distance_is_the_mean_over_pairs():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(4, 3)), rng.normal(size=(5, 3))

    def kernel(a, b):
        return (sum(x * y for x, y in zip(a, b, strict=True)) / 3 + 1) ** 3

    def mean(a, b, same):
        pairs = [(i, j) for i in range(len(a)) for j in range(len(b))]
        return np.mean([kernel(a[i], b[j]) for i, j in pairs if not same or i != j])

    slow = mean(first, first, True) + mean(second, second, True)
    slow -= 2 * mean(first, second, False)
    assert distance.kernel_distance(first, second) == pytest.approx(slow)


def test_halves_of_one_population_are_no_distance_apart_and_a_shift_is():
    rng = np.random.default_rng(0)
    films, same = rng.normal(size=(60, 8)), rng.normal(size=(200, 8))
    apart, chance = distance.feature_distance(films, same)
    assert chance["low"] < 0 < chance["high"]
    assert chance["low"] < apart["value"] < chance["high"]
    shifted, _ = distance.feature_distance(films, same + 1.0)
    assert shifted["value"] > chance["high"]


def test_features_are_means_and_spreads_of_the_deepest_level():
    torch.manual_seed(0)
    model = UNet(1, 1, base_channels=2, depth=3, convolutions=1)
    films = noise(3, 2)
    found = distance.features(model, films, 32)
    assert found.shape == (3, 16)
    with torch.no_grad():
        last = model.encode(torch.from_numpy(films[1])[None, None])[-1][0]
    assert found[1, 5] == pytest.approx(float(last[5].mean()), abs=1e-6)
    assert found[1, 8 + 5] == pytest.approx(float(last[5].std()), abs=1e-6)


def test_phantoms_of_a_view_are_of_that_view_and_as_often_abnormal():
    made = distance.phantoms_like("AP", 0.0, 2, seed=7, size=32)
    bare = (film(7, k, 32, layout="rsna", positive_share=0.0) for k in range(99))
    first = next(one for one in bare if one.patient.frontal_ap)
    assert np.array(made).shape == (2, 32, 32) and first.size_px == (32, 32)
    whole = distance.brightness(first)
    assert np.allclose(made[0], whole, atol=1e-6)


def test_films_of_a_fold_are_healthy_or_boxed():
    views = distance.read_fold(0, 16, 3)
    assert {view: len(films) for view, (films, _) in views.items()} == {
        "PA": 3,
        "AP": 3,
    }
    known = nih.read_annotations(nih.folder())[0].attrs["films"]
    assert (known.fold == 0).sum() > 200  # most of them neither
    everybody = distance.read_fold(0, 2, 10_000)
    # 37 + 28 and 26 + 5, as counted from the tables
    assert [len(films) for films, _ in everybody.values()] == [65, 31]
    assert [share for _, share in everybody.values()] == [37 / 65, 26 / 31]
