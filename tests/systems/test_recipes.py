"""Every recipe trains, loads to the same predictions, and never sees a test scan."""

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from chexnomaly import systems
from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.datasets.sampling import FOLDS, fold_ids
from chexnomaly.errors import CheckpointError
from chexnomaly.evaluation.pairs import score_pairs
from chexnomaly.labels import FINDINGS
from chexnomaly.systems import RECIPES, SPECIALIZED, Options, find_recipe, plan_training
from chexnomaly.systems.fitting import sources
from chexnomaly.systems.recipes import ON_LABELS
from chexnomaly.tensor_files import read_tensors, write_tensors
from chexnomaly.training.augmentation import augment_pairs
from chexnomaly.training.checkpoints import read_header
from chexnomaly.training.schedule import Schedule, seeded_model
from chexnomaly.workspace import FoldRuns
from tests.real_films import as_films

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
ABSENT = (*(f for f in FINDINGS if f not in PRESENT), "pneumonia")
TRAINED = [
    key
    for key, recipe in RECIPES.items()
    if recipe.trains and not any(finding in key for finding in ABSENT)
]
# A system comes after what it builds on.
TRAINED.sort(key=lambda key: len(RECIPES[key].reads))


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
            for needed in RECIPES[key].reads:
                if not (folder / needed).exists():  # of other films, an absent finding
                    arm = needed.partition("__")[2].removesuffix("films")
                    name = "__".join(filter(None, ["specialized_ild", arm]))
                    name = needed.partition(":")[2] or name
                    shutil.copytree(folder / name, folder / needed)
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
    loaded = systems.load_system(key, folder)
    loaded.to(memory_format=torch.channels_last)
    first, second = predict(trained[key].model, inputs), predict(loaded, inputs)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    of_films = RECIPES[key].kind in ON_LABELS
    shape = (4,) if of_films else (4, 1, SIZE, SIZE)
    assert all(a.shape == shape and torch.isfinite(a).all() for a in first)


@pytest.mark.parametrize("key", TRAINED)
def test_a_recipe_never_opens_a_test_image(squares, runs, key):
    opened = runs[2][key]
    assert opened and not opened & set(squares.ids("test"))
    if not key.startswith(("specialized", "siamese")):  # these choose or draw scans
        assert opened == set(squares.ids("train")) | set(squares.ids("val"))


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
    found = predict(systems.load_system("max_ensemble", folder), inputs)
    parts = [systems.load_system(key, folder) for key in SPECIALIZED]
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
    twin = find_recipe("siamese_unet")
    start = seeded_model(lambda: systems.build_network(twin, TINY, SIZE), 0)
    frozen = runs[1]["chexnomaly__random_base"].model.base.module.state_dict()
    begun = start.base.state_dict()
    assert all(torch.equal(begun[name], frozen[name]) for name in begun)
    twin = runs[1]["siamese_unet"].model.base.state_dict()
    assert any(not torch.equal(begun[name], twin[name]) for name in begun)


def test_an_arm_differs_from_its_default_in_the_change_and_its_names_alone():
    named = {"key", "arm", "default", "item", "says"}
    for recipe in RECIPES.values():
        if recipe.default:
            ours, others = asdict(recipe), asdict(RECIPES[recipe.default])
            changed = {name for name in ours if ours[name] != others[name]}
            assert changed - named and recipe.arm
        assert bool(recipe.says) == bool(recipe.item)


def test_a_run_says_what_it_was_trained_with(runs):
    folder = runs[0]
    header = read_header(folder / "chexnomaly")
    assert Options.from_parameters(**header["options"]) == TINY
    assert header["size"] == SIZE


def test_a_run_that_does_not_say_its_options_is_refused(runs, tmp_path):
    tensors, header = read_tensors(runs[0] / "supermodel" / "model.safetensors")
    del header["options"]
    (tmp_path / "supermodel").mkdir()
    write_tensors(tmp_path / "supermodel" / "model.safetensors", tensors, header)
    with pytest.raises(CheckpointError, match="another program"):
        systems.load_system("supermodel", tmp_path)


def test_another_base_is_another_run(squares, runs, tmp_path):
    folder = runs[0]
    meta = {}
    for base in ("siamese_unet", "siamese_unet__bce_only"):
        shutil.copytree(folder / base, tmp_path / base / "siamese_unet")
        systems.train_system("chexnomaly", squares, tmp_path / base, TINY)
        meta[base] = read_header(tmp_path / base / "chexnomaly")
    assert len({m["fingerprint"] for m in meta.values()}) == 2


