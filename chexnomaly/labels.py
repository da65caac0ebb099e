"""The findings by name: one key each, used in files, tables and code.

The names stand in `labels.toml`, those that each collection's tables write among them.
"""

import tomllib
from pathlib import Path

_TABLE = tomllib.loads(Path(__file__).with_name("labels.toml").read_text("utf-8"))

VINDR_NAMES: dict[str, str] = _TABLE["vindr"]
"""Finding key to the name VinDr-CXR's tables write, in the order of Table II."""

FINDINGS = tuple(VINDR_NAMES)
"""The fourteen finding keys, in the order of Table II."""

NAMED_IN_FIGURE_14 = tuple(_TABLE["named_in_figure_14"])
"""Findings that its caption names."""

UNSEEN = ("pneumonia", "covid", "rib_fracture")
"""Findings that no training table holds: the paper's "other" diseases."""

NO_FINDING = "no_finding"
"""Key of a reader's statement that an image shows nothing."""

DISPLAY_NAMES = VINDR_NAMES | _TABLE["others"]
"""Finding key to the name shown in figures and tables."""

FINDING_OF_NAME: dict[str, dict[str, str]] = _TABLE["names"]
"""Collection to what its tables write for a finding to our key."""

SYNONYMS = {name: tuple(keys) for name, keys in _TABLE["synonyms"].items()}
"""Findings that readers use for one another; whoever holds one out holds out all."""

COVID_WORDS: dict[str, dict] = _TABLE["covid"]
"""What the tables of covid-chestxray say beside findings."""
