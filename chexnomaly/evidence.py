"""Evidence levels and verdicts: what a number rests on, and what may be said of it.

Every number carries one level, set by the code that made it. The level is the
weakest of what a system was trained on and what it was scored on. Only numbers
from the paper's own collections are ever compared with a printed value; real films of
another collection, and phantoms, give a direction at most.
"""

IMAGES = "images"
"""Trained (if at all) and scored on the radiographs of the paper's own collections."""

OPEN_IMAGES = "open-images"
"""The same on real radiographs with real annotations of another collection."""

ANNOTATIONS = "annotations"
"""Real annotation tables, no pixels: counts, splits, baselines."""

PHANTOM_TO_REAL = "phantom-to-real"
"""Trained on phantoms alone, scored on real data: shown as a transfer test."""

PHANTOM = "phantom"
"""Synthetic radiographs throughout."""

QUOTED = "quoted"
"""A number from elsewhere, shown as quoted and unverified."""

LEVELS = (IMAGES, OPEN_IMAGES, ANNOTATIONS, PHANTOM_TO_REAL, PHANTOM, QUOTED)
"""The six levels, strongest first."""

ORIGINS = (PHANTOM, IMAGES, OPEN_IMAGES, ANNOTATIONS, QUOTED)
"""What a system can be trained or scored on; `quoted` by others, out of sight."""

ORIGIN_OF = {PHANTOM: PHANTOM} | dict.fromkeys(
    ("vindr", "rsna", "candid", "covid"), IMAGES
)
"""Collection to the origin of its films; any other collection is `OPEN_IMAGES`."""

REPRODUCED = "reproduced"
DIFFERS = "differs"
ADDS_UP = "adds up"
INCONSISTENT = "inconsistent in the paper"
IMPLEMENTED = "implemented"
DEVIATES = "deviates"
SAME_DIRECTION = "same direction"
HELD_ON_FILMS = "held on other real films"
DID_NOT_HOLD_ON_FILMS = "did not hold on other real films"
HELD = "held in the phantom"
DID_NOT_HOLD = "did not hold in the phantom"
BY_THRESHOLD = "depends on the threshold"
NOT_RESOLVED = "not resolved"
NO_SIGNAL = "no signal"
NOT_TESTABLE = "not testable here"

DIRECTIONS = {
    IMAGES: (SAME_DIRECTION, DIFFERS),
    OPEN_IMAGES: (HELD_ON_FILMS, DID_NOT_HOLD_ON_FILMS),
    ANNOTATIONS: (SAME_DIRECTION, DIFFERS),
    PHANTOM: (HELD, DID_NOT_HOLD),
}
"""Level to the verdicts on a direction that was found, and that was not."""

AGREE = (REPRODUCED, ADDS_UP, IMPLEMENTED, SAME_DIRECTION, HELD_ON_FILMS, HELD)
DISAGREE = (DIFFERS, INCONSISTENT, DEVIATES, DID_NOT_HOLD_ON_FILMS, DID_NOT_HOLD)
OPEN = (BY_THRESHOLD, NOT_RESOLVED, NO_SIGNAL, NOT_TESTABLE)
VERDICTS = (*AGREE, *DISAGREE, *OPEN)
"""Every verdict, everywhere in this order: with the paper, against it, neither."""


def evidence_level(trained_on: str | None, scored_on: str) -> str:
    """Give the evidence level of a score.

    Args:
        trained_on: One of `ORIGINS`; None for what needs no training, such as a
            count or the all-empty mask. A system that was started from phantoms and
            then trained on real films was trained on real films.
        scored_on: One of `ORIGINS`.

    Returns:
        One of `LEVELS`.

    Raises:
        ValueError: An origin is unknown.
    """
    for origin in (trained_on or scored_on, scored_on):
        if origin not in ORIGINS:
            raise ValueError(f"unknown origin {origin!r}; expected one of {ORIGINS}")
    if trained_on == PHANTOM and scored_on in (IMAGES, OPEN_IMAGES, ANNOTATIONS):
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
    to know; `open-images` are other films than the paper's and never may.

    Args:
        level: One of `LEVELS`.

    Raises:
        ValueError: The level is unknown.
    """
    return weakest(level) in (IMAGES, ANNOTATIONS)


def gives_direction(level: str) -> bool:
    """Say whether a value of this level may decide a directional claim.

    Args:
        level: One of `LEVELS`.

    Raises:
        ValueError: The level is unknown.
    """
    return weakest(level) in DIRECTIONS
