"""What the paper says of its own design, asked of the code that stands for it.

A ledger row names its check: `design: image_side`. A check builds the networks, reads
the recipes and the profile `paper`, or runs the code on a made-up film, and returns a
number; nothing here repeats what the paper prints. The row's system is the one asked.
"""

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch
from torch import nn

from chexnomaly import losses, metrics, systems
from chexnomaly.boxes import boxes_to_mask
from chexnomaly.datasets.annotations.splits import split_images
from chexnomaly.datasets.pairs import PAIR_KINDS, PairsSet
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

MADE_UP_FILMS = 1000
"""Films of a made-up table."""


class BuiltSystem:
    """One system under one profile, as the checks see it.

    Args:
        system: System key; "paper" where a row names none: then the supermodel.
        profile: Profile name.
    """

    def __init__(self, system: str, profile: str = STANDARD):
        self.recipe = systems.find_recipe("supermodel" if system == "paper" else system)
        self.profile = load_profile(PROFILES / f"{profile}.yml")
        self.data = self.profile.settings("02_data")
        options = vars(self.profile.settings(self.recipe.section))
        names = inspect.signature(Options).parameters
        self.options = Options(**{k: options[k] for k in names if k in options})
        # What is asked of networks does not depend on their width; 1 is soon built.
        self.narrow = replace(self.options, base_channels=1)

    @cached_property
    def network(self) -> nn.Module:
        """The network, one channel wide at its first level."""
        return build_network(self.recipe, self.narrow, self.data.size_px).eval()

    @property
    def base(self) -> nn.Module:
        """The twin of a Siamese network, or of what was built on one."""
        return self.network.base

    @torch.no_grad()
    def output(self, network: nn.Module) -> torch.Size:
        """Shape of what a network makes of one film of this profile."""
        size, channels = self.data.size_px, network.stem[0].in_channels
        return network(torch.zeros(1, channels, size, size)).shape


def image_side(design: BuiltSystem) -> float:
    """Side of a stored film, px."""
    return design.data.size_px


def mask_side(design: BuiltSystem) -> float:
    """Side of a predicted mask, px."""
    return design.output(design.network)[-1]


def map_side(design: BuiltSystem) -> float:
    """Side of the map that a twin makes, px."""
    return design.output(design.base)[-1]


def map_channels(design: BuiltSystem) -> float:
    """Channels of that map."""
    return design.output(design.base)[1]


def code_units(design: BuiltSystem) -> float:
    """Numbers in the code that a twin makes."""
    return design.output(design.base)[1]


def in_channels(design: BuiltSystem) -> float:
    """Channels that a network takes."""
    return design.network.stem[0].in_channels


def n_inputs(design: BuiltSystem) -> float:
    """Films that a network takes at once."""
    return len(inspect.signature(design.network.forward).parameters)


def n_twins(design: BuiltSystem) -> float:
    """Outputs of the base that the head of a Siamese network joins."""
    return design.network.head.in_features / design.output(design.base)[1:].numel()


def n_classes(design: BuiltSystem) -> float:
    """Classes that the head tells apart; one logit tells two."""
    return max(2, design.network.head.out_features)


def kernel_side(design: BuiltSystem) -> float:
    """Side of every filter in the U-Net's blocks, px; NaN where they differ."""
    parts = (design.network.stem, design.network.downs, design.network.ups)
    convolutions = [m for p in parts for m in p.modules() if isinstance(m, nn.Conv2d)]
    return _only(side for one in convolutions for side in one.kernel_size)


def alpha(design: BuiltSystem) -> float:
    """Weight of the positive class in the focal loss."""
    return design.options.alpha


def gamma(design: BuiltSystem) -> float:
    """Focusing exponent of the focal loss."""
    return design.options.gamma


def weight_of_similar(_: BuiltSystem) -> float:
    """What the contrastive loss multiplies a squared distance by."""
    return losses.contrastive_loss(torch.tensor([3.0]), torch.ones(1)).item() / 9


def weight_of_dissimilar(_: BuiltSystem) -> float:
    """What it multiplies the square of the missing distance by."""
    return losses.contrastive_loss(torch.zeros(1), torch.zeros(1), 3.0).item() / 9


def positive_label(_: BuiltSystem) -> float:
    """The label that the focal loss takes for a sure yes."""
    return _label_of(8.0)


def negative_label(_: BuiltSystem) -> float:
    """The label that it takes for a sure no."""
    return _label_of(-8.0)


