"""A blind test for readers: rows of phantoms, one of which was made differently.

Everything follows from a seed, the answer included, so that nobody has chosen the
films that make a point.
"""

from dataclasses import dataclass
from html import escape

import numpy as np

from chexnomaly.labels import DISPLAY_NAMES
from chexnomaly.phantom import Film, Switches, film
from chexnomaly.phantom.files.store import brightness

LETTERS = "ABCDEFGH"
OBVIOUS = 0.6
"""A film is asked about only where its finding is at least this conspicuous."""


@dataclass(frozen=True)
class Question:
    """One row of films.

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

    questions: list[Question]

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
        if max(truth.conspicuity for truth in made.truths) >= OBVIOUS:
            found.append(index)
        index += 1
    return found


def ask_presence(finding: str, seed: int, size_px: int, count: int = 4) -> Question:
    """Ask which of several people has a finding.

    Args:
        finding: Finding key.
        seed: Seed of films and answer.
        size_px: Longer side of the films, px.
        count: Films in the row.

    Returns:
        The question; the others are healthy.
    """
    indices = find_obvious(finding, seed, count)
    odd = _draw(seed, count)
    films = [
        film(seed, index, size_px, findings=[finding] if k == odd else [])
        for k, index in enumerate(indices)
    ]
    name = _in_a_sentence(finding)
    why = f"this one has {name}; the others have nothing."
    return _question(f"Who has {name}?", films, odd, why)


def ask_same_person(finding: str, seed: int, size_px: int) -> Question:
    """Ask which of two films of one person shows a finding.

    Args:
        finding: Finding key.
        seed: Seed of film and answer.
        size_px: Longer side, px.

    Returns:
        The question; both films are the same but for the finding.
    """
    [index] = find_obvious(finding, seed, 1)
    odd = _draw(seed, 2)
    films = [
        film(seed, index, size_px, findings=[finding] if k == odd else [])
        for k in range(2)
    ]
    name = _in_a_sentence(finding)
    why = f"the same person, here with {name}."
    return _question(f"Same person twice: where is {name}?", films, odd, why)


def ask_painted(finding: str, seed: int, size_px: int, count: int = 4) -> Question:
    """Ask in which film a finding was painted as a bright ellipse, not computed.

    Args:
        finding: Finding key.
        seed: Seed of films and answer.
        size_px: Longer side, px.
        count: Films in the row, all with the finding.

    Returns:
        The question.
    """
    odd = _draw(seed, count)
    painted = Switches(painted=frozenset([finding]))
    films = [
        film(
            seed,
            index,
            size_px,
            findings=[finding],
            switches=painted if k == odd else None,
        )
        for k, index in enumerate(find_obvious(finding, seed, count))
    ]
    name = _in_a_sentence(finding)
    why = f"here {name} is a bright ellipse in the box; in the others it is computed."
    return _question(f"All have {name}. Where is it painted?", films, odd, why)


def ask_average_body(seed: int, size_px: int, count: int = 4) -> Question:
    """Ask which film shows the body that everybody has without anatomy variation.

    Args:
        seed: Seed of films and answer.
        size_px: Longer side, px.
        count: Films in the row, all healthy.

    Returns:
        The question.
    """
    odd = _draw(seed, count)
    same = Switches(anatomy_variation=0.0)
    films = [
        film(seed, k, size_px, findings=[], switches=same if k == odd else None)
        for k in range(count)
    ]
    why = "made with anatomy variation off: the average body."
    return _question("Who is the average person?", films, odd, why)


def _question(text: str, films: list[Film], odd: int, why: str) -> Question:
    return Question(text, [brightness(made) for made in films], odd, why)


def _in_a_sentence(finding: str) -> str:
    name = DISPLAY_NAMES[finding]
    return name if name.isupper() else name.lower()


def _draw(seed: int, count: int) -> int:
    return int(np.random.default_rng([seed, count]).integers(count))
