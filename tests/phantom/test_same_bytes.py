"""Films, files, store and split are the same bytes on other processors.

A child process draws with parts of this processor switched off, as an older one would.
"""

import ast
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PHANTOM = ROOT / "chexnomaly" / "phantom"
NUMPY = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])

SWITCHES = {
    "numpy": {"NPY_DISABLE_CPU_FEATURES": " ".join(NUMPY)},
    "numpy but its first": {"NPY_DISABLE_CPU_FEATURES": " ".join(NUMPY[1:])},
    "opencv": {
        "OPENCV_CPU_DISABLE": "AVX512-SKX,AVX2,FP16,AVX,SSE4.2,SSE4.1",
        "OPENCV_IPP": "disabled",
    },
    "blas": {"OPENBLAS_CORETYPE": "Prescott"},
    "libc": {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4"},
}
"""What each library is told to do without."""


@cache
def draw(*switched: str) -> tuple[dict, dict]:
    """Draw in a child process; hashes of what was made, and of the libraries."""
    surroundings = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    for name in switched:
        surroundings |= SWITCHES[name]
    call = [sys.executable, str(Path(__file__).with_name("switched_off.py"))]
    return json.loads(subprocess.check_output(call, env=surroundings, cwd=ROOT))


@pytest.mark.parametrize("name", SWITCHES)
def test_without_newer_instructions_all_is_the_same_bytes(name):
    plain, libraries = draw()
    other, poorer = draw(name)
    library = name.split()[0]
    if libraries[library] == poorer[library]:
        pytest.skip(f"{library}: nothing to switch off on this processor")
    assert other == plain


def test_without_anything_newer_all_is_the_same_bytes():
    assert draw("numpy", "opencv", "blas", "libc")[0] == draw()[0]


EXACT = """abs add arange argmax argmin argsort array ascontiguousarray asarray bincount
bool broadcast_shapes c_ ceil clip column_stack concatenate copy cumsum diff dtype empty
flatnonzero float32 float64 floor full gradient int8 int64 interp intp linspace maximum
maximum.accumulate minimum multiply nan ndarray ones ones_like outer pad percentile pi
random.Generator random.PCG64 reshape rint searchsorted sign sort sqrt square stack
sum tile uint8 uint16 where zeros zeros_like int32 nonzero random.SeedSequence"""
"""What of NumPy may be called: it adds in one order, and rounds as IEEE 754 says."""


def names_in(tree: ast.AST) -> set[str]:
    """Name what is taken of NumPy, as in `random.default_rng`."""
    taken = {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    dotted = {name for name in taken if re.fullmatch(r"np(\.\w+)+", name)}
    inner = {name for name in dotted if any(o.startswith(f"{name}.") for o in dotted)}
    return {name[3:] for name in dotted - inner}


def inexact(code: str) -> set[str]:
    """Name what in a module may round in another way on another processor."""
    tree = ast.parse(code)
    nodes = list(ast.walk(tree))
    powers = [
        node
        for node in nodes
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Pow)
    ]
    found = {ast.unparse(n) for n in powers if not ast.unparse(n).startswith("2")}
    found |= {
        ast.unparse(node)
        for node in nodes
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)
    }
    dotted = {ast.unparse(n) for n in nodes if isinstance(n, ast.Attribute)}
    maths = {"math.sqrt", "math.pi"}
    found |= {name for name in dotted - maths if name.startswith("math.")}
    found |= {name for name in dotted if name.endswith((".gaussian_filter", ".dot"))}
    return found | (names_in(tree) - set(EXACT.split()))


@pytest.mark.parametrize(
    "code",
    ["np.exp(x)", "np.linalg.norm(x)", "x ** 2", "x **= 2", "a @ b", "math.sin(x)"]
    + ["np.random.default_rng(3)", "np.fft.rfft2(x)", "a.dot(b)", "np.hypot(x, y)"],
)
def test_what_rounds_differently_elsewhere_is_noticed(code):
    assert inexact(code)


@pytest.mark.parametrize("code", ["np.sqrt(x)", "2**bits", "2.0**24", "math.sqrt(2)"])
def test_what_rounds_alike_everywhere_is_let_through(code):
    assert not inexact(code)


@pytest.mark.parametrize(
    "place", sorted(str(f.relative_to(PHANTOM)) for f in PHANTOM.rglob("*.py"))
)
def test_the_phantom_calls_nothing_that_rounds_differently_elsewhere(place):
    found = inexact((PHANTOM / place).read_text(encoding="utf-8"))
    if place == "portable.py":
        assert found == {
            "(-1) ** n",
            "ldexp",
            "math.copysign",
            "math.factorial",
            "math.ldexp",
            "np.rint(matrix * 2.0 ** 24) @ values",
        }
    else:
        assert not found
