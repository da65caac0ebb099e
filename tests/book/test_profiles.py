"""Profiles say what each notebook is told; what no notebook knows is refused."""

import json
import subprocess
import sys

import pytest
import yaml

from book.pipeline.profiles import (
    check_profile,
    check_section,
    parameters_cell,
    training_options,
)
from chexnomaly.errors import ProfileError
from chexnomaly.profiles import PROFILE_KEYS, load_profile, open_profile
from chexnomaly.systems import Options

GOOD = {
    "profile": "demo",
    "about": "small",
    "deviations": [{"item": 20, "register": "512", "here": "64", "why": "time"}],
    "parameters": {"02_data": {"n": 5, "rate": 1.0e-5}},
}
KNOWN = {"profile": "demo", "n": 3, "rate": 0.1, "names": ("a", "b"), "quick": False}
OPTIONS = {"epochs": 100}


def cell(source, tags=("parameters",)):
    metadata = {"tags": list(tags)}
    return {"cell_type": "code", "metadata": metadata, "source": source}


def write(tmp_path, **changes):
    path = tmp_path / "demo.yml"
    path.write_text(yaml.safe_dump(GOOD | changes))
    return path


def test_a_notebook_gets_its_section_and_the_profile(tmp_path):
    profile = load_profile(write(tmp_path))
    assert profile.section("02_data") == {"profile": "demo", "n": 5, "rate": 1e-5}
    assert profile.section("10_errors") == {"profile": "demo"}


def test_what_papermill_reads_is_what_was_written(tmp_path):
    profile = load_profile(write(tmp_path))
    text = profile.as_yaml("02_data", KNOWN)
    assert "\n" not in text
    assert yaml.safe_load(text) == profile.section("02_data")


def test_papermill_is_given_only_what_the_cell_holds(tmp_path):
    text = load_profile(write(tmp_path)).as_yaml("02_data", ["n"])
    assert yaml.safe_load(text) == {"n": 5}


def test_a_section_wins_over_training_the_profile_over_demo_the_cell_over_all(tmp_path):
    shared = {"training": {"epochs": 10, "depth": 4}, "02_data": {"depth": 5, "n": 1}}
    write(tmp_path, parameters=shared)
    text = yaml.safe_dump(
        GOOD | {"profile": "tiny", "parameters": {"training": {"depth": 3}}}
    )
    (tmp_path / "tiny.yml").write_text(text)
    tiny = load_profile(tmp_path / "tiny.yml")
    found = vars(tiny.settings("02_data", epochs=2))
    assert found == {"profile": "tiny", "depth": 3, "epochs": 2, "n": 1}


def test_options_of_a_training_are_read_from_the_profile():
    small = Options.from_profile("tiny", "06_siamese_networks")
    large = Options.from_profile("demo", "06_siamese_networks", alpha=0.5)
    assert (small.base_channels, small.schedule.epochs, small.alpha) == (4, 1, 0.85)
    assert (large.base_channels, large.schedule.epochs, large.alpha) == (8, 14, 0.5)
    assert small.schedule.learning_rate == large.schedule.learning_rate == 0.003
    assert open_profile("paper").settings("02_data").size_px == 512
    with pytest.raises(TypeError, match="epoch_s"):
        Options.from_profile("demo", "07_chexnomaly", epoch_s=1)
    with pytest.raises(ProfileError, match="no such profile"):
        Options.from_profile("large", "07_chexnomaly")


@pytest.mark.parametrize(
    "changes",
    [
        {"profile": "other"},
        {"extra": 1},
        {"deviations": [{"item": 20}]},
        {"deviations": ["20"]},
        {"deviations": {"item": 20}},
        {"parameters": "02_data"},
        {"parameters": {"02_data": "n"}},
        {"parameters": {2: {"n": 5}}},
        {"about": None},
    ],
)
def test_a_file_that_is_no_profile_is_refused(tmp_path, changes):
    with pytest.raises(ProfileError, match=r"demo\.yml"):
        load_profile(write(tmp_path, **changes))


def test_an_unknown_profile_is_told_the_known_ones(tmp_path):
    write(tmp_path)
    with pytest.raises(ProfileError, match="expected one of: demo"):
        load_profile(tmp_path / "large.yml")


def test_broken_yaml_is_refused(tmp_path):
    path = tmp_path / "demo.yml"
    path.write_text("profile: [")
    with pytest.raises(ProfileError, match="not YAML"):
        load_profile(path)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"m": 1}, "unknown parameter"),
        ({"n": "five"}, "of type str"),
        ({"n": 5.0}, "of type float"),
        ({"n": True}, "of type bool"),
        ({"rate": "1e-3"}, "YAML reads 1e-3 as text"),
        ({"quick": 1}, "of type int"),
        ({"epochs": "2"}, "of type str"),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused(tmp_path, section, message):
    profile = load_profile(write(tmp_path, parameters={"02_data": section}))
    with pytest.raises(ProfileError, match=message):
        check_section(profile, "02_data", KNOWN, OPTIONS)


@pytest.mark.parametrize(
    "section", [{"n": 7}, {"rate": 1}, {"names": ["c"]}, {"epochs": 2}, {}]
)
def test_a_parameter_that_fits_is_taken(tmp_path, section):
    profile = load_profile(write(tmp_path, parameters={"02_data": section}))
    check_section(profile, "02_data", KNOWN, OPTIONS)


def test_a_parameters_cell_is_read_without_running_it(tmp_path):
    source = (
        "# first\nn: int = 3  # films; a = 5\nsize: int = (\n    16  # px\n)\nx = f()\n"
    )
    notebook = tmp_path / "02_data.ipynb"
    notebook.write_text(json.dumps({"cells": [cell("m: int = 1", []), cell(source)]}))
    assert parameters_cell(notebook) == {"n": 3, "size": 16}
    notebook.write_text("{}")
    assert parameters_cell(notebook) == {}


def test_a_parameter_whose_default_must_be_computed_is_refused(tmp_path):
    notebook = tmp_path / "02_data.ipynb"
    notebook.write_text(json.dumps({"cells": [cell("n: int = f()")]}))
    with pytest.raises(ValueError, match="malformed"):
        parameters_cell(notebook)


def test_an_unknown_notebook_is_refused(tmp_path):
    profile = load_profile(write(tmp_path))
    with pytest.raises(ProfileError, match="unknown notebook '02_data'"):
        check_profile(profile, {})


def test_a_notebook_and_its_section_are_checked_together(tmp_path):
    profile = load_profile(write(tmp_path))
    notebook = tmp_path / "02_data.ipynb"
    known = "n: int = 3\nrate: float = 0.1\nprofile: str = 'demo'"
    notebook.write_text(json.dumps({"cells": [cell(known)]}))
    check_profile(profile, {"02_data": notebook})
    notebook.write_text(
        json.dumps({"cells": [cell(known.replace("int = 3", "str = '3'"))]})
    )
    with pytest.raises(ProfileError, match="is of type int"):
        check_profile(profile, {"02_data": notebook})
    assert PROFILE_KEYS == set(GOOD)


def test_the_options_of_a_training_are_those_of_its_classes():
    found = training_options()
    assert found == Options().flat()
    assert {k: type(v) for k, v in found.items()} == {
        k: type(v) for k, v in Options().flat().items()
    }


def test_profiles_are_checked_without_importing_torch():
    code = (
        "import sys; from book.pipeline import profiles; profiles.training_options(); "
    )
    code += "sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
