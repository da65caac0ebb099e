"""How the book writes numbers, intervals and levels."""

import math
import re
from collections.abc import Mapping
from numbers import Integral

from docutils.utils.smartquotes import smartyPants

from chexnomaly.evidence import LEVELS

MEANINGS = dict(
    zip(
        LEVELS,
        (
            "trained and scored on the radiographs of the paper's own collections",
            "trained and scored on real radiographs of another collection; a direction "
            "at most",
            "from real annotation tables, without pixels",
            "trained on synthetic radiographs, scored on real ones; no verdict",
            "synthetic radiographs throughout; a direction at most, never the value",
            "a number from elsewhere, not verified",
        ),
        strict=True,
    )
)
NOTHING = "\N{EN DASH}"
NAMES = {
    **{letter: letter.upper() for letter in "abcde"},
    **{"chexnomaly": "CheX-Nomaly", "cnn": "CNN", "unet": "U-Net", "vindr": "VinDr"},
    **{name: name.upper() for name in ("mae", "ap", "auc", "f1", "nih", "pa", "rsna")},
    **{"iou": "IoU", "covid": "COVID", "ild": "ILD", "other_200": "Other (200)"},
}
"""What stands for a word of a key, or for a whole one, where it is not the same."""
KEY = re.compile(
    r"(?<![\w./-])(?:chexnomaly|[a-z]\w*_+[a-z0-9]+)(?![\w(=]|\.\w)", re.ASCII
)
"""A key of systems, sets or values in a text; no call and no name of a file."""


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


def spoken(text: object) -> str:
    """Say the keys in a text in words: `supermodel__plain_focal`, `nih_boxes_pa`."""

    def say(key: re.Match) -> str:
        parts = key[0].split("__")
        each = (" ".join(NAMES.get(w, w) for w in part.split("_")) for part in parts)
        return ", ".join(map(NAMES.get, parts, each))

    return KEY.sub(say, NAMES.get(text, str(text)))


def typeset(text: object) -> str:
    """Curl quotes and join dashes, as Sphinx does in prose."""
    return smartyPants(str(text), "qDe")


def slug(text: str) -> str:
    """Write a text as a class or an anchor: small letters, digits, hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
