"""What every notebook must be, before any is run."""

import ast
import json
import re
from pathlib import Path
from statistics import median

import papermill
import pytest
import yaml

from book.pipeline.notebooks import code_of, read_notebooks
from book.pipeline.profiles import (
    check_names,
    check_section,
    parameters_cell,
    training_options,
)
from chexnomaly.profiles import load_profile

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PROFILES = sorted((ROOT / "notebooks" / "profiles").glob("*.yml"))
TABLE = read_notebooks(ROOT / "Snakefile")
MOST_LINES = 2560
"""Lines of code cells in all notebooks together."""

MOST_PARAMETERS = 8
"""Lines of a parameters cell: the profile, and what a reader may want to change."""

FOUND_IN_A_PIECE = {"18_speed_and_scale": "rendered/speed.html"}
"""Notebooks whose finding is no results file's, to the piece that computes it."""

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)


def cells(path: Path, kind: str) -> list[dict]:
    notebook = json.loads(path.read_text())
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def test_the_pipeline_and_the_folder_hold_the_same_notebooks():
    assert sorted(TABLE) == [path.stem for path in NOTEBOOKS]


def test_the_book_lists_every_notebook():
    contents = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
    files = re.findall(r"notebooks/(\w+)", json.dumps(contents))
    assert sorted(files) == sorted(TABLE)


def test_numbers_are_unique_and_follow_what_needs_what():
    numbers = {name: int(name[:2]) for name in TABLE}
    assert len({*numbers.values()}) == len(TABLE)
    for name, entry in TABLE.items():
        assert all(numbers[need] < numbers[name] for need in entry.get("needs", []))


def test_the_code_of_all_notebooks_is_short():
    codes = [c["source"] for path in NOTEBOOKS for c in cells(path, "code")]
    lengths = [len("".join(source).splitlines()) for source in codes]
    assert sum(lengths) <= MOST_LINES
    assert median(lengths) <= 8


@each_notebook
def test_shows_the_library_and_installs_nothing(path):
    code = "".join("".join(c["source"]) for c in cells(path, "code"))
    assert not re.search(r"getsource|find_spec|pip install|git clone", code)


@each_notebook
def test_has_one_parameters_cell(path):
    tagged = [
        cell
        for cell in cells(path, "code")
        if "parameters" in cell["metadata"].get("tags", [])
    ]
    assert len(tagged) == 1
    tree = ast.parse("".join(tagged[0]["source"]))
    assert tree.body[-1].target.id == "profile"
    assert len(tree.body) <= MOST_PARAMETERS
    for node in tree.body:
        assert isinstance(node, ast.AnnAssign), "one `name: type = literal` per line"
        ast.literal_eval(node.value)


@each_notebook
def test_the_first_screen_in_jupyterlab_is_the_question_and_three_parameters(path):
    notebook = json.loads(path.read_text())["cells"]
    at = next(
        k
        for k, cell in enumerate(notebook)
        if "parameters" in cell["metadata"].get("tags", [])
    )
    first, *above = notebook[at::-1]
    assert not first["metadata"].get("jupyter", {}).get("source_hidden")
    for cell in above:
        folded = cell["metadata"].get("jupyter", {}).get("source_hidden")
        assert cell["cell_type"] == "markdown" or folded
    assert [cell["cell_type"] for cell in above].count("markdown") == 1
    question, *screen = "".join(first["source"]).partition("\n\n")[0].splitlines()
    assert re.fullmatch(r"# [A-Z].*\?", question)
    assert len(screen) <= 3
    assert all(re.match(r"\w+: \w+ = .+  # .+", line) for line in screen)


@each_notebook
def test_takes_a_profile(path):
    assert "profile" in papermill.inspect_notebook(str(path))


@each_notebook
def test_names_its_kernel(path):
    assert json.loads(path.read_text())["metadata"]["kernelspec"]["name"] == "python3"


@each_notebook
def test_holds_no_outputs(path):
    for cell in cells(path, "code"):
        assert not cell["outputs"]
        assert cell["execution_count"] is None


@each_notebook
def test_defines_no_function_or_class(path):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    assert not [n for n in ast.walk(ast.parse(code_of(path))) if isinstance(n, kinds)]


@each_notebook
def test_nothing_is_trained_in_a_hidden_cell(path):
    hiding = {"hide-cell", "hide-input", "remove-cell", "remove-input"}
    for cell in cells(path, "code"):
        if hiding & set(cell["metadata"].get("tags", [])):
            shown = re.sub(
                r"^(\s*)[!%].*", r"\1pass", "".join(cell["source"]), flags=re.M
            )
            called = {
                node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
                for node in ast.walk(ast.parse(shown))
                if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute | ast.Name)
            }
            trains = {n for n in called if n.startswith("train") or n == "fit"}
            assert not trains, trains


