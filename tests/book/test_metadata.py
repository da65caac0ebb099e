"""What machines read, held against the rules of the specifications.

The rules are those of RO-Crate 1.1 (root data entity, data entities, flat JSON-LD),
Process Run Crate 0.5 and CodeMeta 3.0, as their texts state them.
"""

import hashlib
import json
import re
import shutil
from collections import Counter
from datetime import date, datetime
from pathlib import Path

import pytest

from book.pieces.facts import Facts
from book.pieces.metadata import write_metadata
from book.pieces.render import PieceError
from chexnomaly.workspace import Workspace

ROOT = Path(__file__).parents[2]
CODEMETA = set(
    "codeRepository programmingLanguage runtimePlatform softwareRequirements author "
    "description identifier keywords license name version referencePublication".split()
)
"""Terms of CodeMeta 3.0; of some forty, those that may be told here."""

CRATE = set(
    "about author citation conformsTo contentSize datePublished description "
    "encodingFormat endTime hasPart instrument isBasedOn keywords license mentions "
    "name object programmingLanguage provider result sha256 startTime version".split()
)
"""Of the terms that the two contexts of a crate define, those that may be told here."""

RESULT = {
    **{"schema": 1, "system": "supermodel", "set": "vindr_test", "profile": "demo"},
    **{"notebook": "03_supermodels", "evidence": "phantom", "n": 4, "values": {}},
}
TIMES = {
    "start_time": "2026-01-01T10:00:00.664340+00:00",
    "end_time": "2026-01-02T10:02:12.792368+00:00",
}


@pytest.fixture
def folder(tmp_path):
    """A folder with one result of this build, one committed, and two notebooks."""
    root = tmp_path / "checkout"
    for file in ("CITATION.cff", "pyproject.toml"):
        root.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, root)
    workspace = Workspace("demo", root)
    committed = workspace.reference / "study"
    for place in (workspace.results, committed, tmp_path / "site"):
        place.mkdir(parents=True)
    for place, dataset in ((workspace.results, "vindr_test"), (committed, "study")):
        (place / f"supermodel__{dataset}.json").write_text(
            json.dumps(RESULT | {"set": dataset})
        )
    site, executed = tmp_path / "site", []
    (site / "more.txt").write_text("x")
    for name, read in (
        ("03_supermodels", []),
        ("09_comparison", ["supermodel__vindr_test", "gone__x"]),
    ):
        about = {"papermill": TIMES, "chexnomaly": {"read": read}}
        executed.append(root / f"{name}.ipynb")
        executed[-1].write_text(json.dumps({"metadata": about, "cells": []}))
        shutil.copy(executed[-1], site)
    results = {path.stem: path.name for path in root.rglob("supermodel__*.json")}
    for path in root.rglob("supermodel__*.json"):
        shutil.copy(path, site)
    (site / "films").mkdir()
    places = {
        "results": results,
        "notebooks": {path.stem: path.name for path in executed},
        "files": ["more.txt"],
        "films": ["films/"],
    }
    write_metadata(Facts(workspace), site, executed, places)
    return site


def entities(folder: Path) -> dict[str, dict]:
    """Read a crate's flat graph; every entity has one id and a type."""
    crate = json.loads((folder / "ro-crate-metadata.json").read_text())
    assert crate["@context"][0] == "https://w3id.org/ro/crate/1.1/context"
    assert {*crate} == {"@context", "@graph"}
    counted = Counter(entity["@id"] for entity in crate["@graph"])
    assert set(counted.values()) == {1}
    assert all(entity["@type"] for entity in crate["@graph"])
    return {entity["@id"]: entity for entity in crate["@graph"]}


def references(value: object, top: bool = True) -> list[str]:
    """Find what a value points at; in a flat graph nothing else may be nested."""
    if isinstance(value, list):
        return [found for one in value for found in references(one, top=False)]
    if not isinstance(value, dict):
        return []
    if not top:
        assert {*value} == {"@id"}
        return [value["@id"]]
    return [found for one in value.values() for found in references([one])]


def as_list(value: object) -> list:
    return value if isinstance(value, list) else [value]