def test_arguments_outside_the_options_are_part_of_a_run(squares, tmp_path):
    prints = set()
    for arms in ({}, {"margin": 0.5}, {"pairs_per_film": 1.0}, {"units": 8}):
        runs = tmp_path / str(len(prints))
        recipe = replace(find_recipe("siamese_cnn"), **arms)
        systems.train_system(recipe, squares, runs, TINY)
        prints.add(read_header(runs / "siamese_cnn")["fingerprint"])
    assert len(prints) == 4


def test_a_base_that_is_not_there_is_refused(squares, tmp_path):
    with pytest.raises(CheckpointError, match="siamese_unet"):
        systems.train_system("chexnomaly", squares, tmp_path, TINY)


def test_the_fingerprint_covers_every_module_a_recipe_imports():
    package = Path(systems.__file__).parents[1]
    needed = {"losses", "training/loop", "boxes", "training/augmentation"}
    needed |= {
        "models/chexnomaly",
        "models/frozen",
        "models/siamese",
        "models/ensembles",
        "datasets/pairs",
    }
    needed |= {"datasets/sampling", "datasets/predicted", "systems/plans"}
    covered = set(sources())
    assert {package / f"{name}.py" for name in needed} <= covered
    assert package / "datasets/sources/vindr.py" not in covered


def test_a_new_or_renamed_file_never_leaves_the_fingerprint_unnoticed(tmp_path):
    copy = tmp_path / "chexnomaly"
    shutil.copytree(Path(systems.__file__).parents[1], copy)
    before = sources(tmp_path)
    (copy / "losses.py").rename(copy / "costs.py")
    (copy / "fresh.py").write_text("X = 1\n")
    recipe = copy / "systems" / "objectives.py"
    text = recipe.read_text().replace("import losses", "import costs as losses")
    recipe.write_text(text + "\nfrom chexnomaly.fresh import X\n")
    after = sources(tmp_path)
    assert {copy / "costs.py", copy / "fresh.py"} == set(after) - set(before)


def test_all_systems_of_the_paper_have_an_entry():
    named = {"max_ensemble", "model_ensemble", "supermodel", "supermodel_oversampled"}
    named |= {"attention_supermodel", "siamese_cnn", "siamese_unet", "chexnomaly_cnn"}
    named |= {"chexnomaly", "chexnomaly__concat", "chexnomaly__random_base"}
    named |= {"supermodel__plain_focal", "specialized_cardiomegaly__plain_focal"}
    assert named | set(SPECIALIZED) <= set(RECIPES) and len(SPECIALIZED) == 14
    needed = {key for entry in RECIPES.values() for key in entry.needs}
    assert needed <= set(RECIPES)


def test_an_unknown_key_and_an_untrained_system_are_refused(squares, tmp_path):
    with pytest.raises(ValueError, match="'supermodels'"):
        systems.train_system("supermodels", squares, tmp_path, TINY)
    with pytest.raises(ValueError, match="max_ensemble is not trained"):
        systems.train_system("max_ensemble", squares, tmp_path, TINY)
    with pytest.raises(ValueError, match="base 'mlp'"):
        other = replace(find_recipe("siamese_unet"), base="mlp")
        systems.build_network(other, TINY, SIZE)


def test_an_out_of_fold_mask_comes_from_models_that_never_saw_the_scan(squares, runs):
    folder = runs[0]
    folds = [fold_ids(squares, k) for k in range(FOLDS)]
    assert sorted(sum(folds, [])) == squares.ids("train")
    for k, ids in enumerate(folds):
        opened = runs[2][f"specialized_ild__fold_{k}"]
        assert opened & set(squares.ids("train")) and not opened & set(ids)
    recipe = find_recipe("model_ensemble__out_of_fold")
    train_set = plan_training(recipe, squares, folder, TINY).sets[0]
    place = 0
    for k, ids in enumerate(folds):
        model = systems.load_system(f"specialized_ild__fold_{k}", folder)
        image = torch.from_numpy(squares.store.image(ids[0]))[None, None]
        expected = torch.sigmoid(predict(model, [image])[0])[0, 0]
        found = train_set[place][0][FINDINGS.index("ild")]
        np.testing.assert_allclose(found, expected, atol=0.5 / 255 + 1e-6)
        place += len(ids)


