"""One system alone: the options of its notebook, and what it builds on before it."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from book.pipeline import one_system
from book.pipeline.profiles import load_profile
from chexnomaly import systems
from chexnomaly.systems import SYSTEMS
from chexnomaly.tensor_files import read_tensors

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
TINY = load_profile(NOTEBOOKS / "profiles" / "tiny.yml")


def test_every_system_follows_a_notebook():
    for system in SYSTEMS:
        name = one_system.notebook_of(system)
        assert (NOTEBOOKS / f"{name}.ipynb").is_file()
    assert one_system.notebook_of("attention_supermodel") == "03_supermodels"
    assert one_system.notebook_of("chexnomaly__concat") == "07_chexnomaly"
    with pytest.raises(ValueError, match="system 'supermodels'"):
        one_system.notebook_of("supermodels")


def test_options_are_the_notebooks_under_the_profile():
    demo = load_profile(NOTEBOOKS / "profiles" / "demo.yml")
    small, large = (
        one_system.options_of("siamese_cnn", profile, NOTEBOOKS)
        for profile in (TINY, demo)
    )
    assert (small.base_channels, small.schedule.epochs) == (4, 1)
    assert small.schedule.learning_rate == large.schedule.learning_rate
    assert large.base_channels > small.base_channels


def test_what_it_builds_on_is_trained_first(squares, tmp_path, capsys):
    one_system.train("chexnomaly__euclidean", squares, tmp_path, TINY, NOTEBOOKS)
    said = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert said == ["siamese_unet__euclidean", "chexnomaly__euclidean"]
    for name in said:
        read_tensors(tmp_path / name / "model.safetensors")


LARGER = sorted({p.stem for p in (NOTEBOOKS / "profiles").glob("*.yml")} - {"tiny"})


@pytest.mark.parametrize("name", LARGER)
def test_a_profile_starts(name, squares, tmp_path):
    profile = load_profile(NOTEBOOKS / "profiles" / f"{name}.yml")
    options = one_system.options_of("supermodel", profile, NOTEBOOKS)
    few = squares.split.groupby(squares.split).head(2)
    schedule = replace(options.schedule, epochs=1, batch_size=2)
    one_step = replace(options, schedule=schedule)
    history = systems.train_supermodel(
        replace(squares, split=few), tmp_path, one_step
    ).history
    assert history.epoch == 1 and math.isfinite(history.train_loss[0])