def check_crate(folder: Path) -> dict[str, dict]:
    """Hold a folder's crate against the rules; gives its entities."""
    found = entities(folder)
    described = found["ro-crate-metadata.json"]
    assert described["@type"] == "CreativeWork"
    assert described["about"] == {"@id": "./"}
    assert described["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    root = found["./"]
    assert root["@type"] == "Dataset"
    assert root["name"] and root["description"] and root["license"]["@id"] in found
    date.fromisoformat(root["datePublished"])
    for entity in found.values():
        assert {key for key in entity if key[0] != "@"} <= CRATE, entity["@id"]
        inside = {one for one in references(entity) if "conformsTo" not in entity}
        assert inside <= {*found}, entity["@id"]
        assert re.fullmatch(r"[^\s<>\\^`{|}\"]+", entity["@id"]), entity["@id"]
    parts = [part["@id"] for part in as_list(root["hasPart"])]
    files = [k for k, v in found.items() if {"File"} & {*as_list(v["@type"])}]
    folders = [k for k, v in found.items() if v["@type"] == "Dataset" and k != "./"]
    assert sorted(parts) == sorted(files + folders)
    assert all(name.endswith("/") and (folder / name).is_dir() for name in folders)
    for name in files:
        content = (folder / name).read_bytes()
        assert found[name]["contentSize"] == str(len(content))
        assert found[name]["sha256"] == hashlib.sha256(content).hexdigest()
        assert "/" in found[name]["encodingFormat"]
    check_runs(found)
    return found


def check_runs(found: dict[str, dict]) -> None:
    """Every run is mentioned by the root, by a program, from files to files."""
    profile = found["./"]["conformsTo"]["@id"]
    assert profile == "https://w3id.org/ro/wfrun/process/0.5"
    assert "CreativeWork" in as_list(found[profile]["@type"])
    runs = {k: v for k, v in found.items() if v["@type"] == "CreateAction"}
    assert {one["@id"] for one in as_list(found["./"]["mentions"])} == {*runs}
    for run in runs.values():
        program = found[run["instrument"]["@id"]]
        assert "SoftwareSourceCode" in program["@type"]
        begun, ended = (
            datetime.fromisoformat(run[f"{k}Time"]) for k in ("start", "end")
        )
        assert begun < ended and begun.tzinfo
        for way in ("object", "result"):
            for one in as_list(run.get(way, [])):
                assert "File" in as_list(found[one["@id"]]["@type"])


def test_a_crate_keeps_the_rules(folder):
    found = check_crate(folder)
    assert found["./"]["datePublished"] == "2026-01-02"


def test_a_run_names_what_it_wrote_and_read_and_no_other(folder):
    found = entities(folder)
    wrote, read = found["#run-03_supermodels"], found["#run-09_comparison"]
    assert wrote["result"] == {"@id": "supermodel__vindr_test.json"}
    assert "object" not in wrote and "result" not in read
    assert read["object"] == {"@id": "supermodel__vindr_test.json"}


def test_a_result_says_what_it_is_and_films_whose_they_are(folder):
    found = entities(folder)
    result = found["supermodel__vindr_test.json"]
    assert result["name"] == "supermodel on vindr_test, n = 4"
    assert result["description"] == "evidence level: phantom"
    assert "NIH Clinical Center" in found["films/"]["description"]
    assert found[found["films/"]["provider"]["@id"]]["name"] == "NIH Clinical Center"


def test_codemeta_keeps_the_rules(folder):
    about = json.loads((folder / "codemeta.json").read_text())
    assert about.pop("@context") == "https://w3id.org/codemeta/3.0"
    assert about.pop("@type") == "SoftwareSourceCode"
    assert {*about} <= CODEMETA
    assert about["license"] == "https://spdx.org/licenses/Apache-2.0"
    assert about["author"] == [
        {"@type": "Organization", "name": "the chexnomaly authors"}
    ]
    assert about["referencePublication"][0]["@id"].startswith("https://doi.org/10.")
    assert any(need.startswith("torch") for need in about["softwareRequirements"])


def test_a_file_that_is_not_there_is_no_part(folder):
    (folder / "more.txt").unlink()
    with pytest.raises((AssertionError, OSError)):
        check_crate(folder)


def test_what_the_project_does_not_say_builds_nothing(folder, tmp_path):
    root = tmp_path / "checkout"
    (root / "CITATION.cff").write_text("title: x\n")
    places = {"results": {}, "notebooks": {}, "files": [], "films": []}
    with pytest.raises(PieceError, match="codemeta.json"):
        write_metadata(Facts(Workspace("demo", root)), folder, [], places)
