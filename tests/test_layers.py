"""Modules import downwards only, and models, losses, datasets never each other."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "chexnomaly"

# The lowest first: a module imports from rows above its own here, never from its own
# row. One that is not named takes the row of the package it lies in.
LAYERS: list[set[str]] = [
    # 0: what needs nothing
    {"errors", "labels", "evidence", "imports"},
    {"components"},
    {"filling"},
    {"arithmetic", "augmentation", "boxes", "codestream", "dicom_bounds"},
    {"dicom_scaling", "models.blocks", "results", "workspace"},
    {"dicom", "intervals", "measured"},
    {"decisions", "directions"},
    {"ledger"},
    {"claims", "fingerprints"},
    {"verification"},
    # 1: one concept each
    {"losses", "metrics", "models.unet", "models.attention_unet"},
    # 2: sources, and what is built from the U-Net; the phantom writes into a store
    {"datasets", "models"},
    {"baselines", "categories", "covers", "phantom"},
    # 3: what brings them together
    {"checkpoints"},
    {"audit", "training", "evaluation", "figures"},
    {"four_cases", "many_comparisons", "measuring", "pair_metrics", "tables"},
    # 4: each system's recipe
    {"systems"},
    {"pretrained"},
    # 5: what goes beyond the paper
    {"studies"},
]
# These receive each other as arguments; only `systems` joins them.
APART = ("models", "losses", "datasets", "training")


def modules() -> list[str]:
    files = sorted(PACKAGE.rglob("*.py"))
    names = [".".join(f.relative_to(PACKAGE).with_suffix("").parts) for f in files]
    return [n.removesuffix(".__init__") for n in names if n != "__init__"]


def imports(module: str) -> Iterator[str]:
    path = PACKAGE.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    known = set(modules())
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: write imports in full"
            base = node.module or ""
            names = [f"{base}.{alias.name}" for alias in node.names]
            names = [
                n if n.removeprefix("chexnomaly.") in known else base for n in names
            ]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        own = (n.removeprefix("chexnomaly.") for n in names if "chexnomaly." in n)
        yield from (name for name in own if name in known)


def named(module: str) -> str:
    """Give the name under which a module stands in `LAYERS`."""
    parts = module.split(".")
    names = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    listed = [n for n in names if any(n in layer for layer in LAYERS)]
    assert listed, f"{module} has no layer: give it one in {Path(__file__).name}"
    return listed[0]


def layer(module: str) -> int:
    return next(i for i, names in enumerate(LAYERS) if named(module) in names)


def complaint(module: str, other: str) -> str | None:
    """Say what is wrong with one import; None where nothing is."""
    family, other_family = module.split(".")[0], other.split(".")[0]
    if {family, other_family} <= set(APART) and family != other_family:
        return f"{module} imports {other}: only systems joins them"
    if layer(other) > layer(module):
        return f"{module} imports {other}, which lies above it"
    if layer(other) == layer(module) and family != other_family:
        return f"{module} imports {other}, which lies beside it"
    return None


@pytest.mark.parametrize("module", modules())
def test_a_module_imports_downwards_only(module):
    complaints = [complaint(module, other) for other in imports(module)]
    assert not [c for c in complaints if c]


@pytest.mark.parametrize(
    ("module", "other"),
    [
        ("boxes", "metrics"),
        ("losses", "metrics"),
        ("losses", "training"),
        ("models.unet", "losses"),
        ("datasets", "losses"),
        ("training", "models.unet"),
        ("models.blocks", "models.unet"),
        ("metrics", "systems"),
        ("boxes", "codestream"),
    ],
)
def test_an_upward_or_sideways_import_is_told(module, other):
    assert complaint(module, other)


@pytest.mark.parametrize(
    ("module", "other"),
    [
        ("losses", "boxes"),
        ("models.unet", "models.blocks"),
        ("systems", "losses"),
        ("evaluation", "metrics"),
        ("boxes", "errors"),
    ],
)
def test_a_downward_import_is_fine(module, other):
    assert complaint(module, other) is None


def test_the_package_itself_holds_a_docstring_and_a_version_only():
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    kinds = [type(node) for node in tree.body]
    assert kinds == [ast.Expr, ast.Assign]


def test_there_is_no_module_for_the_rest():
    assert not [
        m for m in modules() if m.split(".")[-1] in ("utils", "helpers", "common")
    ]