def test_a_unet_that_starts_from_the_supermodel_holds_its_weights(squares, runs):
    folder = runs[0]
    recipe = find_recipe("chexnomaly__supermodel_start")
    start = plan_training(recipe, squares, folder, TINY).build()
    weights = systems.load_system("supermodel", folder).state_dict()
    assert all(torch.equal(weights[n], t) for n, t in start.unet.state_dict().items())


def test_the_positive_control_freezes_the_supermodel(squares, runs):
    trained = runs[1]["chexnomaly__from_supermodel"].model.base.module.state_dict()
    weights = runs[1]["supermodel"].model.state_dict()
    assert trained.keys() == weights.keys()
    assert all(torch.equal(weights[n], t) for n, t in trained.items())


@pytest.mark.parametrize("kind", ["cnn", "unet"])
def test_a_warm_twin_starts_from_the_classifier_of_one_film(squares, runs, kind):
    folder, trained, _ = runs
    recipe = find_recipe(f"siamese_{kind}__warm_start")
    start = seeded_model(plan_training(recipe, squares, folder, TINY).build, 0)
    weights = trained[f"one_film_{kind}"].model.base.state_dict()
    assert weights.keys() == start.base.state_dict().keys()
    assert all(torch.equal(weights[n], t) for n, t in start.base.state_dict().items())
    twin = find_recipe(f"siamese_{kind}")  # pairs, loss and schedule are the twin's
    ours, other = (plan_training(r, squares, folder, TINY) for r in (recipe, twin))
    assert ours.sets[0].ids == other.sets[0].ids
    assert ours.loss.keywords == other.loss.keywords
    other = seeded_model(other.build, 0).head.state_dict()
    assert all(torch.equal(other[n], t) for n, t in start.head.state_dict().items())


def test_chexnomaly_freezes_the_warm_twin_once_it_has_seen_pairs(runs):
    _, trained, _ = runs
    frozen = trained["chexnomaly__warm_start"].model.base.module.state_dict()
    twin = trained["siamese_unet__warm_start"].model.base.state_dict()
    begun = trained["one_film_unet"].model.base.state_dict()
    assert all(torch.equal(twin[name], frozen[name]) for name in twin)
    assert any(not torch.equal(begun[name], frozen[name]) for name in begun)


def test_a_classifier_of_another_base_is_refused_as_a_start(squares, runs):
    other = replace(find_recipe("siamese_cnn__warm_start"), start="one_film_unet")
    with pytest.raises(CheckpointError, match="another architecture"):
        plan_training(other, squares, runs[0], TINY).build()


def test_a_classifier_learns_from_films_with_a_label_alone(squares, tmp_path):
    held = as_films(squares).hold_out(1, val_share=0.3)
    plan = plan_training(find_recipe("one_film_cnn"), held, tmp_path, TINY)
    for films, part in zip(plan.sets, ("train", "val"), strict=True):
        labelled = held.labelled_part(part)
        told = [films[k][1].item() for k in range(len(films))]
        assert told == held.films.abnormal.loc[labelled.ids].astype(float).to_list()
    assert set(held.labelled_part("train").ids) - set(held.ids("train"))


@pytest.mark.parametrize("key", ["supermodel", "chexnomaly"])
def test_a_system_starts_with_weights_trained_on_other_films(squares, runs, key):
    folder = runs[0]
    other = FoldRuns(folder, "", elsewhere={"phantoms": folder})
    recipe = find_recipe(f"{key}__from_phantoms")
    assert recipe.needs == find_recipe(key).needs  # nothing of its own is the start
    start = plan_training(recipe, squares, other, TINY).build()
    weights = systems.load_system("supermodel", folder).state_dict()
    unet = getattr(start, "unet", start).state_dict()
    assert all(torch.equal(weights[n], t) for n, t in unet.items())


def test_an_encoder_starts_from_the_classifier_of_one_film(squares, runs):
    folder, trained, _ = runs
    other = FoldRuns(folder, "", elsewhere={"labels": folder})
    recipe = find_recipe("supermodel__from_labels")
    start = seeded_model(plan_training(recipe, squares, other, TINY).build, 0)
    plain = plan_training(find_recipe("supermodel"), squares, folder, TINY).build
    fresh = seeded_model(plain, 0).state_dict()
    taken = trained["one_film_cnn"].model.base.state_dict()
    for name, tensor in start.state_dict().items():
        half = name.startswith(("stem", "downs"))
        assert torch.equal(tensor, (taken if half else fresh)[name])


