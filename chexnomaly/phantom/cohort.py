"""Which image carries which findings, decided per index alone.

Image i of a seed is the same whatever the size of the cohort or the order of work,
so shares are kept by dealing findings within small fixed blocks of indices, not by
looking at the whole cohort.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chexnomaly.labels import FINDINGS
from chexnomaly.phantom.portable import random

_NUMBERS = tomllib.loads(Path(__file__).with_name("cohort.toml").read_text("utf-8"))

BLOCK = 41
"""Images per block."""

POSITIVES = 12
"""Positive images per block: 29.3 %, VinDr-CXR's share."""

COUNTS = np.array([0.11, 0.325, 0.25, 0.16, 0.085, 0.045, 0.025])
"""Chance that a positive image truly has 1, 2, ... findings. Readers who disagree
add further names, so the printed count per image is higher."""

WEIGHTS, AFFINITY = (_NUMBERS[key] for key in ("weights", "affinity"))
"""Relative chance of each finding, and the factor on it where another one is there."""

KRONECKER = np.sqrt(np.array([2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0])) % 1
"""Irrational steps of the draws of successive positive images."""

DEALS = (1, 2, 2, 2, 3, 3, 3, 3, 3, 3, 4, 4, 4, 5)
"""Findings per positive image in an enriched cohort: 42 in 14 images, so that three
decks of the fourteen findings are dealt out completely."""


@dataclass(frozen=True)
class Plan:
    """What one image shall show.

    Attributes:
        findings: Finding keys, empty on a normal image.
        labeled: Whether the layout's annotations speak of these findings; the
            "not normal" images of RSNA show findings without a box.
    """

    findings: tuple[str, ...]
    labeled: bool = True

    @property
    def positive(self) -> bool:
        """Whether the image has annotated findings."""
        return bool(self.findings) and self.labeled


UNSEEN_OF = {"rsna": "pneumonia", "candid": "rib_fracture", "covid": "covid"}
"""Layouts of the unseen diseases to the finding their positives have."""

QUIET = (
    "cardiomegaly pleural_effusion nodule_mass atelectasis pulmonary_fibrosis "
    "pneumothorax other_lesion"
).split()
"""What RSNA's films show that are neither normal nor boxed."""

POSITIVE_SHARE = {"vindr": 12 / 41, "rsna": 0.2253, "candid": 0.0174, "covid": 0.6}
"""Natural share of positive images per layout."""


def family_of(layout: str) -> str:
    """Return whose films a layout holds; both layouts of VinDr-CXR hold the same.

    Raises:
        ValueError: The layout is unknown.
    """
    family = "vindr" if layout == "vindr_physionet" else layout
    if family not in POSITIVE_SHARE:
        raise ValueError(f"layout {layout!r}, expected one of {[*POSITIVE_SHARE]}")
    return family


def plan_image(
    seed: int,
    index: int,
    layout: str = "vindr",
    *,
    enriched: bool = False,
    positive_share: float | None = None,
) -> Plan:
    """Decide what image `index` of a cohort shows.

    Args:
        seed: Seed of the cohort.
        index: Number of the image, 0 or more.
        layout: "vindr", "vindr_physionet", "rsna", "candid" or "covid".
        enriched: Even out the findings among VinDr-like positives, and take 29.3 %
            positives in every layout.
        positive_share: Share of positives, in place of the layout's own.

    Returns:
        The plan; a function of the arguments alone.

    Raises:
        ValueError: An unknown layout, a negative seed or index, or a share outside
            [0, 1].
    """
    family = family_of(layout)
    if min(seed, index) < 0:
        raise ValueError(f"seed {seed}, image {index}, expected 0 or more")
    share = positive_share
    if share is None:
        share = POSITIVE_SHARE["vindr" if enriched else family]
    if not 0 <= share <= 1:
        raise ValueError(f"positive share {share}, expected 0 to 1")
    rank = _positive_rank(seed, index, share)
    if rank is None:
        return _negative(seed, index, family)
    if family != "vindr":
        return Plan((UNSEEN_OF[family],))
    return Plan(_dealt(seed, rank) if enriched else _natural(_even_draws(seed, rank)))


def _stream(seed: int, purpose: int, number: int) -> np.random.Generator:
    return random(seed, 90_000 + purpose, number)


def _positive_rank(seed: int, index: int, share: float) -> int | None:
    """Count the positives before this one; None for a negative image.

    Within each block the positives are spread at random, and their number is the
    share times the block, rounded so that no error builds up.
    """
    block, place = divmod(index, BLOCK)
    before = round(block * BLOCK * share)
    here = round((block + 1) * BLOCK * share) - before
    order = _stream(seed, 2, block).permutation(BLOCK)
    positives = np.sort(order[:here])
    hit = np.flatnonzero(positives == place)
    return before + int(hit[0]) if len(hit) else None


def _negative(seed: int, index: int, family: str) -> Plan:
    """A normal image; in RSNA more than half of the others are "not normal"."""
    if family == "vindr":
        return Plan(())
    rng = _stream(seed, 3, index)
    if family == "rsna" and rng.random() < 0.572:
        return Plan((str(rng.choice(QUIET)),), labeled=False)
    return Plan((), labeled=False)


def _even_draws(seed: int, rank: int) -> np.ndarray:
    """Uniform numbers of one positive image, spread evenly over all of them.

    A Kronecker sequence with a random start keeps the shares of rare findings much
    closer to their expectation than independent draws would.
    """
    start = _stream(seed, 1, 0).random(len(KRONECKER))
    return (start + rank * KRONECKER) % 1


def _natural(draws: np.ndarray) -> tuple[str, ...]:
    """Turn uniform numbers into findings with VinDr-CXR's shares and company."""
    count = 1 + int(np.searchsorted(np.cumsum(COUNTS)[:-1], draws[0], side="right"))
    weights = np.array([WEIGHTS[key] for key in FINDINGS])
    chosen: list[int] = []
    for draw in draws[1 : 1 + count]:
        pull = weights.copy()
        for taken in chosen:
            pull *= [_affinity(FINDINGS[taken], key) for key in FINDINGS]
            pull[taken] = 0
        edges = np.cumsum(pull) / pull.sum()
        chosen.append(int(np.searchsorted(edges[:-1], draw, side="right")))
    return tuple(FINDINGS[i] for i in sorted(chosen))


def _affinity(first: str, second: str) -> float:
    """Factor on the chance of two findings in one image."""
    backward = AFFINITY.get(second, {}).get(first, 1.0)
    return AFFINITY.get(first, {}).get(second, backward)


def _dealt(seed: int, rank: int) -> tuple[str, ...]:
    """Deal three decks of findings to fourteen positive images, without repeats."""
    round_, place = divmod(rank, len(DEALS))
    rng = _stream(seed, 4, round_)
    sizes = rng.permutation(DEALS)
    left = np.full(len(FINDINGS), 3)
    # large hands first, each from the findings with most cards left, so that the
    # decks come out even and no hand holds a finding twice
    hands: dict[int, np.ndarray] = {}
    for hand in np.argsort(-sizes, kind="stable"):
        take = np.argsort(-(left + 0.9 * rng.random(len(left))))[: sizes[hand]]
        left[take] -= 1
        hands[int(hand)] = take
    return tuple(FINDINGS[i] for i in sorted(hands[place]))
