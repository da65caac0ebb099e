"""Scores of a pair classifier: Table IV's accuracy and MAE, and what they leave out.

Beside it the baseline that compares nothing: whoever scores one film calls a pair
similar where the product of the two scores is high (register item 44).
"""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader

from chexnomaly import metrics
from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.evaluation.intervals import entry, share_entry
from chexnomaly.evaluation.scores import predict
from chexnomaly.results import Entry


@torch.no_grad()
def score_pairs(
    model: nn.Module, pairs: PairsSet, batch_size: int = 16
) -> pd.DataFrame:
    """Run a Siamese network over pairs; its base sees each film once.

    A convolution rounds by how many films go together. The last batch is filled with
    the first films again, so that a pair's scores do not depend on the other pairs.

    Args:
        model: A Siamese network.
        pairs: The pairs.
        batch_size: Pairs per batch.

    Returns:
        One row per pair, in order: "first" and "second" (image ids), "similar" (0 or
        1), "prob" (of similar, in [0, 1]) and "distance".
    """
    device, together = next(model.eval().parameters()).device, 2 * batch_size
    names, rows = np.unique(pairs.ids, return_inverse=True)
    filled = np.resize(np.arange(len(names)), -(-len(names) // together) * together)
    films = DataLoader(pairs.scans.subset(names), together, sampler=filled.tolist())
    features = torch.cat([model.base(x.to(device)).flatten(1) for x, _ in films])
    batches = torch.from_numpy(rows).split(batch_size)  # (B, 2) each
    found = zip(*(model.compare(*features[two.T]) for two in batches), strict=True)
    logits, distance = (torch.cat(one).float().cpu() for one in found)
    table = pd.DataFrame(pairs.ids, columns=["first", "second"])
    scores = {"prob": torch.sigmoid(logits).double(), "distance": distance.double()}
    return table.assign(similar=(pairs.kinds == 0).astype(int), **scores)


def score_singly(model: nn.Module, pairs: PairsSet) -> pd.DataFrame:
    """Call a pair similar as far as both its films are abnormal, each on its own.

    Args:
        model: Scores one film: a classifier by the chance that it is abnormal, a
            network that draws by its highest pixels; see `metrics.film_scores`.
        pairs: The pairs.

    Returns:
        As `score_pairs`, without a distance; "prob" is the product of both scores, the
        chance that both are abnormal where a score is the chance of one.
    """
    found = torch.cat([*predict(model, pairs.scans)])
    if found.ndim > 1:
        found = metrics.film_scores(found, torch.zeros_like(found))["film_score"]
    scores = dict(zip(pairs.scans.ids, found.tolist(), strict=True))
    table = pd.DataFrame(pairs.ids, columns=["first", "second"])
    prob = table["first"].map(scores) * table["second"].map(scores)
    return table.assign(similar=(pairs.kinds == 0).astype(int), prob=prob)


def choose_cut(table: pd.DataFrame) -> float:
    """Choose the probability above which a pair is called similar.

    Args:
        table: Validation pairs, from `score_pairs` or `score_singly`.

    Returns:
        Of all probabilities that occur, the one with the most right answers; the
        lowest of several.
    """
    cuts, similar = np.unique(table["prob"]), table["similar"].to_numpy() == 1
    right = (table["prob"].to_numpy() > cuts[:, None]) == similar
    return float(cuts[right.sum(1).argmax()])


def accuracy(table: pd.DataFrame, weights: np.ndarray, cut: float = 0.5) -> np.ndarray:
    """Share of pairs whose probability of "similar" falls on the right side of a cut.

    Args:
        table: From `score_pairs`, N pairs.
        weights: How often each pair counts, (R, N).
        cut: Probability above which a pair is called similar.

    Returns:
        Shape (R,); NaN where no pair counts.
    """
    right = (table["prob"] > cut) == (table["similar"] == 1)
    return weights @ right.to_numpy(float) / weights.sum(1)


def absolute_error(table: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
    """Mean of |probability of "similar" - label|; as in `accuracy`."""
    return weights @ (table["prob"] - table["similar"]).abs() / weights.sum(1)


def auc(table: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
    """Chance that a similar pair gets a higher probability than a dissimilar one.

    Ties count half; NaN where one of the two kinds is missing; as in `accuracy`.
    """
    similar = table["similar"].to_numpy() == 1
    prob = table["prob"].to_numpy()
    gaps = np.sign(prob[similar, None] - prob[~similar])  # (positives, negatives)
    positives, negatives = weights[:, similar], weights[:, ~similar]
    wins = ((positives @ (gaps + 1)) * negatives).sum(1) / 2
    return wins / (positives.sum(1) * negatives.sum(1))


PAIR_STATISTICS = {"accuracy": accuracy, "mae_soft": absolute_error, "auc": auc}
"""Statistics of a table of pairs and weights, by results key."""


def resampled_weights(table: pd.DataFrame, resamples: int, seed: int = 0) -> np.ndarray:
    """Draw films, not pairs: a pair counts as often as both its films were drawn.

    Films occur in several pairs, so that pairs are no independent sample.

    Args:
        table: From `score_pairs`, N pairs.
        resamples: Bootstrap samples, R.
        seed: Seed of the draws.

    Returns:
        Shape (R, N), whole numbers.
    """
    films, names = pd.factorize(table[["first", "second"]].to_numpy().ravel())
    first, second = films.reshape(-1, 2).T
    rng, shares = np.random.default_rng(seed), np.full(len(names), 1 / len(names))
    drawn = rng.multinomial(len(names), shares, size=resamples).astype(float)
    return drawn[:, first] * drawn[:, second]


def summarize_pairs(
    table: pd.DataFrame,
    resamples: int = 2000,
    patients: Mapping[str, str] | None = None,
    cut: float | None = None,
) -> dict[str, Entry]:
    """Compute the results entries of a pair classifier.

    Args:
        table: From `score_pairs` or `score_singly`.
        resamples: Bootstrap samples, of films.
        patients: Image id to patient: patients are drawn, each with all films.
        cut: From `choose_cut` on validation pairs, for "accuracy@operating".

    Returns:
        "accuracy" at 0.5, "mae_soft", "auc", "accuracy@operating" where a cut is given,
        and "majority_share", what always giving the commoner class would be right for.
    """
    share, n = float(table.similar.mean()), len(table)
    films = table[["first", "second"]]
    owners = films if patients is None else films.map(patients.get)
    weights, found = resampled_weights(owners, resamples), {}
    statistics = {**PAIR_STATISTICS}
    if cut is not None:
        statistics["accuracy@operating"] = partial(accuracy, cut=cut)
    for key, statistic in statistics.items():
        with np.errstate(invalid="ignore"):
            drawn = statistic(table, weights)
            value = statistic(table, np.ones((1, n)))[0]
        drawn = drawn[np.isfinite(drawn)]  # a draw may lack a kind of pair
        ends = np.percentile(drawn, [2.5, 97.5]) if len(drawn) else (None, None)
        found[key] = entry(value, *ends, n)
    if (right := found["accuracy"]["value"]) in (0, 1):  # no draw differs there
        units = owners.stack().nunique() // 2
        found["accuracy"] = share_entry(round(right * units), units) | {"n": n}
    return found | {"majority_share": entry(max(share, 1 - share), None, None, n)}
