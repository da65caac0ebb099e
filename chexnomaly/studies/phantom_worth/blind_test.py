"""A blind test for readers: rows of phantoms and real films.

Everything follows from a seed, the answer included, so that nobody has chosen the
films that make a point.
"""

from collections.abc import Sequence

import numpy as np

from chexnomaly.evidence import PHANTOM

LETTERS = "ABCDEFGH"
FILM = "nih"
"""What the pixels of the real films are, as viewers call it."""


def ask_kind(
    films: Sequence[np.ndarray],
    phantoms: Sequence[np.ndarray],
    seed: int,
    real: bool,
    count: int = 4,
) -> tuple[list[np.ndarray], list[str], int]:
    """Hide one real film among phantoms, or one phantom among real films.

    Args:
        films: Real ones, (H, W) in [0, 1].
        phantoms: Computed ones.
        seed: Draws the films and the answer.
        real: Hide a real film, not a phantom.
        count: Films in the row.

    Returns:
        The films of the row; what the pixels of each are; and the position of the one
        of another kind.
    """
    rng = np.random.default_rng(seed)
    odd_ones, others = (films, phantoms) if real else (phantoms, films)
    shown = [others[k] for k in rng.permutation(len(others))[: count - 1]]
    origins = [PHANTOM if real else FILM] * (count - 1)
    odd = int(rng.integers(count))
    shown.insert(odd, odd_ones[rng.integers(len(odd_ones))])
    origins.insert(odd, FILM if real else PHANTOM)
    return shown, origins, odd
