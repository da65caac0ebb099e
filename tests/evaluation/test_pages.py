"""What notebooks do alike: inputs that are missing are named, tables hold intervals."""

from dataclasses import replace

import pytest

from chexnomaly.errors import MissingInputError
from chexnomaly.evaluation import pages
from chexnomaly.phantom import write_dataset
from chexnomaly.results import write_result


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    (tmp_path / "Snakefile").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, system, value, paired):
    entry = {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 9}
    write_result(
        folder,
        system,
        "vindr_test",
        profile="tiny",
        notebook="03_supermodels",
        trained_on="phantom",
        scored_on="phantom",
        n=9,
        values={"iou_c": entry},
        paired={rival: {"iou_c": entry} for rival in paired},
        threshold={"paper": 0.5, "operating": value / 2},
    )


def test_a_missing_input_names_the_notebook_that_makes_it(checkout):
    with pytest.raises(MissingInputError, match="notebooks/02_data.ipynb"):
        pages.open_inputs("tiny", {})
    findings = checkout / "_build/data/tiny/vindr/findings.csv"
    findings.parent.mkdir(parents=True)
    findings.touch()
    with pytest.raises(MissingInputError, match="supermodel.*03_supermodels.ipynb"):
        pages.open_inputs("tiny", {"supermodel__vindr_test": "03_supermodels"})


def test_real_lesions_are_scored_where_they_were_prepared(squares):
    sets = pages.sets_to_score(squares, squares)
    assert list(sets) == ["vindr_test", "other_200"]
    assert sets["vindr_test"].scans.ids == squares.ids("test")
    assert sets["other_200"].origin == squares.origin


def test_scores_and_differences_stand_with_interval_number_and_level(tmp_path):
    write(tmp_path, "supermodel", 0.4, ["mean_mask", "all_empty"])
    table = pages.scores(tmp_path, ["supermodel"], "vindr_test", ["iou_c", "mae_soft"])
    assert table.loc["supermodel"].tolist() == [
        "0.400 [0.300, 0.500]",
        "–",
        9,
        "phantom",
    ]
    asked = ("supermodel", "vindr_test", ["mean_mask"], ["iou_c"])
    gains = pages.differences(tmp_path, *asked)
    assert gains.index.tolist() == ["supermodel minus mean_mask"]
    assert gains.iloc[0].tolist() == ["0.4000 [0.3000, 0.5000]", 9, "phantom"]


def test_a_rival_that_was_not_compared_is_an_error(tmp_path):
    write(tmp_path, "supermodel", 0.4, [])
    asked = ("supermodel", "vindr_test", ["mean_mask"], ["iou_c"])
    with pytest.raises(KeyError, match="mean_mask"):
        pages.differences(tmp_path, *asked)


def test_the_threshold_is_the_one_of_each_system(tmp_path):
    write(tmp_path, "supermodel", 0.4, [])
    write(tmp_path, "chexnomaly", 0.6, [])
    read = pages.thresholds(tmp_path, ["supermodel", "chexnomaly"], "vindr_test")
    assert read == {"supermodel": 0.2, "chexnomaly": 0.3}


@pytest.mark.parametrize(("name", "layout"), [("vindr", "vindr"), ("other", "rsna")])
def test_films_are_found_for_phantoms_alone(squares, tmp_path, name, layout):
    root = tmp_path / name
    write_dataset(root / "source", 2, 0, layout=layout, size_px=(48, 64))
    phantoms = replace(squares, root=root)
    files = pages.film_files(phantoms)
    assert len(files) == 2 and all(file.is_file() for file in files.values())
    real = replace(phantoms, findings=squares.findings.assign(source="vindr"))
    assert pages.film_files(real) == {}
