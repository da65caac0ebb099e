"""Three radiologists out of seventeen read one image.

A reader misses what is subtle, draws the same lesion a little differently, calls it
by a neighboring name, and sometimes boxes what is not there. On an image with
findings every reader gives at least one box, on an image without none, as in
VinDr-CXR's training table.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from chexnomaly.labels import NO_FINDING
from chexnomaly.phantom.anatomy.grid import Box
from chexnomaly.phantom.portable import exp
from chexnomaly.phantom.readers import habits
from chexnomaly.phantom.readers.habits import READERS, Style


@dataclass(frozen=True)
class Opinion:
    """One box of one reader.

    Attributes:
        reader: Reader id, "R1" to "R17".
        finding: Finding key, or "no_finding".
        box: Corners, xyxy; None without a finding. In shares of width and height here,
            in px of the film in `Film.opinions`.
    """

    reader: str
    finding: str
    box: Box | None


@dataclass(frozen=True)
class Truth:
    """A true lesion.

    Attributes:
        finding: Finding key.
        box: Corners, xyxy, in the same unit as an opinion's.
        conspicuity: 0 (hardly to be seen) to 1 (obvious).
    """

    finding: str
    box: Box
    conspicuity: float


def read_image(
    truths: Sequence[Truth], rng: np.random.Generator, noise: float = 1.0
) -> list[Opinion]:
    """Let three readers annotate one image.

    Args:
        truths: True lesions; empty on a normal image.
        rng: Source of randomness.
        noise: 1 for natural readers; 0 gives three identical, perfect ones (an
            ablation).

    Returns:
        Rows of all three readers, in the order of reading.
    """
    readers = _draw_readers(rng, bool(truths))
    if not truths:
        return [Opinion(reader, NO_FINDING, None) for reader in readers]
    if noise == 0:
        return [Opinion(r, t.finding, t.box) for r in readers for t in truths]
    found = _who_sees_what(truths, readers, rng)
    opinions = []
    for reader, row in zip(readers, found, strict=True):
        seen = [truths[i] for i in np.flatnonzero(row)]
        opinions += _describe(reader, seen, rng, noise)
    return opinions


def _draw_readers(rng: np.random.Generator, positive: bool) -> list[str]:
    """Draw three ids; on abnormal images mostly the three busy ones."""
    rest = (1 - sum(habits.BUSY.values())) / (len(READERS) - len(habits.BUSY))
    weights = np.array([habits.BUSY.get(r, rest) if positive else 1.0 for r in READERS])
    shares = weights / weights.sum()
    return rng.choice(READERS, 3, replace=False, p=shares).tolist()


def _who_sees_what(truths, readers, rng: np.random.Generator) -> np.ndarray:
    """Draw a table (3 readers, truths) of lesions seen.

    Lesions of one finding are seen together more often than alone. What nobody saw
    is given to one reader, and a reader without any takes the clearest lesion.
    """
    found = np.zeros((3, len(truths)), bool)
    alertness = np.array([habits.STYLES[reader].alertness for reader in readers])
    mood = {name: rng.random(3) for name in sorted({t.finding for t in truths})}
    for column, truth in enumerate(truths):
        chance = habits.seen_chance(truth.finding, truth.conspicuity)
        own, shared = rng.random(3), rng.random(3) < 0.85
        odds = alertness * chance / max(1 - chance, 1e-6)
        draw = np.where(shared, mood[truth.finding], own)
        found[:, column] = draw < odds / (1 + odds)
    for name in mood:
        columns = [i for i, truth in enumerate(truths) if truth.finding == name]
        if not found[:, columns].any():
            found[int(rng.integers(3)), columns] = True
    clearest = int(np.argmax([truth.conspicuity for truth in truths]))
    found[~found.any(axis=1), clearest] = True
    return found


def _describe(
    reader: str, seen, rng: np.random.Generator, noise: float
) -> list[Opinion]:
    """Turn the lesions a reader saw into rows, and add what is not there."""
    style = habits.STYLES[reader]
    opinions, renamed = [], {}
    for truth in seen:
        if truth.finding not in renamed:
            renamed[truth.finding] = _name(truth.finding, style, rng, noise)
        box = _redraw(truth.box, truth.finding, style, rng, noise)
        opinions.append(Opinion(reader, renamed[truth.finding], box))
    if any(truth.finding in {*habits.NEIGHBORS, "cardiomegaly"} for truth in seen):
        for _ in range(rng.poisson(noise * style.false_rate)):
            opinions.append(_false_alarm(reader, rng))
    return opinions


def _name(finding: str, style: Style, rng: np.random.Generator, noise: float) -> str:
    draw = rng.random()
    for other, chance in habits.NEIGHBORS.get(finding, {}).items():
        draw -= chance * style.confusion * noise
        if draw < 0:
            return other
    return finding


def _redraw(box: Box, finding: str, style: Style, rng, noise: float) -> Box:
    """Move the sides of a box, keep it inside the image and not empty."""
    low, high = np.array(box).reshape(2, 2)
    spread = habits.JITTER.get(finding, 0.115) * style.jitter * noise
    step = spread * np.clip(rng.normal(size=4), -2.5, 2.5)
    grow = 0.5 * (style.growth - 1) * noise
    side = high - low
    low, high = low + (step[::2] - grow) * side, high + (step[1::2] + grow) * side
    return tidy_box([low, high])


def tidy_box(box: ArrayLike) -> Box:
    """Sort the sides of a box and cut it to the unit square, at least 0.8 % wide.

    Args:
        box: Corners, xyxy. Shape (4,) or (2, 2).

    Returns:
        The same box where it lies inside.
    """
    low, high = np.sort(np.reshape(box, (2, 2)), axis=0)
    center = np.clip((low + high) / 2, 0.004, 1 - 0.004)
    low, high = np.minimum(low, center - 0.004), np.maximum(high, center + 0.004)
    return tuple(np.clip([*low, *high], 0, 1).tolist())


def _false_alarm(reader: str, rng: np.random.Generator) -> Opinion:
    """Box something harmless: a crossing of ribs, a vessel, a nipple."""
    share = np.array([*habits.FALSE_ALARMS.values()])
    name = str(rng.choice([*habits.FALSE_ALARMS], p=share / share.sum()))
    size = 0.075 * exp(rng.normal(0, 0.4, 2))
    center = rng.uniform((0.15, 0.15), (0.85, 0.75))
    if name == "pleural_thickening":
        center = np.array([rng.choice([0.28, 0.72]), rng.uniform(0.12, 0.22)])
    if name == "aortic_enlargement":
        center, size = np.array([0.58, rng.uniform(0.28, 0.36)]), np.array([0.12, 0.12])
    box = tidy_box([center - size / 2, center + size / 2])
    return Opinion(reader, name, box)
