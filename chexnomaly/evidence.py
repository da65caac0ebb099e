"""Evidence levels and verdicts: what a number rests on, and what may be said of it.

Every number carries one level, set by the code that made it. The level is the
weakest of what a system was trained on and what it was scored on. Only numbers
from real data are ever compared with a printed value; numbers from phantoms give
a direction at most.
"""

IMAGES = "images"
"""Trained (if at all) and scored on real radiographs with real annotations."""

ANNOTATIONS = "annotations"
"""Real annotation tables, no pixels: counts, splits, baselines."""

PHANTOM_TO_REAL = "phantom-to-real"
"""Trained on phantoms, scored on real data: shown as a transfer test."""

PHANTOM = "phantom"
"""Synthetic radiographs throughout."""

QUOTED = "quoted"
"""A number from elsewhere, shown as quoted and unverified."""

LEVELS = (IMAGES, ANNOTATIONS, PHANTOM_TO_REAL, PHANTOM, QUOTED)
"""The five levels, strongest first."""

ORIGINS = (PHANTOM, IMAGES, ANNOTATIONS, QUOTED)
"""What a system can be trained or scored on; `quoted` by others, out of sight."""

REPRODUCED = "reproduced"
SAME_DIRECTION = "same direction"
DIFFERS = "differs"
HELD = "held in the phantom"
DID_NOT_HOLD = "did not hold in the phantom"
INCONSISTENT = "inconsistent in the paper"
NOT_TESTABLE = "not testable here"

VERDICTS = (
    REPRODUCED,
    SAME_DIRECTION,
    DIFFERS,
    HELD,
    DID_NOT_HOLD,
    INCONSISTENT,
    NOT_TESTABLE,
)
"""The seven verdicts, everywhere in this order."""


def evidence_level(trained_on: str | None, scored_on: str) -> str:
    """Give the evidence level of a score.

    Args:
        trained_on: One of `ORIGINS`; None for what needs no training, such as a
            count or the all-empty mask.
        scored_on: One of `ORIGINS`.

    Returns:
        One of `LEVELS`.

    Raises:
        ValueError: An origin is unknown.
    """
    for origin in (trained_on or scored_on, scored_on):
        if origin not in ORIGINS:
            raise ValueError(f"unknown origin {origin!r}; expected one of {ORIGINS}")
    if trained_on == PHANTOM and scored_on in (IMAGES, ANNOTATIONS):
        return PHANTOM_TO_REAL
    if scored_on == PHANTOM and trained_on != QUOTED:
        return PHANTOM
    return weakest(trained_on or scored_on, scored_on)


def weakest(*levels: str) -> str:
    """Give the weakest of some levels; ValueError for an unknown one or for none."""
    return LEVELS[max(LEVELS.index(level) for level in levels)]


def may_compare(level: str) -> bool:
    """Say whether a value of this level may stand against a printed value.

    `annotations` may do so only for what needs no pixels, which is the caller's
    to know.

    Args:
        level: One of `LEVELS`.

    Raises:
        ValueError: The level is unknown.
    """
    return LEVELS.index(level) <= LEVELS.index(ANNOTATIONS)


def gives_direction(level: str) -> bool:
    """Say whether a value of this level may decide a directional claim.

    Args:
        level: One of `LEVELS`.

    Raises:
        ValueError: The level is unknown.
    """
    return may_compare(level) or level == PHANTOM
