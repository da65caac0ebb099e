"""The findings by name: one key each, used in files, tables and code.

The names stand in `labels.toml`, those that each collection's tables write among them.
"""

import re
import tomllib
from pathlib import Path

_TABLE = tomllib.loads(Path(__file__).with_name("labels.toml").read_text("utf-8"))

KEY = re.compile(
    r"(?<![\w./-])(chexnomaly|f1|iou|mae|rsna|vindr|[a-z]\w*_+\w+)(?![\w(=]|\.\w)"
)
"""A key of systems, sets or values in a text; no call and no name of a file."""

VINDR_NAMES: dict[str, str] = _TABLE["vindr"]
"""Finding key to the name VinDr-CXR's tables write, in the order of Table II."""

FINDINGS = tuple(VINDR_NAMES)
"""The fourteen finding keys, in the order of Table II."""

NAMED_IN_FIGURE_14 = tuple(_TABLE["named_in_figure_14"])
"""Findings that its caption names."""

UNSEEN = ("pneumonia", "covid", "rib_fracture")
"""Findings that no training table holds: the paper's "other" diseases."""

COVID_WORDS: dict[str, dict] = _TABLE["covid"]
"""What the tables of covid-chestxray say beside findings."""

NO_FINDING = "no_finding"
"""Key of a reader's statement that an image shows nothing."""

DISPLAY_NAMES = VINDR_NAMES | _TABLE["others"]
"""Finding key to the name shown in figures and tables."""


def spoken(text: object) -> str:
    """Say the keys in a text in words: `supermodel__plain_focal`, `nih_boxes_pa`."""
    known = _TABLE["keys"]

    def say(key: re.Match) -> str:
        parts = key[0].split("__")
        each = (" ".join(known.get(w, w) for w in part.split("_")) for part in parts)
        return ", ".join(map(known.get, parts, each))

    return KEY.sub(say, str(text))


FINDING_OF_NAME: dict[str, dict[str, str]] = _TABLE["names"]
"""Collection to what its tables write for a finding to our key."""

SYNONYMS = {name: tuple(keys) for name, keys in _TABLE["synonyms"].items()}
"""Findings that readers use for one another; whoever holds one out holds out all."""
