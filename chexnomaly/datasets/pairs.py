"""Pairs of films for the Siamese networks (Section III, Fig. 9).

P is an abnormal film, whatever its findings, and N a normal one. The caption of Fig. 9
gives (P, P) class 1, (P, N) and (N, P) class 0, and leaves (N, N) out; how many pairs
of each kind there are is ours.
"""

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from chexnomaly.datasets.segmentation import SegmentationSet

PAIR_KINDS = ("PP", "PN", "NP", "NN")
"""Kinds of pairs, in the order of their numbers; only the first is similar."""

SCHEMES = ("balanced", "random", "random_nn")
"""How the kinds of pairs are drawn: half of them similar; all ordered pairs but (N, N)
equally often; all ordered pairs equally often, (N, N) as class 0."""


class SinglesSet(Dataset):
    """Films one by one, and whether each is abnormal: what a twin is not told.

    Args:
        scans: Where the films come from.
    """

    def __init__(self, scans: SegmentationSet):
        self._scans, self._abnormal = scans, scans.is_abnormal()

    def __len__(self) -> int:
        return len(self._scans)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Read an image in [0, 1], (1, S, S), and 1.0 for abnormal or 0.0, scalar."""
        image = self._scans.store.image(self._scans.ids[index])
        label = torch.tensor(float(self._abnormal[index]))
        return torch.from_numpy(image).unsqueeze(0), label


class PairsSet(Dataset):
    """Pairs of films and whether they are similar.

    Pairs of one epoch after another are numbered on: where they are `fresh`, item
    `len(self) * epoch + k` is pair k of that epoch, whatever was read before.

    Args:
        scans: Where the films come from; repeated ids count once.
        n_pairs: How many pairs; 2 per film in the register.
        scheme: One of `SCHEMES`.
        seed: Seed of the draw.
        fresh: Draw other pairs in each epoch of a training; else those of the first.

    Attributes:
        scans: As given.
        ids: Image ids of the pairs, a list of (first, second), never equal.
        kinds: Index into `PAIR_KINDS` of each pair, (n_pairs,).
        fresh: As given.

    `ids` and `kinds` are those of the epoch that was read last, the first at first.

    Raises:
        ValueError: Unknown scheme, no pair asked for, fewer than two abnormal films
            or no normal one.
    """

    def __init__(
        self,
        scans: SegmentationSet,
        n_pairs: int,
        scheme: str = "balanced",
        seed: int = 0,
        fresh: bool = False,
    ):
        if scheme not in SCHEMES:
            raise ValueError(f"scheme {scheme!r}, expected one of {SCHEMES}")
        if n_pairs < 1:
            raise ValueError(f"expected at least 1 pair, got {n_pairs}")
        self.scans = scans
        abnormal, normal = scans.subset(set(scans.ids)).kinds()
        if len(abnormal) < 2 or len(normal) < 1:
            raise ValueError(
                "expected at least two abnormal scans and one normal scan for pairs, "
                f"got {len(abnormal)} and {len(normal)}"
            )
        self._pools = {"P": abnormal, "N": normal}
        self.scheme, self.n_pairs, self.seed, self.fresh = scheme, n_pairs, seed, fresh
        self._draw(0)

    def _draw(self, epoch: int) -> None:
        """Draw the pairs of an epoch; seed and epoch alone decide."""
        self._epoch, rng = epoch, np.random.default_rng([self.seed, epoch])
        sizes = map(len, self._pools.values())
        self.kinds = _draw_kinds(rng, self.scheme, self.n_pairs, *sizes)
        self.ids = list(map(tuple, _draw_members(rng, self.kinds, self._pools)))

    def __len__(self) -> int:
        return self.n_pairs

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        """Read one pair.

        Args:
            index: Number of the pair, counted on over the epochs.

        Returns:
            Two images in [0, 1], (1, S, S) each, and 1.0 for similar or 0.0, scalar;
            all float32.
        """
        epoch, index = divmod(index, len(self))
        if self.fresh and epoch != self._epoch:
            self._draw(epoch)
        read = self.scans.store.image
        first, second = (
            torch.from_numpy(read(i)).unsqueeze(0) for i in self.ids[index]
        )
        return first, second, torch.tensor(float(self.kinds[index] == 0))

    def class_shares(self) -> dict[str, float]:
        """Share of each kind of pair; "PP" is class 1, the others class 0."""
        counts = np.bincount(self.kinds, minlength=len(PAIR_KINDS))
        return dict(zip(PAIR_KINDS, (counts / len(self)).tolist(), strict=True))


def _draw_kinds(
    rng: np.random.Generator, scheme: str, n: int, n_abnormal: int, n_normal: int
) -> np.ndarray:
    """Draw the kind of each of n pairs, as an index into `PAIR_KINDS`."""
    if scheme == "balanced":
        return np.resize([0, 1, 0, 2], n)
    p, q = n_abnormal, n_normal
    ways = np.array([p * (p - 1), p * q, q * p, q * (q - 1)])
    if scheme == "random":
        ways[3] = 0
    return rng.choice(4, size=n, p=ways / ways.sum())


def _draw_members(
    rng: np.random.Generator, kinds: np.ndarray, pools: dict[str, np.ndarray]
) -> np.ndarray:
    """Draw the ids of each pair's films, uniformly within its kind; (n, 2)."""
    pairs = np.empty((len(kinds), 2), dtype=object)
    for kind, (one, other) in enumerate(PAIR_KINDS):
        at = np.flatnonzero(kinds == kind)
        if not len(at):
            continue
        first = rng.integers(len(pools[one]), size=len(at))
        second = rng.integers(len(pools[other]) - (one == other), size=len(at))
        second += (one == other) & (second >= first)  # passes over the first film
        pairs[at] = np.column_stack([pools[one][first], pools[other][second]])
    return pairs
