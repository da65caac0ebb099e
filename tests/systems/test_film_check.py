"""What tells a frontal chest film from anything else, and how often it errs."""

import shutil
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import skimage
import torch
from scipy import stats

from chexnomaly import phantom
from chexnomaly.datasets.sources import nih
from chexnomaly.datasets.sources.nih_opinions import fold_of, patient_of
from chexnomaly.datasets.store.images import read_color, read_image
from chexnomaly.errors import CheckpointError
from chexnomaly.phantom.files.dicom import write_dicom
from chexnomaly.results import read_result
from chexnomaly.systems.film_check import (
    AGAINST,
    FILM_CHECK,
    TOO_LONG,
    View,
    describe,
    feature_odds,
    load_film_check,
    looks_like_chest_film,
)
from chexnomaly.tensor_files import read_tensors, write_tensors
from tests.film_check.fit import fit_film_check

COMMITTED = Path(__file__).parents[2] / "book" / "reference" / "pretrained"
PICTURES = Path(skimage.__file__).parent / "data"


@pytest.fixture(scope="module")
def fitted():
    return load_film_check(COMMITTED)


@pytest.fixture(scope="module")
def held_out():
    """Films of 60 patients that took no part in the fit."""
    paths, _ = nih.scan_folder(nih.folder())
    first = {
        patient_of(i): i for i in reversed(paths) if fold_of(patient_of(i)) in (1, 4)
    }
    return [read_image(paths[i]) for i in islice(sorted(first.values()), 60)]


def judge(path, fitted):
    return looks_like_chest_film(read_image(path), fitted, read_color(path))


def test_films_of_patients_who_were_not_fitted_pass_mirrored_or_not(fitted, held_out):
    for turn in (np.asarray, np.fliplr):
        passed = [
            looks_like_chest_film(turn(f), fitted).looks_like_film for f in held_out
        ]
        assert sum(passed) >= 56  # 1 % expected; 5 of 60 have a chance below 0.001


@pytest.mark.parametrize("turn", [np.rot90, np.flipud, lambda film: 1 - film])
def test_turned_and_inverted_films_do_not(fitted, held_out, turn):
    seen = [looks_like_chest_film(turn(film), fitted) for film in held_out]
    assert sum(one.looks_like_film for one in seen) <= 3


def test_computed_films_pass_as_files_too(fitted, tmp_path):
    for index in range(1, 5):  # those that "Your own X-ray" offers
        made = phantom.film(
            0, index, 256, findings=["cardiomegaly", "pleural_effusion"]
        )
        write_dicom(made, tmp_path / "film.dicom")
        assert judge(tmp_path / "film.dicom", fitted).looks_like_film


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "camera", "page"])
def test_photographs_and_a_page_do_not(fitted, name):
    seen = judge(PICTURES / f"{name}.png", fitted)
    assert not seen.looks_like_film
    assert seen.against in (*AGAINST, TOO_LONG)


def test_color_alone_is_named(fitted, held_out):
    gray = looks_like_chest_film(held_out[0], fitted)
    red = looks_like_chest_film(held_out[0], fitted, color=0.5)
    assert red.score < gray.score
    assert red.against == "it has color"


def test_a_long_strip_is_refused_for_its_shape_whatever_it_shows(fitted, held_out):
    long = np.repeat(held_out[0], 2, axis=0)
    seen = looks_like_chest_film(long, fitted)
    assert (seen.looks_like_film, seen.against) == (False, TOO_LONG)


def test_size_brightness_and_contrast_change_little(fitted, held_out):
    film = held_out[0]
    same = [np.kron(film, np.ones((2, 2))), 0.2 + 0.5 * film]
    score = looks_like_chest_film(film, fitted).score
    assert [looks_like_chest_film(f, fitted).score for f in same] == pytest.approx(
        [score] * 2, abs=0.05
    )


def test_a_constant_image_gives_a_number(fitted):
    assert np.isfinite(looks_like_chest_film(np.zeros((40, 50)), fitted).score)


