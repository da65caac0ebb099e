"""In JupyterLab a page's findings are numbers, and saving keeps the roles."""

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from book.extensions.lab import PlainNotebooks, in_words
from chexnomaly.results import write_result

ROOT = Path(__file__).parents[2]
NAME = "03_supermodels.ipynb"


@pytest.fixture
def manager(tmp_path):
    """A checkout with one result, and its notebooks as JupyterLab reads them."""
    for folder in ("notebooks", "book"):
        (tmp_path / folder).mkdir()
    (tmp_path / "Snakefile").touch()
    shutil.copy(ROOT / "notebooks" / NAME, tmp_path / "notebooks")
    key = "iou_c@operating"
    values = {key: {"value": 0.4321, "low": 0.41, "high": 0.456, "n": 9}}
    about = {"profile": "demo", "notebook": "03_supermodels", "scored_on": "phantom"}
    folder = tmp_path / "_build" / "results" / "demo"
    folder.mkdir(parents=True)
    write_result(folder, "supermodel", "vindr_test", n=9, values=values, **about)
    return PlainNotebooks(root_dir=str(tmp_path / "notebooks"))


def opened(manager):
    model = asyncio.run(manager.get(NAME))
    return model, model["content"]["cells"][0]


def test_what_was_found_stands_there_in_numbers(manager):
    first = opened(manager)[1]["source"]
    assert "boxes by 0.432 [0.410, 0.456] n=9 (phantom) (mean IoU)" in first
    assert "one fixed mask for all films by (not measured yet)" in first
    assert "known findings: not testable here." in first
    assert not re.search(r"\{(result|verdict|claim|ref|doc)\}`", first)


def test_a_save_keeps_the_roles_and_what_somebody_wrote(manager):
    file = Path(manager.root_dir) / NAME
    before = json.loads(file.read_text())
    model, _ = opened(manager)
    asyncio.run(manager.save({"type": "notebook", "content": model["content"]}, NAME))
    assert json.loads(file.read_text()) == before
    model, first = opened(manager)
    first["source"] += "\n\nMine."
    asyncio.run(manager.save({"type": "notebook", "content": model["content"]}, NAME))
    after = json.loads(file.read_text())
    assert "".join(after["cells"][0]["source"]) == first["source"]
    assert after["cells"][1:] == before["cells"][1:]


def test_a_claim_is_what_the_paper_prints_and_a_place_its_words():
    text = "{claim}`t1-vindr-chexnomaly-mean_iou`, {ref}`each says why <sentences>`"
    assert in_words(text, ROOT) == "0.7487, each says why"
    assert in_words("{doc}`run-it` and `{x}`, {cite:p}`a`", ROOT) == (
        "run it and `{x}`, {cite:p}`a`"
    )


def test_make_lab_opens_the_notebooks_so():
    done = subprocess.run(
        ["make", "-n", "lab"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    named = re.search(r"contents_manager_class=(\S+)\.(\w+)", done.stdout)
    assert named.groups() == (PlainNotebooks.__module__, PlainNotebooks.__name__)
