"""Recipes: what they are made of, and that they learn without the test part."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from chexnomaly import evaluation, losses, metrics, systems
from chexnomaly.systems import Options
from chexnomaly.training.schedule import Schedule

SMALL = Options(
    base_channels=4,
    depth=3,
    convolutions=1,
    batch_norm=True,
    alpha=0.75,
    augment=False,
    schedule=Schedule(epochs=12, batch_size=4, learning_rate=1e-2, one_cycle=True),
)


def test_defaults_are_the_registers():
    options = Options()
    assert (options.base_channels, options.depth) == (64, 5)
    assert (options.alpha, options.gamma) == (0.25, 2.0)
    assert (options.schedule.learning_rate, options.schedule.patience) == (1e-4, 10)


def test_flat_parameters_find_their_place():
    options = Options.from_parameters(
        base_channels=8, alpha=0.5, epochs=3, batch_size=2
    )
    assert options.base_channels == 8 and options.schedule.epochs == 3
    with pytest.raises(TypeError, match="unknown_name"):
        Options.from_parameters(unknown_name=1)


def test_the_smallest_component_scales_with_the_image():
    assert systems.min_area(512) == 16
    assert systems.min_area(256) == 4
    assert systems.min_area(64) == 1


def test_the_loss_follows_the_arm():
    logits = torch.randn(2, 1, 64, 64)
    mask = torch.randint(0, 2, (2, 1, 64, 64)).float()
    boxed = systems.segmentation_loss(64, SMALL)(logits, mask)
    plain = systems.segmentation_loss(64, SMALL, "plain_focal")(logits, mask)
    focal = partial(losses.sigmoid_focal_loss, alpha=0.75)
    assert torch.equal(plain, focal(logits, mask))
    box_focal = partial(losses.box_focal_loss, alpha=0.75, min_area=1)
    assert torch.equal(boxed, box_focal(logits, mask))


def test_a_supermodel_learns_and_loads_again(squares, tmp_path):
    trained = systems.train_system("supermodel", squares, tmp_path, SMALL)
    assert trained.history.val_loss[-1] < trained.history.val_loss[0]
    loaded = systems.load_system("supermodel", tmp_path)
    test = squares.part("test")
    first, second = (
        torch.cat(list(evaluation.predict(model, test)))
        for model in (trained.model, loaded)
    )
    assert torch.equal(first, second)
    masks = torch.stack([test.mask(i) for i in test.ids])
    assert metrics.iou(first, masks, threshold=0.4) > 0.4


def test_the_fingerprint_follows_data_options_and_system_but_not_workers(squares):
    recipe, arm = map(systems.find_recipe, ("supermodel", "supermodel__plain_focal"))
    base = systems.fingerprint(recipe, squares, SMALL)
    assert base == systems.fingerprint(recipe, squares, SMALL)
    other = replace(SMALL, schedule=replace(SMALL.schedule, workers=4))
    assert base == systems.fingerprint(recipe, squares, other)
    assert base != systems.fingerprint(recipe, squares, replace(SMALL, alpha=0.5))
    assert base != systems.fingerprint(arm, squares, SMALL)


def test_no_test_image_is_opened_in_training(squares, tmp_path, monkeypatch):
    opened = set()
    read = type(squares.store).image

    def recording(store, row):
        opened.add(row if isinstance(row, str) else store.ids[row])
        return read(store, row)

    monkeypatch.setattr(type(squares.store), "image", recording)
    options = replace(SMALL, schedule=replace(SMALL.schedule, epochs=1))
    systems.train_system("supermodel", squares, tmp_path, options)
    assert opened == set(squares.ids("train")) | set(squares.ids("val"))
    assert not opened & set(squares.ids("test"))
