"""How far phantoms are from real films: told apart by a linear judge and by features.

A judge that is right every time says that something gives phantoms away, not how much
is wrong; its weights say where. The distance of a trained network's features says how
much of what that network sees is different.
"""

from collections.abc import Sequence
from itertools import count, islice

import numpy as np
import torch
from torch import nn

from chexnomaly import metrics
from chexnomaly.datasets.sources import nih
from chexnomaly.datasets.store.images import read_image
from chexnomaly.datasets.store.resize import resize_square
from chexnomaly.evaluation.intervals import entry, interval
from chexnomaly.labels import NO_FINDING
from chexnomaly.phantom import film
from chexnomaly.phantom.files.store import brightness
from chexnomaly.results import Entry

LAYOUT_OF_VIEW = {"PA": "vindr", "AP": "rsna"}
"""Phantoms of which collection stand beside films of a view."""

Films = Sequence[np.ndarray]


def read_fold(
    fold: int, size: int, n: int
) -> dict[str, tuple[list[np.ndarray], float]]:
    """Read NIH's boxed and healthy films of a fold.

    Args:
        fold: Its number; phantoms were mended on fold 0.
        size: Side, px.
        n: How many films of a view, at most.

    Returns:
        View ("PA", "AP") to films, (size, size) in [0, 1] each, by their names' order,
        and the share of them that has a box.
    """
    root = nih.folder()
    found = nih.read_annotations(root)[0]
    files, known = nih.scan_folder(root)[0], found.attrs["films"]
    # who is in the table has a box or is healthy
    boxed = (found.finding != NO_FINDING).groupby(found.image_id).any()
    views = {}
    for view in LAYOUT_OF_VIEW:
        own = known.index[(known.fold == fold) & (known["view"] == view)]
        own = boxed[boxed.index.isin(own)].head(n)
        films = [resize_square(read_image(files[i]), size) for i in own.index]
        views[view] = films, float(own.mean())
    return views


def phantoms_like(
    view: str, share: float, n: int, seed: int, size: int
) -> list[np.ndarray]:
    """Render phantoms of one view.

    Args:
        view: "PA" or "AP".
        share: Share of abnormal ones.
        n: How many.
        seed: Seed of the cohort.
        size: Side, px.

    Returns:
        (size, size) each, in [0, 1].
    """
    options = {"layout": LAYOUT_OF_VIEW[view], "positive_share": share}
    options["pixels"] = lambda bare: bare.patient.frontal_ap == (view == "AP")
    every = (film(seed, index, size, **options) for index in count())
    drawn = (made for made in every if made.pixels is not None)
    return [resize_square(brightness(made), size) for made in islice(drawn, n)]


def tell_apart(
    films: Films, phantoms: Films, side: int = 16, folds: int = 5
) -> tuple[Entry, np.ndarray]:
    """Fit the simplest judge there is: one weight for each cell of a coarse film.

    Args:
        films: Real ones, (S, S).
        phantoms: Computed ones, (S, S).
        side: Cells across.
        folds: Each film is judged by weights that were fitted without its fold.

    Returns:
        The area under the ROC curve, 0.5 for a guess, with a bootstrap over films; and
        the mean weights, (side, side), positive where bright speaks for a phantom.
    """
    kinds = films, phantoms
    cells = [resize_square(one, side).ravel() for kind in kinds for one in kind]
    cells, target = np.array(cells, np.float64), np.repeat([-1, 1], [*map(len, kinds)])
    # blocks of each kind, so that a patient's films, which lie together, stay together
    fold = np.concatenate([np.arange(len(kind)) * folds // len(kind) for kind in kinds])
    # both kinds weigh the same, however many there are
    root = np.sqrt([len(cells) / len(kind) / 2 for kind in kinds for _ in kind])
    judged, weights = np.zeros(len(cells)), np.zeros(side**2)
    for held_out in range(folds):
        fit = fold != held_out
        middle = np.average(cells[fit], axis=0, weights=root[fit] ** 2)
        scaled = (cells - middle) / (cells[fit].std(axis=0) + 1e-6)
        x, y = scaled[fit] * root[fit, None], target[fit] * root[fit]
        own = np.linalg.solve(x.T @ x + RIDGE * np.eye(side**2), x.T @ y)
        judged[~fit] = scaled[~fit] @ own
        weights += own / folds
    scores = {"judged": judged, "phantom": target == 1}
    area = interval(lambda one: metrics.auc(one["judged"], one["phantom"]), scores)
    return area, weights.reshape(side, side)


RIDGE = 100.0
"""How strongly the judge's weights are held back."""


@torch.no_grad()
def features(model: nn.Module, films: Films, size: int) -> np.ndarray:
    """Mean and spread of each channel at a U-Net's bottleneck.

    Args:
        model: A `UNet`.
        films: (S, S) each, in [0, 1].
        size: Side at which the network looks, px.

    Returns:
        Shape (N, 2 C).
    """
    batch = np.array([resize_square(one, size) for one in films], np.float32)
    last = model.eval().encode(torch.from_numpy(batch)[:, None])[-1]
    return torch.cat([last.mean((2, 3)), last.std((2, 3))], dim=1).double().numpy()


def kernel_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Squared maximum mean discrepancy under a cubic kernel, without bias.

    Args:
        first: Features, (N, D).
        second: Features, (M, D).

    Returns:
        0 on average for two samples of one population, whatever their sizes.

    References:
        Binkowski et al., Demystifying MMD GANs, 2018.
    """

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a @ b.T / a.shape[1] + 1) ** 3

    def own(a: np.ndarray) -> float:
        similar = kernel(a, a)
        return (similar.sum() - np.trace(similar)) / (len(a) * (len(a) - 1))

    return float(own(first) + own(second) - 2 * kernel(first, second).mean())


def feature_distance(
    films: np.ndarray, phantoms: np.ndarray, draws: int = 200
) -> tuple[Entry, Entry]:
    """Compare features of phantoms with those of films, and films with films.

    Args:
        films: Features of real films, (N, D).
        phantoms: Of computed ones, (M, D).
        draws: Random halves of the films.

    Returns:
        The kernel distance; and what halves of the films have by chance, with the
        range of 95 % of the draws. Features are in units of the films' spread.
    """
    scale = films.std(axis=0) + 1e-6
    real, made = ((part - films.mean(axis=0)) / scale for part in (films, phantoms))
    rng, half = np.random.default_rng(0), len(real) // 2
    orders = [rng.permutation(real) for _ in range(draws)]
    chance = [kernel_distance(o[:half], o[half:]) for o in orders]
    ends = np.percentile(chance, [2.5, 97.5])
    apart = kernel_distance(real, made)
    return (
        entry(apart, None, None, len(made)),
        entry(np.mean(chance), *ends, len(real)),
    )