def _label_of(logit: float) -> int:
    logits = torch.full((1, 1, 1, 1), logit)
    loss = [
        losses.sigmoid_focal_loss(logits, torch.full_like(logits, y)) for y in (0, 1)
    ]
    return int(np.argmin(loss))


def value_inside(_: BuiltSystem) -> float:
    """What a mask holds inside a box."""
    return boxes_to_mask(torch.tensor([[1.0, 1.0, 3.0, 2.0]]), (4, 4)).max().item()


def value_outside(_: BuiltSystem) -> float:
    """What a mask holds outside."""
    return boxes_to_mask(torch.tensor([[1.0, 1.0, 3.0, 2.0]]), (4, 4)).min().item()


def train_share(design: BuiltSystem) -> float:
    """Share of the films that are trained on."""
    return _share_of_part(design, "train")


def validation_share(design: BuiltSystem) -> float:
    """Share of the films that choose the epoch."""
    return _share_of_part(design, "val")


def test_share(design: BuiltSystem) -> float:
    """Share of the films that are kept for the end."""
    return _share_of_part(design, "test")


def _share_of_part(design: BuiltSystem, part: str) -> float:
    shares = design.data.val_share, design.data.test_share
    names = [f"{k:04}" for k in range(MADE_UP_FILMS)]
    kinds = np.where(np.arange(MADE_UP_FILMS) % 10 < 3, FINDINGS[0], NO_FINDING)
    table = pd.DataFrame({"image_id": names, "finding": kinds})
    split = split_images(table, fractions=(1 - sum(shares), *shares))
    return float((split == part).mean())


class _Films:
    """As many abnormal as normal made-up films, for code that chooses among films."""

    def __init__(self, names: list[str]):
        self.ids = names
        self.store = SimpleNamespace(image=lambda _: np.zeros((2, 2), np.float32))

    def kinds(self) -> tuple[np.ndarray, np.ndarray]:
        return tuple(np.array([i for i in self.ids if i[0] == k]) for k in "PN")

    def subset(self, ids) -> "_Films":
        return _Films(sorted(ids))

    def part(self, *_, **__) -> "_Films":
        return self


def positive_share(_: BuiltSystem) -> float:
    """Share of films with the finding on which a specialized model learns."""
    films = _Films([f"P{k}" for k in range(3)] + [f"N{k}" for k in range(20)])
    has, lacks = specialized_part(films, "train", FINDINGS[0]).kinds()
    return len(has) / (len(has) + len(lacks))


@cache
def _labels() -> dict[str, set[float]]:
    """Labels that pairs of each kind get."""
    pairs = PairsSet(_Films(["P0", "P1", "P2", "N0", "N1"]), 200, "random_nn")
    found: dict[str, set[float]] = {}
    for at, members in enumerate(pairs.ids):
        found.setdefault("".join(i[0] for i in members), set()).add(float(pairs[at][2]))
    return found


def label_of_similar(_: BuiltSystem) -> float:
    """Label of two abnormal films."""
    return _only(_labels()["PP"])


def label_of_dissimilar(_: BuiltSystem) -> float:
    """Label of an abnormal and a normal film, in either order."""
    return _only(_labels()["PN"] | _labels()["NP"])


def n_labels(_: BuiltSystem) -> float:
    """Labels that a pair may have."""
    return len(set.union(*_labels().values()))


def scans_per_pair(_: BuiltSystem) -> float:
    """Films in a pair."""
    return _only(len(kind) for kind in _labels())


def healthy_per_pair(_: BuiltSystem) -> float:
    """Normal films in a dissimilar pair, where (N, N) is left out as in Fig. 9."""
    return _only(kind.count("N") for kind in PAIR_KINDS if set(kind) == {"P", "N"})


def n_findings(design: BuiltSystem) -> float:
    """Findings that a system draws in its mask."""
    return 1 if design.recipe.finding else len(FINDINGS)


def n_specialized(_: BuiltSystem) -> float:
    """Models that draw one finding each."""
    return len({r.finding for r in _own_systems() if r.finding})


def n_ensembles(_: BuiltSystem) -> float:
    """Ways in which their masks are joined."""
    return len({r.kind for r in _own_systems() if r.specialists})


def n_supermodels(_: BuiltSystem) -> float:
    """Attentions that a supermodel was tried with, none included."""
    return len({r.attention for r in _supermodels()})


def n_training_methods(_: BuiltSystem) -> float:
    """Answers to few abnormal films: as they are, and repeated."""
    return len({r.oversampled for r in _supermodels()})


