"""Every recipe trains, loads to the same predictions, and never sees a test scan."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from chexnomaly import systems
from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.errors import CheckpointError
from chexnomaly.labels import FINDINGS
from chexnomaly.systems import SPECIALIZED, SYSTEMS, Options
from chexnomaly.systems.recipe import SOURCES
from chexnomaly.systems.siamese import augment_pairs
from chexnomaly.training import Schedule, load_model, seeded_model

TINY = Options(
    base_channels=4,
    depth=3,
    convolutions=1,
    batch_norm=True,
    schedule=Schedule(epochs=1, batch_size=8, learning_rate=1e-2),
)
SIZE = 32

# `squares` holds two findings only; the other twelve specialized models are copies.
PRESENT = ("ild", "nodule_mass")
ABSENT = tuple(f for f in FINDINGS if f not in PRESENT)
TRAINED = [
    key
    for key, entry in SYSTEMS.items()
    if entry.train and not any(finding in key for finding in ABSENT)
]
# A system comes after what it builds on.
TRAINED.sort(key=lambda key: len(SYSTEMS[key].needs))


@pytest.fixture(scope="module")
def runs(squares, tmp_path_factory):
    """Train everything once; give the runs, the systems and the image ids opened."""
    folder = tmp_path_factory.mktemp("runs")
    store = type(squares.store)
    read, opened, trained = store.image, {}, {}
    with pytest.MonkeyPatch.context() as patch:
        for key in TRAINED:
            seen = opened[key] = set()

            def recording(self, row, seen=seen):
                seen.add(row if isinstance(row, str) else self.ids[row])
                return read(self, row)

            patch.setattr(store, "image", recording)
            if key == "model_ensemble":
                for finding in ABSENT:
                    copy = folder / f"specialized_{finding}"
                    shutil.copytree(folder / "specialized_ild", copy)
            trained[key] = systems.train_system(key, squares, folder, TINY)
    return folder, trained, opened


def batch(squares, key: str) -> list[torch.Tensor]:
    test = squares.part("test")
    image = torch.stack([test[i][0] for i in range(4)])
    image = image.contiguous(memory_format=torch.channels_last)
    return [image, image.flip(0)] if key.startswith("siamese") else [image]


def predict(model, inputs) -> list[torch.Tensor]:
    with torch.no_grad():
        output = model.eval()(*inputs)
    return list(output) if isinstance(output, tuple) else [output]


@pytest.mark.parametrize("key", TRAINED)
def test_a_system_loads_again_to_the_same_predictions(squares, runs, key):
    folder, trained, _ = runs
    inputs = batch(squares, key)
    loaded = systems.load_system(key, folder, TINY, SIZE)
    loaded.to(memory_format=torch.channels_last)
    first, second = predict(trained[key].model, inputs), predict(loaded, inputs)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    shape = (4,) if key.startswith("siamese") else (4, 1, SIZE, SIZE)
    assert all(a.shape == shape and torch.isfinite(a).all() for a in first)


@pytest.mark.parametrize("key", TRAINED)
def test_a_recipe_never_opens_a_test_image(squares, runs, key):
    opened = runs[2][key]
    assert opened and not opened & set(squares.ids("test"))
    if not key.startswith(("specialized", "siamese")):  # these choose or draw scans
        assert opened == set(squares.ids("train")) | set(squares.ids("val"))


def test_a_recipe_names_its_system(runs):
    assert all(trained.system == key for key, trained in runs[1].items())


@pytest.mark.parametrize(
    "key", ["specialized_ild", "siamese_unet", "chexnomaly", "model_ensemble"]
)
def test_a_finished_run_is_taken_up(squares, runs, key, monkeypatch):
    folder, trained, _ = runs
    monkeypatch.setattr(type(squares.store), "image", None)  # nothing is read again
    again = systems.train_system(key, squares, folder, TINY)
    assert again.history == trained[key].history
    weights = trained[key].model.state_dict()
    assert all(torch.equal(weights[n], t) for n, t in again.model.state_dict().items())


def test_the_maximum_of_the_specialized_models(squares, runs):
    folder = runs[0]
    inputs = batch(squares, "max_ensemble")
    found = predict(systems.load_system("max_ensemble", folder, TINY, SIZE), inputs)
    parts = [systems.load_system(key, folder, TINY, SIZE) for key in SPECIALIZED]
    probs = [torch.sigmoid(predict(m, inputs)[0]).numpy() for m in parts]
    expected = np.max(probs, axis=0)
    np.testing.assert_allclose(torch.sigmoid(found[0]).numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("kind", ["cnn", "unet"])
def test_the_twin_is_frozen_as_it_was_trained(runs, kind):
    _, trained, _ = runs
    twin = trained[f"siamese_{kind}"].model.base.state_dict()
    key = {"cnn": "chexnomaly_cnn", "unet": "chexnomaly"}[kind]
    for arm in ("", "__concat"):
        frozen = trained[key + arm].model.base.module.state_dict()
        assert all(torch.equal(twin[name], frozen[name]) for name in twin)


def test_the_random_base_is_where_the_twins_began(runs):
    start = seeded_model(lambda: systems.siamese_network("unet", TINY, SIZE), 0)
    frozen = runs[1]["chexnomaly__random_base"].model.base.module.state_dict()
    begun = start.base.state_dict()
    assert all(torch.equal(begun[name], frozen[name]) for name in begun)
    twin = runs[1]["siamese_unet"].model.base.state_dict()
    assert any(not torch.equal(begun[name], twin[name]) for name in begun)


def test_another_base_is_another_run(squares, runs, tmp_path):
    folder = runs[0]
    meta = {}
    for base in ("siamese_unet", "siamese_unet__bce_only"):
        run = tmp_path / base
        systems.train_chexnomaly("unet", folder / base, squares, run, TINY)
        model = systems.siamese_network("unet", TINY, SIZE).base
        meta[base] = load_model(run, systems.chexnomaly_network(model, TINY))
    assert len({m["fingerprint"] for m in meta.values()}) == 2


def test_arguments_outside_the_options_are_part_of_a_run(squares, tmp_path):
    prints = set()
    for arms in ({}, {"margin": 0.5}, {"pairs_per_scan": 1.0}, {"units": 8}):
        run = tmp_path / str(len(prints))
        systems.train_siamese("cnn", squares, run, TINY, **arms)
        units = arms.get("units", 128)
        model = systems.siamese_network("cnn", TINY, SIZE, units)
        prints.add(load_model(run, model)["fingerprint"])
    assert len(prints) == 4


def test_a_base_that_is_not_there_is_refused(squares, tmp_path):
    with pytest.raises(CheckpointError, match="siamese_unet"):
        systems.train_system("chexnomaly", squares, tmp_path, TINY)


def test_the_fingerprint_covers_every_module_a_recipe_imports_here():
    package = Path(systems.__file__).parents[1]
    covered = {f for pattern in SOURCES for f in package.glob(pattern)}
    assert all(list(package.glob(pattern)) for pattern in SOURCES)
    needed = {"losses", "training", "boxes", "augmentation", "models/chexnomaly"}
    needed |= {"models/frozen", "models/siamese", "models/ensembles", "datasets/pairs"}
    needed |= {"datasets/sampling", "datasets/predicted", "systems/ensembles"}
    assert {package / f"{name}.py" for name in needed} <= covered


def test_all_systems_of_the_paper_have_an_entry():
    named = {"max_ensemble", "model_ensemble", "supermodel", "supermodel_oversampled"}
    named |= {"attention_supermodel", "siamese_cnn", "siamese_unet", "chexnomaly_cnn"}
    named |= {"chexnomaly", "chexnomaly__concat", "chexnomaly__random_base"}
    named |= {"supermodel__plain_focal", "specialized_cardiomegaly__plain_focal"}
    assert named | set(SPECIALIZED) <= set(SYSTEMS) and len(SPECIALIZED) == 14
    needed = {key for entry in SYSTEMS.values() for key in entry.needs}
    assert needed <= set(SYSTEMS)


def test_an_unknown_key_and_an_untrained_system_are_refused(squares, tmp_path):
    with pytest.raises(ValueError, match="'supermodels'"):
        systems.train_system("supermodels", squares, tmp_path, TINY)
    with pytest.raises(ValueError, match="max_ensemble is not trained"):
        systems.train_system("max_ensemble", squares, tmp_path, TINY)
    with pytest.raises(ValueError, match="kind 'mlp'"):
        systems.siamese_network("mlp", TINY, SIZE)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (1.0, 0.0), (0.0, 1.0)])
def test_the_siamese_loss_agrees_with_a_loop(weights):
    rng = np.random.default_rng(0)
    logits, distance = rng.normal(size=6), rng.uniform(0, 2, size=6)
    similar = np.array([1.0, 0, 0, 1, 1, 0])
    total = 0.0
    for z, d, y in zip(logits, distance, similar, strict=True):
        apart = y * d**2 / 2 + (1 - y) * max(0, 1 - d) ** 2 / 2
        p = 1 / (1 + np.exp(-z))
        head = -(y * np.log(p) + (1 - y) * np.log(1 - p))
        total += weights[0] * apart + weights[1] * head
    found = systems.siamese_loss(
        (torch.tensor(logits), torch.tensor(distance)),
        torch.tensor(similar),
        contrastive=weights[0],
        cross_entropy=weights[1],
    )
    assert found.item() == pytest.approx(total / 6, rel=1e-12)


def test_each_image_of_a_pair_moves_on_its_own():
    image = torch.rand(3, 1, 16, 16)
    similar = torch.tensor([1.0, 0.0, 1.0])
    pairs = [image, image.clone(), similar]
    first, second, label = augment_pairs(pairs, torch.Generator().manual_seed(0))
    assert first.shape == second.shape == image.shape
    assert torch.equal(label, similar)
    assert not torch.equal(first, second) and not torch.equal(first, image)
    again = augment_pairs(pairs, torch.Generator().manual_seed(0))
    assert torch.equal(again[0], first) and torch.equal(again[1], second)


def test_scores_of_pairs_stand_in_their_order(squares, runs):
    model = runs[1]["siamese_cnn"].model
    pairs = PairsSet(squares.part("test"), 10, seed=5)
    table = systems.score_pairs(model, pairs, batch_size=4)
    assert list(table.columns) == ["first", "second", "similar", "prob", "distance"]
    assert list(zip(table["first"], table["second"], strict=True)) == pairs.ids
    assert table.similar.tolist() == [int(kind == 0) for kind in pairs.kinds]
    first, second, _ = pairs[7]
    logit, distance = predict(model, [first[None], second[None]])
    assert table.prob[7] == pytest.approx(torch.sigmoid(logit).item(), rel=1e-4)
    assert table.distance[7] == pytest.approx(distance.item(), rel=1e-4)


@pytest.mark.parametrize("kind", ["cnn", "unet"])
def test_twins_learn_which_training_pairs_are_similar(squares, tmp_path, kind):
    schedule = Schedule(epochs=10, batch_size=8, learning_rate=1e-2, one_cycle=True)
    options = replace(TINY, augment=False, schedule=schedule)
    trained = systems.train_siamese(kind, squares, tmp_path, options)
    losses = trained.history.train_loss
    assert losses[-1] < 0.8 * losses[0]
