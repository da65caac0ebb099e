"""A blind test for readers: rows of phantoms, one of which was made differently.

Everything follows from a seed, the answer included, so that nobody has chosen the
films that make a point.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from chexnomaly.labels import DISPLAY_NAMES
from chexnomaly.phantom import Switches, film
from chexnomaly.phantom.files.store import brightness

LETTERS = "ABCDEFGH"
CLEAR = 0.6
"""A film is asked about only where its finding is at least this conspicuous."""


@dataclass(frozen=True)
class FilmRow:
    """One row of films, of which one was made differently.

    Attributes:
        text: What is asked.
        films: Brightness in [0, 1], (H, W) each.
        odd: Position of the film that was made differently.
        why: What was changed.
    """

    text: str
    films: list[np.ndarray]
    odd: int
    why: str


@dataclass(frozen=True)
class Answers:
    """The answers to some questions; folded where HTML is shown, without a script."""

    questions: list[FilmRow]

    def __repr__(self) -> str:
        return f"answers to {len(self.questions)} questions, folded in HTML"

    def _repr_html_(self) -> str:
        items = "".join(
            f"<li>{LETTERS[q.odd]}: {escape(q.why)}</li>" for q in self.questions
        )
        return f"<details><summary>Answers</summary><ol>{items}</ol></details>"


def find_obvious(finding: str, seed: int, count: int) -> list[int]:
    """Find the first films of a cohort that show a finding clearly.

    Args:
        finding: Finding key.
        seed: Seed of the cohort.
        count: How many.

    Returns:
        Their numbers.
    """
    found: list[int] = []
    index = 0
    while len(found) < count:
        made = film(seed, index, findings=[finding], pixels=False)
        if max(truth.conspicuity for truth in made.truths) >= CLEAR:
            found.append(index)
        index += 1
    return found


def _ask(
    text: str,
    why: str,
    indices: Sequence[int],
    seed: int,
    size_px: int,
    odd_one: Mapping,
    others: Mapping,
) -> FilmRow:
    """Make the films of a row; the seed draws which one is made as `odd_one` says."""
    odd = int(np.random.default_rng([seed, len(indices)]).integers(len(indices)))
    films = [
        film(seed, index, size_px, **(odd_one if k == odd else others))
        for k, index in enumerate(indices)
    ]
    return FilmRow(text, [brightness(made) for made in films], odd, why)


def ask_presence(finding: str, seed: int, size_px: int, count: int = 4) -> FilmRow:
    """Ask which of several people has a finding.

    Args:
        finding: Finding key.
        seed: Seed of films and answer.
        size_px: Longer side of the films, px.
        count: Films in the row.

    Returns:
        The row; the others are healthy.
    """
    name = _in_a_sentence(finding)
    why = f"this one has {name}; the others have nothing."
    indices = find_obvious(finding, seed, count)
    ill, healthy = {"findings": [finding]}, {"findings": []}
    return _ask(f"Who has {name}?", why, indices, seed, size_px, ill, healthy)


def ask_same_person(finding: str, seed: int, size_px: int) -> FilmRow:
    """Ask which of two films of one person shows a finding.

    Args:
        finding: Finding key.
        seed: Seed of film and answer.
        size_px: Longer side, px.

    Returns:
        The row; both films are the same but for the finding.
    """
    name = _in_a_sentence(finding)
    text = f"Same person twice: where is {name}?"
    why = f"the same person, here with {name}."
    indices = find_obvious(finding, seed, 1) * 2
    ill, healthy = {"findings": [finding]}, {"findings": []}
    return _ask(text, why, indices, seed, size_px, ill, healthy)


def ask_painted(finding: str, seed: int, size_px: int, count: int = 4) -> FilmRow:
    """Ask in which film a finding was painted as a bright ellipse, not computed.

    Args:
        finding: Finding key.
        seed: Seed of films and answer.
        size_px: Longer side, px.
        count: Films in the row, all with the finding.

    Returns:
        The row.
    """
    name = _in_a_sentence(finding)
    why = f"here {name} is a bright ellipse in the box; in the others it is computed."
    text = f"All have {name}. Where is it painted?"
    indices = find_obvious(finding, seed, count)
    computed = {"findings": [finding]}
    painted = computed | {"switches": Switches(painted=frozenset([finding]))}
    return _ask(text, why, indices, seed, size_px, painted, computed)


def ask_average_body(seed: int, size_px: int, count: int = 4) -> FilmRow:
    """Ask which film shows the body that everybody has without anatomy variation.

    Args:
        seed: Seed of films and answer.
        size_px: Longer side, px.
        count: Films in the row, all healthy.

    Returns:
        The row.
    """
    why = "made with anatomy variation off: the average body."
    healthy = {"findings": []}
    average = healthy | {"switches": Switches(anatomy_variation=0.0)}
    text = "Who is the average person?"
    return _ask(text, why, range(count), seed, size_px, average, healthy)


def _in_a_sentence(finding: str) -> str:
    name = DISPLAY_NAMES[finding]
    return name if name.isupper() else name.lower()
