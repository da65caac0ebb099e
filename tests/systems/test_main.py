"""One system alone: the options of its notebook, and what it builds on before it."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from chexnomaly import systems
from chexnomaly.profiles import open_profile
from chexnomaly.systems import RECIPES, Options, find_recipe
from chexnomaly.systems.__main__ import train_with_parts
from chexnomaly.tensor_files import read_tensors

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def test_every_system_follows_a_section_of_the_profile():
    sections = open_profile("demo").parameters
    for recipe in RECIPES.values():
        notebook = NOTEBOOKS / f"{recipe.section}.ipynb"
        assert recipe.section in sections or notebook.is_file()
    assert find_recipe("attention_supermodel").section == "03_supermodels"
    assert find_recipe("chexnomaly__concat").section == "07_chexnomaly"
    with pytest.raises(ValueError, match="system 'supermodels'"):
        find_recipe("supermodels")


def test_options_are_the_notebooks_under_the_profile():
    small, large = (
        Options.from_profile(profile, find_recipe("siamese_cnn").section)
        for profile in ("tiny", "demo")
    )
    assert (small.base_channels, small.schedule.epochs) == (4, 1)
    assert small.schedule.learning_rate == large.schedule.learning_rate
    assert large.base_channels > small.base_channels


def test_what_it_builds_on_is_trained_first(squares, tmp_path, capsys):
    train_with_parts("chexnomaly__euclidean", squares, tmp_path, "tiny")
    said = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert said == ["siamese_unet__euclidean", "chexnomaly__euclidean"]
    for name in said:
        read_tensors(tmp_path / name / "model.safetensors")


LARGER = sorted({p.stem for p in (NOTEBOOKS / "profiles").glob("*.yml")} - {"tiny"})


@pytest.mark.parametrize("name", LARGER)
def test_a_profile_starts(name, squares, tmp_path):
    options = Options.from_profile(name, "03_supermodels")
    few = squares.split.groupby(squares.split).head(2)
    schedule = replace(options.schedule, epochs=1, batch_size=2)
    one_step = replace(options, schedule=schedule)
    fewer = replace(squares, split=few)
    history = systems.train_system("supermodel", fewer, tmp_path, one_step).history
    assert history.epoch == 1 and math.isfinite(history.train_loss[0])
