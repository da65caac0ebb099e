"""What the paper says of its own design, asked of the code that stands for it.

A ledger row names where its number is: `design: network.stem.0.in_channels` is an
attribute of the built system that the row is about, under the profile `paper`. It comes
from networks, recipes, the profile, or from code that ran on made-up films; nothing
here repeats what the paper prints.
"""

import inspect
from dataclasses import replace
from functools import cache, cached_property
from operator import attrgetter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch
from torch import nn

from chexnomaly import losses, metrics, systems
from chexnomaly.boxes import boxes_to_mask
from chexnomaly.datasets.annotations.splits import split_images
from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.datasets.sampling import specialized_part
from chexnomaly.evaluation.comparisons import KINDS_OF_FILM
from chexnomaly.evaluation.statistics import statistics
from chexnomaly.labels import FINDINGS, NO_FINDING
from chexnomaly.metrics import categories
from chexnomaly.profiles import load_profile
from chexnomaly.systems.networks import build_network
from chexnomaly.systems.options import Options

PROFILES = Path(__file__).parents[2] / "notebooks" / "profiles"
STANDARD = "paper"
"""The profile that is held against the paper."""


class BuiltSystem:
    """One system under one profile, and what its code does.

    Args:
        system: System key; "paper" where a row names none: then the supermodel.
        profile: Profile name.

    Attributes:
        recipe: Its recipe.
        data: The profile's section of the data, `size_px` among them.
        options: The profile's options of this system.
    """

    def __init__(self, system: str, profile: str = STANDARD):
        self.recipe = systems.find_recipe("supermodel" if system == "paper" else system)
        whole = load_profile(PROFILES / f"{profile}.yml")
        self.data = whole.settings("02_data")
        given = vars(whole.settings(self.recipe.section))
        names = Options.__dataclass_fields__.keys() & given.keys()
        self.options = Options(**{name: given[name] for name in names})

    @cached_property
    def network(self) -> nn.Module:
        """The network, one channel wide at first: no width is asked for."""
        narrow = replace(self.options, base_channels=1)
        return build_network(self.recipe, narrow, self.data.size_px).eval()

    @torch.no_grad()
    def _output(self, network: nn.Module) -> torch.Tensor:
        """Run a network on one film of the profile's size."""
        shape = 1, network.stem[0].in_channels, *[self.data.size_px] * 2
        return network(torch.zeros(shape))

    def mask_side(self) -> float:
        """Side of the mask that the system makes, px."""
        return self._output(self.network).shape[-1]

    def map_side(self) -> float:
        """Side of the map that its twin makes, px."""
        return self._output(self.network.base).shape[-1]

    def n_inputs(self) -> float:
        """Films that the network takes at once."""
        return len(inspect.signature(self.network.forward).parameters)

    def n_twins(self) -> float:
        """Outputs of the base that the head of a Siamese network joins."""
        return self.network.head.in_features / self._output(self.network.base).numel()

    def n_classes(self) -> float:
        """Classes that the head tells apart; one logit tells two."""
        return max(2, self.network.head.out_features)

    def kernel_side(self) -> float:
        """Side of every filter in the U-Net's blocks, px; NaN where they differ."""
        parts = nn.ModuleList([self.network.stem, self.network.downs, self.network.ups])
        filters = [one for one in parts.modules() if isinstance(one, nn.Conv2d)]
        return _only(side for one in filters for side in one.kernel_size)

    def n_findings(self) -> float:
        """Findings that the system draws in its mask."""
        return 1 if self.recipe.finding else len(FINDINGS)

    def weight_of_similar(self) -> float:
        """What the contrastive loss multiplies a squared distance by."""
        return losses.contrastive_loss(torch.tensor([3.0]), torch.ones(1)) / 9

    def weight_of_dissimilar(self) -> float:
        """What it multiplies the square of the missing distance by."""
        return losses.contrastive_loss(torch.zeros(1), torch.zeros(1), 3.0) / 9

    def label_of_yes(self, logit: float = 8.0) -> float:
        """The label that the focal loss takes for a sure yes."""
        labels = torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1)
        sure = torch.full_like(labels, logit)
        return losses.sigmoid_focal_loss(sure, labels, reduction="none").argmin()

    def label_of_no(self) -> float:
        """The label that it takes for a sure no."""
        return self.label_of_yes(-8.0)

    @property
    def box(self) -> torch.Tensor:
        """The mask of a box that covers two pixels of sixteen."""
        return boxes_to_mask(torch.tensor([[1.0, 1.0, 3.0, 2.0]]), (4, 4))[None]

    def ideal_mae(self) -> float:
        """Error of a perfect mask."""
        return metrics.mean_absolute_error(self.box, self.box)

    def ideal_f1(self) -> float:
        """F1 of a perfect mask."""
        return metrics.f1_score(self.box, self.box)

    @property
    def shares(self) -> pd.Series:
        """Share of a thousand films, three in ten abnormal, in each part."""
        kept = self.data.val_share, self.data.test_share
        kinds = np.where(np.arange(1000) % 10 < 3, FINDINGS[0], NO_FINDING)
        names = [f"{k:04}" for k in range(len(kinds))]
        films = pd.DataFrame({"image_id": names, "finding": kinds})
        split = split_images(films, fractions=(1 - sum(kept), *kept))
        return split.value_counts(normalize=True)

    def positive_share(self) -> float:
        """Share of films with the finding on which a specialized model learns."""
        films = _MadeUpFilms([f"P{k}" for k in range(3)] + [f"N{k}" for k in range(20)])
        has, lacks = specialized_part(films, "train", FINDINGS[0]).kinds()
        return len(has) / (len(has) + len(lacks))

    @property
    def pairs(self) -> SimpleNamespace:
        """Pairs of made-up films: `all`, `similar` (of two abnormal ones), `others`.

        Columns: "label", "films", and "healthy": how many of these are normal.
        """
        drawn = PairsSet(_MadeUpFilms(["P0", "P1", "P2", "N0", "N1"]), 200)
        kind = pd.Series(["".join(name[0] for name in ids) for ids in drawn.ids])
        label = [drawn[k][2].item() for k in range(len(drawn))]
        counts = {"films": kind.str.len(), "healthy": kind.str.count("N")}
        table = pd.DataFrame(counts).assign(label=label)
        parts = {"similar": table[kind == "PP"], "others": table[kind != "PP"]}
        return SimpleNamespace(all=table, **parts)

    @property
    def own(self) -> SimpleNamespace:
        """Recipes with a key of their own, the paper's, by what they are for."""
        found = [vars(r) for key, r in systems.RECIPES.items() if "__" not in key]
        table = pd.DataFrame(found)
        draws = table.kind == "segmentation"
        groups = {
            "specialized": draws & (table.finding != ""),
            "supermodels": draws & (table.finding == ""),
            "ensembles": table.specialists.map(len) > 0,
            "siamese": table.kind == "siamese",
            "on_twins": table.kind == "chexnomaly",
        }
        return SimpleNamespace(**{name: table[rows] for name, rows in groups.items()})

    def n_cases(self) -> float:
        """Kinds of film in Fig. 11."""
        return len(KINDS_OF_FILM)

    def n_categories(self) -> float:
        """Categories of Figs. 12 and 15, found by sorting films of every kind."""
        tp, fp, fn = np.indices((2, 2, 2)).reshape(3, -1) * 9.0
        films = {"tp": tp, "fp": fp, "fn": fn, "tn": np.ones_like(tp)}
        return len(set(metrics.strict_categories(films)))

    def n_groups(self) -> float:
        """Groups of Fig. 16, found likewise."""
        films = {"boxes": np.full(3, 2.0), "touched": np.arange(3.0)}
        return len(set(categories.unseen_categories(films)))

    def outlier_error(self) -> float:
        """Largest share of wrong pixels that is no outlier, of a film of 1,000 px."""
        films = _wrong_films(np.arange(1001), 1000)
        one_by_one = {name: values[:, None] for name, values in films.items()}
        flagged = statistics()["outlier_share"](one_by_one) > 0
        return films["fp"][~flagged].max() / 1000

    def strict_limit(self) -> float:
        """Fewest wrong pixels that spoil a strict true positive, at this side."""
        films = _wrong_films(np.arange(400), self.data.size_px**2, 500)
        return films["fp"][metrics.strict_categories(films) != "TP"].min()