def test_a_start_is_part_of_a_run_and_must_be_there(squares, tmp_path):
    one = replace(TINY, schedule=replace(TINY.schedule, seed=1))
    prints = set()
    for name, options in (("a", TINY), ("b", one)):
        systems.train_system("supermodel", squares, tmp_path / name, options)
        folder = FoldRuns(tmp_path, "c", elsewhere={"phantoms": tmp_path / name})
        systems.train_system("supermodel__from_phantoms", squares, folder, TINY)
        header = read_header(folder / "supermodel__from_phantoms")
        prints.add(header["fingerprint"])
    assert len(prints) == 2
    nowhere = FoldRuns(tmp_path, "d", elsewhere={"phantoms": tmp_path / "none"})
    with pytest.raises(CheckpointError):
        systems.train_system("supermodel__from_phantoms", squares, nowhere, TINY)


@pytest.mark.parametrize("key", ["siamese_unet", "siamese_cnn"])
def test_a_twin_learns_from_films_with_a_label_alone(squares, tmp_path, key):
    held = as_films(squares).hold_out(1, val_share=0.3)
    plan = plan_training(find_recipe(key), held, tmp_path, TINY)
    for pairs, part in zip(plan.sets, ("train", "val"), strict=True):
        seen = {name for pair in pairs.ids for name in pair}
        assert seen <= set(held.labelled_part(part).ids)
        assert seen - set(held.ids(part)) or part == "val"
        assert len(pairs) == 2 * len(held.labelled_part(part))
    supermodel = plan_training(find_recipe("supermodel"), held, tmp_path, TINY)
    assert supermodel.sets[0].ids == held.ids("train")


def test_the_encoder_alone_is_frozen(runs):
    model = runs[1]["chexnomaly__frozen_encoder"].model
    twin = runs[1]["siamese_unet"].model.base.state_dict()
    now = {k.replace(".module", ""): v for k, v in model.base.state_dict().items()}
    assert set(now) == set(twin)
    same = {name for name in twin if torch.equal(twin[name], now[name])}
    assert {name for name in twin if name.startswith(("stem", "downs"))} <= same
    assert any(name.startswith("ups") for name in set(twin) - same)


def test_masks_of_two_readers_and_of_one(squares):
    by_rule = {
        rule: squares.part("train", readers=rule) for rule in ("union", 2, "first")
    }
    table = squares.findings.set_index("image_id")
    for image_id in squares.ids("train"):
        areas = {m: float(s.mask(image_id).sum()) for m, s in by_rule.items()}
        marked = table.loc[image_id].finding.ne("no_finding")
        assert bool(areas["first"]) == bool(marked.iloc[0])
        assert bool(areas[2]) == (marked.sum() >= 2)
        assert areas[2] <= areas["union"]


def test_the_before_of_figure_14_is_never_augmented(squares, tmp_path):
    weights = {}
    for arm in ("", "__cross_entropy"):
        for augment in (True, False):
            run = tmp_path / f"{arm}{augment}"
            options = replace(TINY, augment=augment)
            system = f"specialized_ild{arm}"
            model = systems.train_system(system, squares, run, options).model
            weights[arm, augment] = model.state_dict()
    same = {
        arm: all(
            torch.equal(a, b)
            for a, b in zip(
                weights[arm, True].values(), weights[arm, False].values(), strict=True
            )
        )
        for arm in ("", "__cross_entropy")
    }
    assert same == {"": False, "__cross_entropy": True}


@pytest.mark.parametrize("name", sorted({one.loss for one in RECIPES.values()}))
def test_a_reading_of_the_loss_falls_as_the_prediction_gets_better(name):
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 4:10, 3:9] = 1
    loss = systems.segmentation_loss(16, TINY, name)
    sure = 6 * (mask - 0.5)
    unsure = torch.zeros_like(mask).requires_grad_()
    value = loss(unsure, mask)
    value.backward()
    assert loss(sure, mask) < value or name == "printed_focal"
    assert torch.isfinite(unsure.grad).all() and unsure.grad.abs().sum() > 0


def test_an_unknown_reading_or_joining_is_refused():
    with pytest.raises(ValueError, match="loss 'hard'"):
        systems.segmentation_loss(16, TINY, "hard")
    with pytest.raises(ValueError, match="joining 'sum'"):
        other = replace(find_recipe("model_ensemble"), joining="sum")
        systems.build_network(other, TINY, SIZE)


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
    table = score_pairs(model, pairs, batch_size=4)
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
    trained = systems.train_system(f"siamese_{kind}", squares, tmp_path, options)
    losses = trained.history.train_loss
    assert losses[-1] < 0.8 * losses[0]
