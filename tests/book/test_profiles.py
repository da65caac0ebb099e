"""Profiles say what each notebook is told; what no notebook knows is refused."""

from types import SimpleNamespace

import pytest
import yaml

from book.pipeline import profiles
from book.pipeline.profiles import check_profile, check_section, load_profile
from chexnomaly.errors import ProfileError

GOOD = {
    "profile": "demo",
    "about": "small",
    "deviations": [{"item": 20, "register": "512", "here": "64", "why": "time"}],
    "parameters": {"02_data": {"n": 5, "rate": 1.0e-5}},
}
KNOWN = {
    "profile": {"default": "'demo'"},
    "n": {"default": "3"},
    "rate": {"default": "0.1"},
    "names": {"default": "('a', 'b')"},
    "quick": {"default": "False"},
}


def write(tmp_path, **changes):
    path = tmp_path / "demo.yml"
    path.write_text(yaml.safe_dump(GOOD | changes))
    return path


def test_a_notebook_gets_its_section_and_the_profile(tmp_path):
    profile = load_profile(write(tmp_path))
    assert profile.section("02_data") == {"profile": "demo", "n": 5, "rate": 1e-5}
    assert profile.section("01_problem") == {"profile": "demo"}


def test_what_papermill_reads_is_what_was_written(tmp_path):
    profile = load_profile(write(tmp_path))
    text = profile.as_yaml("02_data")
    assert "\n" not in text
    assert yaml.safe_load(text) == profile.section("02_data")


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
    ],
)
def test_a_parameter_that_does_not_fit_is_refused(tmp_path, section, message):
    profile = load_profile(write(tmp_path, parameters={"02_data": section}))
    with pytest.raises(ProfileError, match=message):
        check_section(profile, "02_data", KNOWN)


@pytest.mark.parametrize("section", [{"n": 7}, {"rate": 1}, {"names": ["c"]}, {}])
def test_a_parameter_that_fits_is_taken(tmp_path, section):
    profile = load_profile(write(tmp_path, parameters={"02_data": section}))
    check_section(profile, "02_data", KNOWN)


def test_an_unknown_notebook_is_refused(tmp_path):
    profile = load_profile(write(tmp_path))
    with pytest.raises(ProfileError, match="unknown notebook '02_data'"):
        check_profile(profile, {}, tmp_path / "memory")


def test_the_same_files_are_checked_once(tmp_path, monkeypatch):
    profile = load_profile(write(tmp_path))
    notebook = tmp_path / "02_data.ipynb"
    notebook.write_text("first")
    calls = []
    fake = SimpleNamespace(inspect_notebook=lambda path: calls.append(path) or KNOWN)
    monkeypatch.setitem(__import__("sys").modules, "papermill", fake)
    for text in ("first", "first", "second"):
        notebook.write_text(text)
        check_profile(profile, {"02_data": notebook}, tmp_path / "memory")
    assert len(calls) == 2
    assert profiles.KEYS == set(GOOD)
