"""Imports run downwards only; the layers follow from the folders themselves."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from chexnomaly.imports import files_of, imported_names

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "chexnomaly"
MOST_LAYERS = 7
MOST_SIDE_BY_SIDE = 24
# These receive each other as arguments; only `systems` joins them.
APART = ("models", "losses", "datasets", "training")

Graph = dict[str, set[str]]


def module_of(file: Path) -> str:
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts).removesuffix("__init__").rstrip(".")


def imports(module: Path) -> Iterator[str]:
    """Name the modules of ours that one imports, type checkers' imports included."""
    names = set(imported_names(module.read_text(encoding="utf-8")))
    found = {name: list(files_of(name, ROOT))[-1] for name in names}
    for name, file in found.items():
        # Of `from a import b` that module b alone, not the face of a.
        deeper = {f for n, f in found.items() if n.rpartition(".")[0] == name}
        if file != module and (file in deeper or not deeper):
            yield module_of(file)


@cache
def graph() -> Graph:
    """Module to the modules that it imports; a package's face counts as a module."""
    files = [f for f in PACKAGE.rglob("*.py") if module_of(f)]
    return {module_of(f): set(imports(f)) - {""} for f in files}


def rooms(modules: Graph, depth: int) -> Graph:
    """Join modules into the folders of one depth and drop what stays inside."""
    joined: Graph = {}
    for module, others in modules.items():
        room = ".".join(module.split(".")[:depth])
        near = {".".join(other.split(".")[:depth]) for other in others}
        joined.setdefault(room, set()).update(near - {room})
    return joined


def layers(house: Graph) -> list[list[str]]:
    """Sort rooms by floors; a circle raises `graphlib.CycleError`."""
    sorter, floors = TopologicalSorter(house), []
    sorter.prepare()
    while sorter.is_active():
        floors.append(sorted(sorter.get_ready()))
        sorter.done(*floors[-1])
    return floors


def test_the_rooms_of_the_house_stand_in_at_most_seven_layers():
    floors = layers(rooms(graph(), 1))
    assert len(floors) <= MOST_LAYERS, floors


@pytest.mark.parametrize("depth", [2, 3])
def test_no_folder_imports_back_and_forth(depth):
    layers(rooms(graph(), depth))


def test_models_losses_datasets_and_training_never_import_each_other():
    house = rooms(graph(), 1)
    assert {a: house[a] & set(APART) for a in APART} == {a: set() for a in APART}


def test_a_circle_and_an_upward_import_are_told():
    with pytest.raises(ValueError, match="cycle"):
        layers({"boxes": {"metrics"}, "metrics": {"boxes"}})
    house = rooms({"models.unet": {"losses"}, "losses": {"boxes"}}, 1)
    assert house["models"] & set(APART) == {"losses"}
    assert layers({"c": {"b"}, "b": {"a"}}) == [["a"], ["b"], ["c"]]


def test_at_most_two_dozen_modules_stand_side_by_side():
    for folder in [PACKAGE, *(f for f in PACKAGE.rglob("*") if f.is_dir())]:
        doors = [
            f
            for f in folder.iterdir()
            if (f.suffix == ".py" and f.stem != "__init__")
            or (f / "__init__.py").exists()
        ]
        assert len(doors) <= MOST_SIDE_BY_SIDE, folder


def test_imports_are_written_in_full():
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.ImportFrom) and node.level), file


def test_the_package_itself_holds_a_docstring_and_a_version_only():
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    kinds = [type(node) for node in tree.body]
    assert kinds == [ast.Expr, ast.Assign]


def test_there_is_no_module_for_the_rest():
    names = {module.split(".")[-1] for module in graph()}
    assert not names & {"utils", "helpers", "common", "misc"}
