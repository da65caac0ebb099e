"""Directional claims: "surpasses", "lower", "comparable", tested on measured values.

A test is a Python expression (see `arithmetic` for its form):

    measured: a < b              a is below b
    measured: a > b              a is above b
    measured: low <= a / b <= high    the ratio lies in between; high may be left out
    measured: test and test      every test holds

a and b are numbers, or `system@set`, which takes the row's metric, or
`system@set['key']`; the key `other/key` is the paired difference to another. A `*` at
the end of b's system, which is then written as text, stands for every other system of
that form in the ledger, arms left out, and a `*` in its key for the same. Limits in
such tests are our reading where the paper names none.

`outcomes` decides them, `rules` says when that may be called a verdict.
"""

import ast
import math
from collections.abc import Callable, Set
from typing import NamedTuple

from chexnomaly.claims.arithmetic import RELATIONS, parse, refused
from chexnomaly.claims.lookup import Ref, results_key


class Comparison(NamedTuple):
    """One comparison of two sides.

    Attributes:
        relation: "below", "above" or "ratio".
        a: Left side.
        b: Right side.
        low: Lower limit of a ratio; unused otherwise.
        high: Upper limit of a ratio; unused otherwise.
    """

    relation: str
    a: Ref | float
    b: Ref | float
    low: float = -math.inf
    high: float = math.inf

    @property
    def refs(self) -> list[Ref]:
        """The measured sides."""
        return [side for side in (self.a, self.b) if isinstance(side, Ref)]

    def change(self, new: Callable[[Ref], Ref]) -> "Comparison":
        """Put other references where there are some."""
        a, b = (new(s) if isinstance(s, Ref) else s for s in (self.a, self.b))
        return self._replace(a=a, b=b)


def read_tests(needs: str) -> list[Comparison]:
    """Read the tests of a directional claim as they are written.

    Args:
        needs: The row's `needs`.

    Returns:
        The tests. A reference has the key "" where it takes the row's metric.

    Raises:
        ClaimError: The text is not of the form above.
    """
    return [_read_test(term) for term in parse(needs)]


def _read_test(term: ast.expr) -> Comparison:
    match term:
        case ast.Compare(a, [ast.Lt() | ast.Gt() as op], [b]):
            return Comparison(RELATIONS[type(op)][1], _side(a), _side(b))
        case ast.Compare(
            ast.Constant(int() | float()) as low,
            [ast.LtE()] | [ast.LtE(), ast.LtE()],
            [ast.BinOp(a, ast.Div(), b), *high],
        ):
            limits = [_side(limit) for limit in (low, *high)]
            return Comparison("ratio", _side(a), _side(b), *limits)
    raise refused(term, "a < b, a > b or low <= a / b <= high")


def _side(node: ast.expr) -> Ref | float:
    match node:
        case ast.Constant(int() | float() as number):
            return float(number)
        case ast.BinOp(ast.Name(system) | ast.Constant(str(system)), ast.MatMult(), at):
            match at:
                case ast.Name(dataset):
                    return Ref(system, dataset, "")
                case ast.Subscript(ast.Name(dataset), ast.Constant(str(key))):
                    return Ref(system, dataset, key)
    raise refused(node, "a number, system@set or system@set['key']")


def expand(needs: str, metric: str, systems: Set[str]) -> list[Comparison]:
    """Read the tests of a directional claim, ready to be looked up.

    Args:
        needs: The row's `needs`.
        metric: The row's metric, printed name or results key.
        systems: System keys that a `*` may stand for.

    Returns:
        The tests, one for each system that a `*` stands for.

    Raises:
        ClaimError: The text is not of the form above.
    """
    return [
        test._replace(b=b).change(
            lambda ref: ref._replace(key=results_key(ref.key or metric))
        )
        for test in read_tests(needs)
        for b in _family(test, systems)
    ]


def _family(test: Comparison, systems: Set[str]) -> list[Ref | float]:
    """Give b, or what stands for it: every such system but a's own, and no arm."""
    if not isinstance(test.b, Ref) or "*" not in test.b.system:
        return [test.b]
    stem, at = test.b.system.removesuffix("*"), {ref.system for ref in test.refs}
    plain = (s for s in sorted(systems - at) if "__" not in s and s.startswith(stem))
    names = [system.removeprefix(stem) for system in plain]
    b = test.b
    return [b._replace(system=stem + n, key=b.key.replace("*", n)) for n in names]