def test_color_and_shape_out_of_range_are_refused(fitted):
    with pytest.raises(ValueError, match=r"got shape \(4, 4, 3\)"):
        looks_like_chest_film(np.zeros((4, 4, 3)), fitted)
    with pytest.raises(ValueError, match="color 2"):
        looks_like_chest_film(np.zeros((4, 4)), fitted, color=2)


def test_the_distance_along_and_outside_the_directions_is_pythagoras(fitted, held_out):
    view = View.of(held_out[0])
    seen = describe(view, fitted)
    moved = view.blocks() - fitted["mean"]
    along = seen[5:] * fitted["spread"]
    outside = (np.exp(seen[3]) - 1e-3) * moved.size
    assert along @ along + outside == pytest.approx(moved @ moved, rel=1e-4)


def test_an_average_film_adds_nothing(fitted):
    still = fitted | {"center": describe(View.of(np.eye(64)), fitted)}
    assert not feature_odds(View.of(np.eye(64)), still).any()


def test_the_fit_tells_what_it_was_given_and_gives_up_one_in_a_hundred():
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:64, :64] / 64

    def film():
        lungs = sum(
            np.exp(-(((columns - x) / 0.12) ** 2) - ((rows - 0.45) / 0.25) ** 2)
            for x in (0.3, 0.7) + rng.normal(0, 0.02, 2)
        )
        return np.clip(0.8 - 0.6 * lungs + rng.normal(0, 0.02, (64, 64)), 0, 1)

    noise = [View.of(rng.random((64, 64))) for _ in range(30)]
    films, choice = ([film() for _ in range(n)] for n in (80, 100))
    fit = fit_film_check(
        [View.of(one) for one in films],
        {"noise": noise},
        [View.of(one) for one in choice],
    )
    passed = [looks_like_chest_film(one, fit).looks_like_film for one in choice]
    assert passed.count(False) == 1
    new = [looks_like_chest_film(rng.random((64, 64)), fit) for _ in range(30)]
    assert not any(one.looks_like_film for one in new)


def test_what_the_committed_counts_say_is_what_was_asked():
    counted = read_result(COMMITTED / "film_check__nih_frontal.json")
    values = counted["values"]
    assert counted["evidence"] == "open-images"
    assert values["false_alarms"]["n"] == counted["n"]
    assert values["false_alarms"]["value"] <= 0.02
    for kind in ("photographs", "lateral", "dental"):
        assert values[f"caught_{kind}"]["value"] >= 0.95
    for entry in values.values():
        ends = stats.binomtest(round(entry["value"] * entry["n"]), entry["n"])
        low, high = ends.proportion_ci(method="wilson")
        assert (entry["low"], entry["high"]) == pytest.approx((low, high), rel=1e-3)


def test_no_source_was_both_fitted_and_counted():
    counted = read_result(COMMITTED / "film_check__nih_frontal.json")
    where = {"fit": set(), "test": set()}
    for source in counted["sources"]:
        where[source["part"]].add((source["where"], source["kind"]))
        assert source["license"]
    assert not where["fit"] & where["test"]


def test_a_damaged_or_foreign_file_is_refused(tmp_path):
    shutil.copy(COMMITTED / FILM_CHECK, tmp_path)
    data = bytearray((tmp_path / FILM_CHECK).read_bytes())
    data[-1] ^= 1
    (tmp_path / FILM_CHECK).write_bytes(data)
    with pytest.raises(CheckpointError, match="hash"):
        load_film_check(tmp_path)
    write_tensors(tmp_path / FILM_CHECK, {"mean": torch.zeros(64)}, {})
    with pytest.raises(CheckpointError, match="another measure"):
        load_film_check(tmp_path)


def test_the_committed_file_is_small_and_names_its_folds():
    assert (COMMITTED / FILM_CHECK).stat().st_size < 20_000
    assert read_tensors(COMMITTED / FILM_CHECK)[1]["folds"] == [2, 3]
