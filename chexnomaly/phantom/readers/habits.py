"""How radiologists read: what they see, miss, confuse and invent, and each one's style.

The numbers are tuned until the phantom's tables agree with what can be counted in
VinDr-CXR's training table: how many readers share a finding, how well their boxes
overlap, which names they give to the same place, how often a box stands alone.
"""

import numpy as np

from chexnomaly.phantom.portable import exp, random

READERS = tuple(f"R{number}" for number in range(1, 18))
"""Reader ids."""

BUSY = {"R8": 0.27, "R9": 0.36, "R10": 0.29}
"""Readers who see most of the abnormal images, with their share."""

OBVIOUS = {
    "aortic_enlargement": (0.62, 0.94, 0.40),
    "atelectasis": (0.45, 0.97, 0.40),
    "calcification": (0.36, 0.96, 0.25),
    "cardiomegaly": (0.60, 0.94, 0.42),
    "consolidation": (0.55, 0.97, 0.45),
    "ild": (0.36, 0.96, 0.20),
    "infiltration": (0.55, 0.97, 0.45),
    "lung_opacity": (0.40, 0.96, 0.30),
    "nodule_mass": (0.40, 0.96, 0.20),
    "other_lesion": (0.22, 0.91, 0.18),
    "pleural_effusion": (0.68, 0.97, 0.22),
    "pleural_thickening": (0.32, 0.91, 0.22),
    "pneumothorax": (0.68, 0.97, 0.25),
    "pulmonary_fibrosis": (0.50, 0.97, 0.25),
    "pneumonia": (0.75, 0.97, 0.6),
    "covid": (0.75, 0.97, 0.6),
    "rib_fracture": (0.6, 0.95, 0.6),
}
"""Finding to (share of obvious cases, chance that a reader sees an obvious case,
chance for a subtle one)."""

JITTER = {
    "aortic_enlargement": 0.07,
    "cardiomegaly": 0.055,
    "pneumothorax": 0.10,
    "nodule_mass": 0.10,
    "calcification": 0.12,
    "ild": 0.11,
    "pneumonia": 0.05,
    "covid": 0.06,
    "rib_fracture": 0.08,
}
"""Finding to the spread of a box side, as a share of the box; others 0.115."""

NEIGHBORS = {
    "atelectasis": {
        "lung_opacity": 0.25,
        "pulmonary_fibrosis": 0.22,
        "pleural_thickening": 0.08,
        "consolidation": 0.08,
    },
    "calcification": {
        "nodule_mass": 0.14,
        "pulmonary_fibrosis": 0.12,
        "other_lesion": 0.06,
    },
    "consolidation": {
        "lung_opacity": 0.34,
        "infiltration": 0.14,
        "nodule_mass": 0.1,
        "pulmonary_fibrosis": 0.08,
    },
    "ild": {"infiltration": 0.16, "pulmonary_fibrosis": 0.14, "lung_opacity": 0.05},
    "infiltration": {"pulmonary_fibrosis": 0.28, "lung_opacity": 0.2, "ild": 0.1},
    "lung_opacity": {
        "pulmonary_fibrosis": 0.12,
        "infiltration": 0.12,
        "consolidation": 0.09,
        "nodule_mass": 0.08,
    },
    "nodule_mass": {"lung_opacity": 0.1, "other_lesion": 0.06, "calcification": 0.05},
    "other_lesion": {"lung_opacity": 0.09, "nodule_mass": 0.07},
    "pleural_effusion": {"pleural_thickening": 0.22, "lung_opacity": 0.05},
    "pleural_thickening": {"pleural_effusion": 0.07, "pulmonary_fibrosis": 0.04},
    "pneumothorax": {"lung_opacity": 0.05, "other_lesion": 0.04},
    "pulmonary_fibrosis": {"infiltration": 0.08, "lung_opacity": 0.07},
}
"""Finding to the names it is mistaken for, with chances."""

FALSE_ALARMS = {
    "pleural_thickening": 0.24,
    "nodule_mass": 0.16,
    "other_lesion": 0.16,
    "lung_opacity": 0.14,
    "pulmonary_fibrosis": 0.12,
    "calcification": 0.08,
    "aortic_enlargement": 0.10,
}
"""Names given to what is not there, with shares."""


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
