"""One word for one thing: no two modules define one public name differently."""

import ast
import collections
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "chexnomaly"
GLOSSARY = PACKAGE.parent / "book" / "evidence.md"

# Each source of films says these of itself, under one name and in one sense.
PROTOCOL = {"IMAGE_FOLDER", "READER", "SIDE_PX", "locate_images", "scan_folder"}
SETTLED = (
    *("film", "image", "finding", "reader", "system", "arm", "reading", "study"),
    *("entry", "level", "verdict", "stamp", "opinion", "recipe", "run", "score"),
)


def public_names(code: str) -> Iterator[str]:
    """Name the classes, types and constants that a module defines for others."""
    for node in ast.parse(code).body:
        if isinstance(node, ast.ClassDef):
            found = [node.name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = getattr(node, "targets", [getattr(node, "target", None)])
            found = [t.id for t in targets if isinstance(t, ast.Name)]
        else:
            continue
        yield from (name for name in found if not name.startswith("_"))


def clashes(modules: dict[str, str]) -> dict[str, list[str]]:
    """Find names that several modules define; module to its code."""
    homes = collections.defaultdict(list)
    for module, code in modules.items():
        for name in set(public_names(code)):
            homes[name].append(module)
    return {name: found for name, found in homes.items() if len(found) > 1}


def test_no_two_modules_define_one_name():
    files = {str(f.relative_to(PACKAGE)): f.read_text() for f in PACKAGE.rglob("*.py")}
    found = clashes(files)
    for name in PROTOCOL & set(found):
        assert all(home.startswith("datasets/sources/") for home in found.pop(name))
    assert not found


def test_a_second_meaning_is_told():
    modules = {"a.py": "class Entry: ...", "b.py": "Entry = dict", "c.py": "_x = Z = 1"}
    assert clashes(modules) == {"Entry": ["a.py", "b.py"]}
    assert set(public_names(modules["c.py"])) == {"Z"}


def test_the_glossary_settles_the_words_of_the_code():
    terms = re.findall(r"^([A-Z][\w ,]+)$", GLOSSARY.read_text(), flags=re.M)
    words = {word.strip().lower() for term in terms for word in term.split(",")}
    assert not set(SETTLED) - words