@each_notebook
def test_says_at_its_top_how_long_it_takes(path):
    top = "".join(cells(path, "markdown")[0]["source"])
    assert re.search(r"\b(seconds?|minutes?|hours?)\b", top)


@each_notebook
def test_opens_with_a_label_and_its_only_title(path):
    texts = ["".join(cell["source"]) for cell in cells(path, "markdown")]
    assert re.match(r"\([\w-]+\)=\n# \S", texts[0])
    outside_fences = re.sub(
        r"^(`{3,}|~{3,}).*?^\1", "", "\n".join(texts), flags=re.M | re.S
    )
    assert len(re.findall(r"^# ", outside_fences, re.M)) == 1


@each_notebook
def test_figures_have_a_name_a_caption_and_an_alternative_text(path):
    for cell in cells(path, "code"):
        if "figure" not in cell["metadata"].get("tags", []):
            continue
        mystnb = cell["metadata"]["mystnb"]
        assert mystnb["figure"]["name"]
        assert mystnb["figure"]["caption"]
        assert mystnb["image"]["alt"]


@pytest.mark.parametrize("path", PROFILES, ids=lambda p: p.stem)
def test_a_profile_names_only_what_notebooks_know(path):
    profile = load_profile(path)
    also = [name for entry in TABLE.values() for name in entry.get("sections", [])]
    check_names(profile, [*TABLE, *also])
    base = load_profile(ROOT / "notebooks/profiles/demo.yml")
    for notebook in NOTEBOOKS:
        known = {**training_options(), **base.section(notebook.stem)}
        check_section(profile, notebook.stem, parameters_cell(notebook), known)


@each_notebook
def test_papermill_finds_the_same_parameters(path):
    assert set(papermill.inspect_notebook(str(path))) == set(parameters_cell(path))


TYPED = r"(?<![\d.\w])[01]?\.\d{3,}|\d\.\d+ ?%"


@each_notebook
def test_no_measured_number_is_typed_into_a_cell(path):
    """Tables and figures take their numbers from results files; parameters are ours."""
    for cell in cells(path, "code"):
        if "parameters" not in cell["metadata"].get("tags", []):
            assert re.findall(TYPED, "".join(cell["source"])) == []


PROSE = [*NOTEBOOKS, *sorted((ROOT / "book").glob("[!p]*.md")), ROOT / "book/paper.md"]
"""All pages but the plan, which tells of trials that came before any result."""


@pytest.mark.parametrize("path", PROSE, ids=lambda p: p.stem)
def test_no_measured_number_is_typed_into_prose(path):
    """Numbers of three decimals or more come through roles and code, never by hand."""
    if path.suffix == ".ipynb":
        text = "\n".join("".join(cell["source"]) for cell in cells(path, "markdown"))
    else:
        text = path.read_text()
    text = re.sub(r"^(`{3,}|~{3,}).*?^\1", "", text, flags=re.M | re.S)  # fences
    text = re.sub(r"\{\w+\}`[^`]*`|`[^`]*`", "", text)  # roles and code
    assert re.findall(TYPED, text) == []


@each_notebook
def test_the_demo_is_what_a_notebook_does_by_itself(path):
    """A notebook opened alone and the default build must be the same run."""
    demo = load_profile(ROOT / "notebooks/profiles/demo.yml").section(path.stem)
    cell = parameters_cell(path)
    assert {name: demo.get(name, value) for name, value in cell.items()} == cell


def test_at_most_25_lines_of_code_stand_before_the_first_figure():
    folded = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
    for path in NOTEBOOKS:
        lines = 0
        for cell in cells(path, "code"):
            tags = {*cell["metadata"].get("tags", [])}
            if "figure" in tags:
                break
            if not tags & folded:
                lines += len("".join(cell["source"]).splitlines())
        assert lines <= 25, path.name


@each_notebook
def test_what_a_page_found_comes_first_and_is_looked_up(path):
    rest = "".join(cells(path, "markdown")[0]["source"]).partition("\n# ")[2]
    opening = rest.split("\n\n")[1]
    if piece := FOUND_IN_A_PIECE.get(path.stem):
        assert piece in opening
        return
    assert opening.startswith("**Found:**")
    typed = re.sub(r"\{\w+\}`[^`]*`", "", opening)
    assert re.search(r"\{(result|verdict)\}`", opening)
    assert not re.search(r"\d[.,]\d|\d %", typed), typed
