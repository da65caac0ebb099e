"""What each way of scoring, and each mix of films, does to every system's results."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from chexnomaly import evaluation, metrics
from chexnomaly.boxes import rectangularize
from chexnomaly.evaluation.intervals import Entry
from chexnomaly.evaluation.scores import PAPER_THRESHOLD
from chexnomaly.evaluation.statistics import Statistic
from chexnomaly.metrics.segmentation import Scores

READINGS = Path(__file__).with_name("scoring.csv")
"""Every reading of a decision on scoring: its statistic, and what is counted (at a
threshold against any reader's pixels, at the operating one against others', or of boxes
made of the predictions). The first of an item and a metric is the register's."""


class Effects:
    """What each decision changes, with paired intervals.

    Attributes:
        values: `<item>.<arm>.<metric>` to a results entry.
        paired: The same keys to the difference from the register's reading.
        told: `<item>.<arm>` to its system, its default and its words.
    """

    def __init__(self, resamples: int = 500):
        """Begin empty; intervals come from so many bootstrap samples."""
        self.interval = partial(evaluation.interval, resamples=resamples)
        self.values: dict[str, Entry] = {}
        self.paired: dict[str, Entry] = {}
        self.told: dict[str, dict[str, str]] = {}

    def add(
        self,
        item: str,
        system: str,
        metric: str,
        default: tuple[Statistic, Scores],
        arms: Iterable[tuple[str, str, Statistic, Scores]],
    ) -> None:
        """Compare the readings of one decision on one system.

        Args:
            item: The register's number.
            system: System key.
            metric: What is measured.
            default: Statistic and per-film counts under the register's reading.
            arms: Name, words, statistic and counts of each other reading, on the same
                films.
        """
        stem, (ground, counts) = f"{item}.default_{system}", default
        self.values[f"{stem}.{metric}"] = self.interval(ground, counts)
        for name, says, statistic, scores in arms:
            arm = f"{item}.{name}_{system}"
            self.told[arm] = {"system": system, "default": stem, "says": says}
            self.values[f"{arm}.{metric}"] = self.interval(statistic, scores)
            self.paired[f"{arm}.{metric}"] = self.interval(
                lambda a, b, one=statistic: one(a) - ground(b), scores, counts
            )


def add_scoring(
    effects: Effects,
    system: str,
    maps: Tensor,
    masks: Mapping[str, Tensor],
    operating: float,
    min_area: int,
) -> None:
    """Add every decision about scoring, for one system.

    Args:
        effects: Receives them.
        system: System key.
        maps: Probabilities, (N, 1, S, S).
        masks: As in `readings`.
        operating: The threshold chosen on validation.
        min_area: Smallest component that the transform takes, px.
    """
    cuts = {"0.3": 0.3, "0.5": 0.5, "0.7": 0.7, "operating": operating}
    union, scored = masks["union"], {}
    for name, cut in cuts.items():
        scored[name] = metrics.image_scores(maps, union, cut)
    for rule in masks.keys() - {"union"}:
        scored[rule] = metrics.image_scores(maps, masks[rule], operating)
    boxed = rectangularize(maps, operating, min_area)
    scored["boxed"] = metrics.image_scores(boxed, union, operating)
    table, readings = evaluation.statistics(), pd.read_csv(READINGS, dtype=str)
    for (item, metric), rows in readings.groupby(["item", "metric"], sort=False):
        told = [(table[row.statistic], scored[row.scores]) for row in rows.itertuples()]
        named = zip(rows.arm[1:], rows.says[1:], told[1:], strict=True)
        arms = [(arm, says, *one) for arm, says, one in named]
        effects.add(item, system, metric, told[0], arms)


def add_binary_maximum(
    effects: Effects,
    stack: Tensor,
    mask: Tensor,
    operating: float,
    own: Sequence[float],
) -> None:
    """Add the Max Ensemble of binary masks (register item 24).

    Args:
        effects: Receives it.
        stack: Maps of the specialized models, (N, models, S, S).
        mask: (N, 1, S, S).
        operating: The ensemble's threshold.
        own: Each specialized model's own threshold.
    """
    largest = stack.amax(dim=1, keepdim=True)
    shared = (largest > operating).float()
    limits = torch.tensor(own, dtype=torch.float32).view(1, -1, 1, 1)
    by_own = (stack > limits).any(dim=1, keepdim=True).float()
    base = metrics.image_scores(largest, mask, operating)
    cuts = {
        "binary": ("maximum of masks cut at one threshold", shared),
        "binary_own": ("maximum of masks, each cut at its own threshold", by_own),
    }
    scored = [
        (name, says, metrics.image_scores(maps, mask, PAPER_THRESHOLD))
        for name, (says, maps) in cuts.items()
    ]
    for metric, key in (("mean_iou", "iou_c"), ("mae", "mae_soft")):
        one = evaluation.statistics()[key]
        arms = [(name, says, one, scores) for name, says, scores in scored]
        effects.add("24", "max_ensemble", metric, (one, base), arms)


def add_mixes(
    effects: Effects, system: str, positives: Scores, normals: Scores
) -> dict[str, Scores]:
    """Add what healthy films beside the unseen finding change (register item 12).

    Args:
        effects: Receives them; a mix is no paired sample, so it brings no difference.
        system: System key.
        positives: Counts on the unseen finding's films.
        normals: Counts on healthy films of the same layout, at one threshold.

    Returns:
        The mixes' counts.
    """
    n, m = (len(s["tp"]) for s in (positives, normals))
    ratio = min(n, int(0.4 * m))
    sizes = {"4_to_10": (ratio, int(2.5 * ratio)), "57_and_143": (57, 143)}
    sizes = {k: (a, b) for k, (a, b) in sizes.items() if a <= n and b <= m}
    mixes = {
        name: {k: np.concatenate([positives[k][:a], normals[k][:b]]) for k in positives}
        for name, (a, b) in sizes.items()
    }
    table, stem = evaluation.statistics(), f"12.default_{system}"
    asked = {"iou_a": "iou_a", "iou_c": "iou_c", "f1": "f1_any_pixel"}
    for metric, statistic in ((metric, table[key]) for metric, key in asked.items()):
        for name, scores in ({"default": positives} | mixes).items():
            arm = f"12.{name}_{system}"
            effects.values[f"{arm}.{metric}"] = effects.interval(statistic, scores)
            if name != "default":
                says = f"{len(scores['tp'])} scans, {name.replace('_', ' ')}"
                effects.told[arm] = {"system": system, "default": stem, "says": says}
    return mixes