def n_twin_networks(_: BuiltSystem) -> float:
    """Bases that a Siamese network was tried with."""
    return len({r.base for r in _own_systems() if r.kind == "siamese"})


def n_transferred(_: BuiltSystem) -> float:
    """Twins that CheX-Nomaly was built on."""
    return len({r.twin for r in _own_systems() if r.kind == "chexnomaly"})


def _own_systems() -> list:
    """Recipes with a key of their own: the paper's, without the register's arms."""
    return [r for key, r in systems.RECIPES.items() if "__" not in key]


def _supermodels() -> list:
    segments = [r for r in _own_systems() if r.kind == "segmentation"]
    return [r for r in segments if not r.finding]


def n_unseen(design: BuiltSystem) -> float:
    """Films of the unseen set."""
    return design.data.n_other


def n_cases(_: BuiltSystem) -> float:
    """Kinds of film in Fig. 11."""
    return len(KINDS_OF_FILM)


def n_categories(_: BuiltSystem) -> float:
    """Categories of Figs. 12 and 15, found by sorting films of every kind."""
    grid = np.array(np.meshgrid([0, 9], [0, 9], [0, 9])).reshape(3, -1).astype(float)
    films = dict(zip(("tp", "fp", "fn"), grid, strict=True))
    films["tn"] = 10.0 - grid.sum(0).clip(max=10)
    return len(set(metrics.strict_categories(films)))


def n_groups(_: BuiltSystem) -> float:
    """Groups of Fig. 16, found likewise."""
    films = {"boxes": np.full(3, 2.0), "touched": np.arange(3.0)}
    return len(set(categories.unseen_categories(films)))


def outlier_error(_: BuiltSystem) -> float:
    """Largest share of wrong pixels that is no outlier, of a film of 1,000 px."""
    wrong = np.arange(1001.0)
    zero = np.zeros_like(wrong)
    films = {"tp": zero, "fp": wrong, "fn": zero, "tn": 1000 - wrong}
    one_by_one = {name: values[:, None] for name, values in films.items()}
    return wrong[statistics()["outlier_share"](one_by_one) == 0].max() / 1000


def strict_limit(design: BuiltSystem) -> float:
    """Fewest wrong pixels that spoil a strict true positive, at this side."""
    area = float(design.data.size_px**2)
    wrong = np.arange(1.0, 400.0)
    films = {"tp": np.full_like(wrong, 900.0), "fp": wrong, "fn": np.zeros_like(wrong)}
    films["tn"] = area - films["tp"] - wrong
    return wrong[metrics.strict_categories(films) != "TP"].min()


def ideal_mae(_: BuiltSystem) -> float:
    """Error of a perfect mask."""
    return float(metrics.mean_absolute_error(*_perfect()))


def ideal_f1(_: BuiltSystem) -> float:
    """F1 of a perfect mask."""
    return float(metrics.f1_score(*_perfect()))


def _perfect() -> tuple[torch.Tensor, torch.Tensor]:
    mask = boxes_to_mask(torch.tensor([[1.0, 1.0, 3.0, 2.0]]), (4, 4))[None]
    return mask, mask


def _only(values) -> float:
    """Give the value that all share; NaN where they differ."""
    found = set(values)
    return found.pop() if len(found) == 1 else float("nan")


CHECKS: dict[str, Callable[[BuiltSystem], float]] = {
    check.__name__: check
    for check in (
        *(image_side, mask_side, map_side, map_channels, code_units, in_channels),
        *(n_inputs, n_twins, n_classes, kernel_side, alpha, gamma),
        *(weight_of_similar, weight_of_dissimilar, positive_label, negative_label),
        *(value_inside, value_outside, train_share, validation_share, test_share),
        *(positive_share, label_of_similar, label_of_dissimilar, n_labels),
        *(scans_per_pair, healthy_per_pair, n_findings, n_specialized, n_ensembles),
        *(n_supermodels, n_training_methods, n_twin_networks, n_transferred),
        *(n_unseen, n_cases, n_categories, n_groups, outlier_error, strict_limit),
        *(ideal_mae, ideal_f1),
    )
}
"""Every check by the name that a ledger row gives it."""


@cache
def measure(check: str, system: str, profile: str = STANDARD) -> float:
    """Ask one check of one system.

    Args:
        check: One of `CHECKS`.
        system: System key, or "paper".
        profile: Profile name.

    Raises:
        KeyError: There is no such check.
        ProfileError: The profile cannot be read, as where no notebooks are installed.
    """
    return float(CHECKS[check](BuiltSystem(system, profile)))
