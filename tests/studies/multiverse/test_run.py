"""The arms are readings of the register, and each is compared with its default."""

import re
from dataclasses import replace

import pytest

from chexnomaly.profiles import open_profile
from chexnomaly.results import read_result
from chexnomaly.studies.design import Design, make_world
from chexnomaly.studies.multiverse import run as mv
from chexnomaly.studies.multiverse.arms import ARMS
from chexnomaly.systems import RECIPES

TINY = Design(
    counts=(60, 30, 40),
    n_unseen=6,
    size=32,
    seeds=(0,),
    chosen={"base_channels": 4, "depth": 2, "epochs": 1},
)


def test_every_arm_is_a_system_and_changes_something():
    assert {arm.system for arm in ARMS} | {arm.default for arm in ARMS} <= set(RECIPES)
    for arm in ARMS:
        assert arm.system != arm.default or arm.changes or arm.seed or arm.draw
        assert re.fullmatch(r"\d+\.\w+", arm.key)
    names = [arm.stem for arm in ARMS]
    assert len(set(names)) == len(names)


def test_an_arm_with_other_options_has_a_folder_of_its_own():
    arms = {arm.stem: arm for arm in ARMS}
    plain = arms["8.seed_1_supermodel"].as_registered
    changed = [arms[f"{key}_supermodel"] for key in ("8.seed_1", "17.films_1")]
    changed.append(arms["32.alpha_0_5"])
    assert len({arm.folder(0) for arm in (plain, *changed)}) == 4
    assert plain.folder(3) == arms["46.concat"].folder(3) == "seed_3"
    assert TINY.options("supermodel", **changed[2].options(0)).alpha == 0.5
    assert TINY.options("chexnomaly", **changed[0].options(0)).schedule.seed == 1
    assert TINY.options("siamese_unet").schedule.learning_rate == 3e-4


@pytest.mark.slow
def test_arms_are_trained_scored_and_compared(tmp_path):
    wanted = {"8.seed_1", "17.films_1", "32.alpha_0_5", "46.concat", "18.two_readers"}
    arms = [arm for arm in ARMS if arm.key in wanted]
    mv.run_study(tmp_path / "work", tmp_path / "out", TINY, arms)
    result = read_result(tmp_path / "out" / "multiverse__study_test.json")
    assert result["n"] == 40 and result["evidence"] == "phantom"
    names = {arm.stem for arm in arms}
    assert set(result["arms"]) == names
    for arm in arms:
        for metric in mv.REPORTED:
            difference = result["paired"]["default"][f"{arm.stem}.{metric}"]
            pair = [
                result["values"][f"{stem}.{metric}"]["value"]
                for stem in (arm.stem, arm.default_stem)
            ]
            if None not in pair:
                expected = pytest.approx(pair[0] - pair[1], abs=2e-6)
                assert difference["value"] == expected
    unseen = read_result(tmp_path / "out" / "multiverse__unseen_study.json")
    assert unseen["n"] == unseen["n_positive"] == 6


def test_the_study_has_the_sizes_of_its_profile():
    design = Design()
    given = open_profile("study").section("02_data")
    assert given["n_films"] == sum(design.counts) and given["size_px"] == design.size
    shares = [round(n / sum(design.counts), 4) for n in design.counts[1:]]
    assert shares == [given["val_share"], given["test_share"]]


def test_other_films_are_none_of_the_test_films(tmp_path):
    design = replace(TINY, counts=(8, 4, 6), n_unseen=2)
    world = make_world(tmp_path / "data", design)
    other = design.films(tmp_path / "other", 1)
    assert {part: len(other.ids(part)) for part in ("train", "val", "test")} == {
        "train": 8,
        "val": 4,
        "test": 0,
    }
    films = {world.data.store.image(i).tobytes() for i in world.data.ids("test")}
    assert not films & {other.store.image(i).tobytes() for i in other.ids("train")}
