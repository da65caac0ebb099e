"""`make verify`: what it prints, writes, and when it fails."""

import json
import shutil

import pytest

from book.site import verify
from chexnomaly.claims import expected as verification
from chexnomaly.results import write_result


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with one result and the annotation package; expectations of it."""
    (tmp_path / "Snakefile").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verify, "find_table", lambda name: tmp_path)
    put_count(tmp_path, 57)
    expected = tmp_path / "expected.csv"
    monkeypatch.setattr(verification, "EXPECTED", expected)
    read = verification.load_expected
    monkeypatch.setattr(verification, "load_expected", lambda: read(expected))
    assert verify.main(["--accept"]) == 0
    return tmp_path


def test_what_is_committed_to_has_its_picture(checkout):
    pictures = checkout / "_build" / "pictures" / "demo"
    pictures.mkdir(parents=True)
    for name in ("hero.webp", "hero.json", "other.webp"):
        (pictures / name).write_text(name)
    kept = checkout / "book" / "reference"
    assert verify.main([]) == 0 and not [*kept.glob("hero.*")]
    assert verify.main(["--accept"]) == 0
    found = {file.name: file.read_text() for file in kept.glob("*.*")}
    assert found == {"hero.webp": "hero.webp", "hero.json": "hero.json"}


def put_count(root, boxes):
    write_result(
        root / "_build" / "results" / "demo",
        "annotations",
        "vindr",
        profile="demo",
        notebook="02_data",
        scored_on="annotations",
        n=15000,
        values={
            "max_boxes_per_image": {"value": boxes, "low": None, "high": None, "n": 9}
        },
    )


def test_the_table_is_printed_and_written_and_all_is_as_expected(checkout, capsys):
    capsys.readouterr()
    assert verify.main([]) == 0
    printed = capsys.readouterr().out
    assert "data-max-annot" in printed and "Steady verdicts are as expected" in printed
    assert "differ in nothing" in printed
    assert "steady verdicts wait for all_empty__vindr.json" in printed
    rows = json.loads((checkout / "_build" / "html" / "claims.json").read_text())
    assert {row["id"]: row["verdict"] for row in rows}["data-max-annot"] == "differs"
    assert (checkout / "_build" / "html" / "claims.csv").is_file()


@pytest.mark.filterwarnings("ignore:.*held another result")
def test_a_changed_count_fails_and_is_named(checkout, capsys):
    put_count(checkout, 58)
    assert verify.main([]) == 1
    printed = capsys.readouterr().out
    assert "1 steady verdicts changed" in printed
    assert "data-max-annot: reproduced, expected differs" in printed
    assert "split agree: annotations__vindr (1) of 1 in common" in printed


@pytest.mark.filterwarnings("ignore:.*held another result")
def test_without_the_annotation_package_the_count_is_not_held_to(checkout, monkeypatch):
    put_count(checkout, 58)
    monkeypatch.setattr(verify, "find_table", lambda name: None)
    assert verify.main([]) == 0


def test_another_folder_is_compared_with(checkout, capsys):
    shutil.copytree(checkout / "_build" / "results" / "demo", checkout / "other")
    put_count(checkout, 57)
    assert verify.main(["--against", "other"]) == 0
    assert "This run and other differ in nothing." in capsys.readouterr().out


def test_nothing_built_and_broken_results_are_told(checkout, capsys):
    assert verify.main(["--profile", "paper"]) == 2
    assert "run `make book` first" in capsys.readouterr().err
    broken = checkout / "_build" / "results" / "demo" / "annotations__vindr.json"
    broken.write_text("{")
    assert verify.main([]) == 2
    assert "annotations__vindr.json" in capsys.readouterr().err