class _MadeUpFilms:
    """Films whose names begin with P (abnormal) or N, for code that chooses films."""

    def __init__(self, names: list[str]):
        self.ids = names
        self.store = SimpleNamespace(image=lambda _: np.zeros((2, 2), np.float32))

    def kinds(self) -> tuple[np.ndarray, ...]:
        return tuple(np.array([i for i in self.ids if i[0] == k]) for k in "PN")

    def subset(self, ids) -> "_MadeUpFilms":
        return _MadeUpFilms(sorted(ids))

    def part(self, *_, **__) -> "_MadeUpFilms":
        return self


def _wrong_films(wrong: np.ndarray, area: int, found: int = 0) -> dict[str, np.ndarray]:
    """Make per-image scores of films with so many pixels marked in vain."""
    fp = wrong.astype(float)
    return {"tp": 0 * fp + found, "fp": fp, "fn": 0 * fp, "tn": area - found - fp}


def _only(values) -> float:
    """Give the value that all share; NaN where they differ."""
    found = set(values)
    return found.pop() if len(found) == 1 else float("nan")


@cache
def measure(where: str, system: str, profile: str = STANDARD) -> float:
    """Look one number of a system's design up.

    Args:
        where: Attribute of `BuiltSystem`, dotted; called where it can be. Of a column
            it is the value that all rows share, NaN where they differ.
        system: System key, or "paper".
        profile: Profile name.

    Raises:
        AttributeError: There is no such attribute.
        ProfileError: The profile cannot be read, as where no notebooks are installed.
    """
    found = attrgetter(where)(BuiltSystem(system, profile))
    found = found() if callable(found) else found
    return float(_only(found) if isinstance(found, pd.Series) else found)
