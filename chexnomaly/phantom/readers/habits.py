"""How radiologists read: what they see, miss, confuse and invent, and each one's style.

The numbers are tuned until the phantom's tables agree with what can be counted in
VinDr-CXR's training table: how many readers share a finding, how well their boxes
overlap, which names they give to the same place, how often a box stands alone.
"""

import tomllib
from pathlib import Path

import numpy as np

from chexnomaly.phantom.portable import exp, random

READERS = tuple(f"R{number}" for number in range(1, 18))
"""Reader ids."""

BUSY = {"R8": 0.27, "R9": 0.36, "R10": 0.29}
"""Readers who see most of the abnormal images, with their share."""

_NUMBERS = tomllib.loads(Path(__file__).with_name("habits.toml").read_text("utf-8"))

OBVIOUS, JITTER = _NUMBERS["obvious"], _NUMBERS["jitter"]
"""Finding to (share of obvious cases, chance that a reader sees an obvious case,
chance for a subtle one); and to the spread of a box side, as a share of the box;
others 0.115."""

NEIGHBORS, FALSE_ALARMS = _NUMBERS["neighbors"], _NUMBERS["false_alarms"]
"""Finding to the names it is mistaken for, with chances; and names given to what is
not there, with shares."""


class Style:
    """Fixed habits of one reader.

    Args:
        number: The reader's place in `READERS`.

    Attributes:
        jitter: Factor on the spread of box sides.
        growth: Factor on box sizes.
        alertness: Factor on the odds of seeing a finding.
        false_rate: Mean number of false boxes per abnormal image.
        confusion: Factor on the chance of a neighboring name.
    """

    def __init__(self, number: int):
        """Draw the habits."""
        rng = random(1717, number)
        self.jitter = rng.uniform(0.75, 1.3)
        self.growth = exp(0.05 * rng.normal())
        self.alertness = exp(0.3 * rng.normal())
        self.false_rate = rng.uniform(0.03, 0.12)
        self.confusion = rng.uniform(0.7, 1.3)


STYLES = {reader: Style(number) for number, reader in enumerate(READERS)}
"""Habits by reader."""


def draw_conspicuity(finding: str, rng: np.random.Generator) -> float:
    """Draw how obvious a finding is: mostly clearly so, or clearly not."""
    share = OBVIOUS[finding][0]
    obvious, draw = rng.random() < share, rng.random()
    return float(0.55 + 0.45 * draw if obvious else 0.45 * draw)


def seen_chance(finding: str, conspicuity: float) -> float:
    """Chance that an average reader marks a lesion, 0 to 1."""
    _, high, low = OBVIOUS[finding]
    if conspicuity >= 0.5:
        return high + (1 - high) * (conspicuity - 0.5)
    return low * (0.6 + 1.6 * conspicuity)
