"""A blind test for readers: rows of phantoms and real films.

Everything follows from a seed, the answer included, so that nobody has chosen the
films that make a point.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chexnomaly.evidence import PHANTOM

LETTERS = "ABCDEFGH"
FILM = "nih"
"""What the pixels of the real films are, as viewers call it."""


@dataclass(frozen=True)
class FilmRow:
    """One row of films, of which one is of another kind.

    Attributes:
        films: Brightness in [0, 1], (H, W) each.
        odd: Position of the one of another kind.
        real: Whether that one is the real film among phantoms, or the phantom.
    """

    films: list[np.ndarray]
    odd: int
    real: bool

    @property
    def text(self) -> str:
        """What is asked."""
        return f"Which is the {'real film' if self.real else 'phantom'}?"

    @property
    def origins(self) -> list[str]:
        """What the pixels of each film are."""
        odd, other = (FILM, PHANTOM) if self.real else (PHANTOM, FILM)
        return [odd if k == self.odd else other for k in range(len(self.films))]


@dataclass(frozen=True)
class Answers:
    """The answers to some questions; folded where HTML is shown, without a script."""

    questions: list[FilmRow]

    def __repr__(self) -> str:
        return f"answers to {len(self.questions)} questions, folded in HTML"

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{LETTERS[q.odd]}</li>" for q in self.questions)
        return f"<details><summary>Answers</summary><ol>{items}</ol></details>"


def ask_kind(
    films: Sequence[np.ndarray],
    phantoms: Sequence[np.ndarray],
    seed: int,
    real: bool,
    count: int = 4,
) -> FilmRow:
    """Hide one real film among phantoms, or one phantom among real films.

    Args:
        films: Real ones, (H, W) in [0, 1].
        phantoms: Computed ones.
        seed: Draws the films and the answer.
        real: Hide a real film, not a phantom.
        count: Films in the row.

    Returns:
        The row.
    """
    rng = np.random.default_rng(seed)
    odd_ones, others = (films, phantoms) if real else (phantoms, films)
    shown = [others[k] for k in rng.permutation(len(others))[: count - 1]]
    odd = int(rng.integers(count))
    shown.insert(odd, odd_ones[rng.integers(len(odd_ones))])
    return FilmRow(shown, odd, real)
