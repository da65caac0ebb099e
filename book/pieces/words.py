"""How the book writes numbers, intervals and levels."""

import math
import re
import tomllib
from collections.abc import Mapping
from numbers import Integral
from pathlib import Path

from docutils.utils.smartquotes import smartyPants

MEANINGS = tomllib.loads(Path(__file__).with_name("levels.toml").read_text("utf-8"))
"""Evidence level to what it means, the strongest first."""

NOTHING = "\N{EN DASH}"


def is_missing(value: object) -> bool:
    """Say whether a cell holds nothing: None, NaN or pandas' NA."""
    return value is None or value != value or str(value) in ("<NA>", "nan", "")


def number(value: object, spec: str = "") -> str:
    """Write a number: counts with thin groups, shares with three significant digits.

    Args:
        value: A number, text (left as it is) or nothing.
        spec: A format specification that replaces the rule.

    Returns:
        The text; a dash for nothing, a sign for what has no end.
    """
    if is_missing(value):
        return NOTHING
    if isinstance(value, str):
        return value
    if math.isinf(value):
        return "\N{INFINITY}" if value > 0 else "-\N{INFINITY}"
    if spec:
        return format(value, spec)
    if isinstance(value, Integral) or (abs(value) >= 100 and float(value).is_integer()):
        return f"{value:,.0f}"
    if value == 0:
        return "0"
    decimals = max(0, min(6, 2 - math.floor(math.log10(abs(value)))))
    return f"{value:,.{decimals}f}"


def interval(low: object, high: object, spec: str = "") -> str:
    """Write an interval in brackets; nothing where there is none."""
    if is_missing(low) or is_missing(high):
        return ""
    return f"[{number(low, spec)}, {number(high, spec)}]"


def measured(claim: Mapping) -> tuple[str, str]:
    """Write what was measured or computed of a claim, and its interval.

    Args:
        claim: A row of `chexnomaly.claims.compare`.

    Returns:
        The value, and the interval; "" for what was computed without chance.
    """
    value, bounds = claim["measured"], interval(claim["low"], claim["high"])
    if claim["low"] == claim["high"]:
        bounds = ""
    if not bounds and not is_missing(value) and float(value).is_integer():
        value = int(value)  # a count
    return number(value), bounds


def typeset(text: object) -> str:
    """Curl quotes and join dashes, as Sphinx does in prose."""
    return smartyPants(str(text), "qDe")


def slug(text: str) -> str:
    """Write a text as a class or an anchor: small letters, digits, hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
