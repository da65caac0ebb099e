"""Which library files a notebook depends on."""

import json

import pytest

from book.pipeline.notebooks import code_of, modules_used
from chexnomaly.imports import imported_names


def write_notebook(path, *code):
    cells = [
        {"cell_type": "code", "source": source, "metadata": {}, "outputs": []}
        for source in code
    ]
    path.write_text(json.dumps({"cells": cells, "metadata": {}}))
    return path


@pytest.fixture
def library(tmp_path):
    package = tmp_path / "chexnomaly"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "models" / "__init__.py").write_text("")
    (package / "boxes.py").write_text("import numpy as np\n")
    (package / "losses.py").write_text("from chexnomaly.boxes import fill\n")
    (package / "ledger.py").write_text('LEDGER = "claims.csv"\nNONE = "none.csv"\n')
    (package / "claims.csv").write_text("id\n")
    (package / "cohort.py").write_text('NUMBERS = "cohort.toml"\n')
    (package / "cohort.toml").write_text("")
    (package / "models" / "blocks.py").write_text("")
    (package / "models" / "unet.py").write_text(
        "from chexnomaly.models.blocks import Up\n"
    )
    (package / "systems.py").write_text("from chexnomaly.models import unet\n")
    return tmp_path


def names(files, root):
    return [str(file.relative_to(root / "chexnomaly")) for file in files]


def test_follows_imports_through_the_library(library):
    notebook = write_notebook(library / "a.ipynb", "from chexnomaly import losses")
    used = names(modules_used(notebook, library), library)
    assert used == ["__init__.py", "boxes.py", "losses.py"]


def test_a_package_comes_with_the_parents_of_its_modules(library):
    notebook = write_notebook(library / "a.ipynb", "import chexnomaly.systems as s")
    used = names(modules_used(notebook, library), library)
    assert used == [
        "__init__.py",
        "models/__init__.py",
        "models/blocks.py",
        "models/unet.py",
        "systems.py",
    ]


def test_a_table_comes_with_the_module_that_names_it(library):
    notebook = write_notebook(library / "a.ipynb", "from chexnomaly import ledger")
    used = names(modules_used(notebook, library), library)
    assert used == ["__init__.py", "claims.csv", "ledger.py"]
    notebook = write_notebook(library / "a.ipynb", "from chexnomaly import cohort")
    used = names(modules_used(notebook, library), library)
    assert used == ["__init__.py", "cohort.py", "cohort.toml"]


def test_a_notebook_without_the_library_uses_none_of_it(library):
    notebook = write_notebook(library / "a.ipynb", "import json")
    assert modules_used(notebook, library) == []


def test_magic_and_shell_lines_are_no_python(tmp_path):
    notebook = write_notebook(
        tmp_path / "a.ipynb", "%matplotlib inline\n!ls\nx = 5 % 2"
    )
    assert code_of(notebook) == "x = 5 % 2"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import chexnomaly.boxes", ["chexnomaly.boxes"]),
        ("from chexnomaly import a", ["chexnomaly", "chexnomaly.a"]),
        ("import chexnomaly_two", []),
    ],
)
def test_names_what_may_be_imported(code, expected):
    assert list(imported_names(code)) == expected
