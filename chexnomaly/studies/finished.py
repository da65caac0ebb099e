"""The finished cells of a study, and every statistic of theirs by network."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

import numpy as np
import pandas as pd

from chexnomaly import metrics, results
from chexnomaly.evaluation import pairs
from chexnomaly.evaluation.intervals import Drawn, draw_films
from chexnomaly.evaluation.statistics import (
    FILM_STATISTICS,
    OPERATING_KEYS,
    PAIRED_KEYS,
    QUANTITIES,
    statistics,
)
from chexnomaly.results import Entry
from chexnomaly.studies import crossed, packing
from chexnomaly.studies.cells import Cell, read_cell, read_shared
from chexnomaly.studies.crossed import ByNetwork, Network, crossed_entry
from chexnomaly.studies.packing import DIGITS, THRESHOLD_KEYS

LOST = ("rectangularity", "partial_share", "tp_", "tn_", "fp_", "fn_", "iou_e")
"""Beginnings of keys of which cells keep too little, most of them of components."""

TOLD_OF = {
    key: one
    for key, one in (statistics() | FILM_STATISTICS).items()
    if not key.startswith(LOST)
}
"""Results key to its statistic, where cells keep enough for it."""

PAIRED = {*PAIRED_KEYS, *FILM_STATISTICS} & {*TOLD_OF}
"""What two systems are compared by."""

CONSTANT = {"all_empty": 0.0, "all_ones": 1.0}
"""Predictors whose scores follow from the masks."""


def _network_values(
    levels: Mapping[str, metrics.Scores], draws: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """Compute every statistic on the films as they are and on each draw; (1 + R,)."""
    n = len(levels[THRESHOLD_KEYS[0]]["tp"])
    values = {}
    for level, scores in levels.items():
        drawn = [Drawn(scores, index) for index in [np.arange(n)[None], *draws]]
        at = "@operating" if level == "operating" else ""
        for key, statistic in TOLD_OF.items():
            if not at or key in OPERATING_KEYS:
                with warnings.catch_warnings():  # a draw may hold one film many times
                    warnings.simplefilter("ignore", RuntimeWarning)
                    found = [statistic(one) for one in drawn]
                values[key + at] = np.concatenate(found)
    return values


def _pair_values(table: pd.DataFrame, owners: pd.DataFrame) -> dict[str, np.ndarray]:
    """Compute what is told of a twin on all pairs and on pairs of drawn films."""
    weights = pairs.resampled_weights(owners, crossed.RESAMPLES)
    weights = np.vstack([np.ones(len(table)), weights])
    with np.errstate(invalid="ignore"):
        return {k: one(table, weights) for k, one in pairs.PAIR_STATISTICS.items()}


def _constant(told: dict, pixels: int, value: float) -> dict[str, metrics.Scores]:
    """Give the scores of one probability everywhere, by threshold."""
    area = np.array(told["area"], dtype=np.float64)
    healthy = pixels - area
    counts = {"tp": area * value, "fp": healthy * value}
    counts |= {"fn": area * (1 - value), "tn": healthy * (1 - value)}
    scores = counts | {"film_score": np.full(len(area), value)}
    scores["soft_error"] = (counts["fp"] + counts["fn"]) / pixels
    scores["peak_inside"] = area / pixels
    return dict.fromkeys(THRESHOLD_KEYS, scores)


@dataclass(frozen=True)
class Finished:
    """The finished cells of a study.

    Attributes:
        folder: That holds them.
        arms: System and films to its cells by network.
        shared: Fold to what its cells share.
    """

    folder: Path
    arms: dict[tuple[str, str], dict[Network, dict]]
    shared: dict[int, dict]
    _values: dict = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "Finished":
        """Read a folder of cells.

        Raises:
            ResultError: A file is damaged, or belongs to other sets.
        """
        arms, shared = {}, {}
        for path in sorted(folder.glob("*__fold*_seed*.json")):
            told = Cell(**results.read_json(path, "a finished cell")["cell"])
            if told.fold not in shared:
                shared[told.fold] = read_shared(folder, told.fold)
            found = read_cell(folder, told, shared[told.fold][1])
            at = arms.setdefault((told.system, told.films), {})
            at[told.fold, told.seed] = found
        tables = {fold: table for fold, (table, _) in shared.items()}
        return cls(folder, arms, tables)

    @property
    def pair_keys(self) -> set[str]:
        """Keys of the sets of pairs."""
        return {key for one in self.shared.values() for key in one["pairs"]}

    @property
    def keys(self) -> list[str]:
        """Keys of all sets, in the order of the first fold that has them."""
        both = ({**one["sets"], **one["pairs"]} for one in self.shared.values())
        return [*dict.fromkeys(key for one in both for key in one)]

    def is_part(self, key: str) -> bool:
        """Tell whether a set holds films of another one, with the same masks."""
        return any(
            "part_of" in one["sets"].get(key, ()) for one in self.shared.values()
        )

    def owners(self, fold: int, rows: Sequence[int]) -> list[str]:
        """Name the patient of each film; nothing where they are not known."""
        patients = self.shared[fold]["patients"]
        return [patients[row] for row in rows if patients]

    def rows(self, fold: int, key: str, name: str = "") -> list[int]:
        """List the films of a set, those alone that a statistic counts.

        Both films of each pair stand there.
        """
        table = self.shared[fold]
        if pairs_of := table["pairs"].get(key):
            return pairs_of["first"] + pairs_of["second"]
        rows, area = (table["sets"][key][column] for column in ("rows", "area"))
        counted = QUANTITIES["films"].get(name.partition("@")[0], "all")
        kinds = ("all", "abnormal"), ("all", "healthy")
        return [r for r, n in zip(rows, area, strict=True) if counted in kinds[n == 0]]

    def values(self, arm: tuple[str, str], key: str) -> dict[str, ByNetwork]:
        """Compute every statistic of an arm on a set, by results key and network."""
        if (arm, key) not in self._values:
            found: dict[str, dict] = {}
            for network in self.networks(arm, key):
                for name, one in self._of_network(arm, network, key).items():
                    found.setdefault(name, {})[network] = one
            self._values[arm, key] = found
        return self._values[arm, key]

    def networks(self, arm: tuple[str, str], key: str) -> list[Network]:
        """List an arm's networks that were scored on a set."""
        if arm[0] in CONSTANT:
            return [(f, 0) for f, one in self.shared.items() if key in one["sets"]]
        found = []
        for network, cell in self.arms[arm].items():
            told = self.shared[network[0]]["sets"].get(key, {})
            scored = {*cell.get("sets", {}), *cell.get("pairs", {})}
            if told.get("part_of", key) in scored:
                found.append(network)
        return found

    def _of_network(
        self, arm: tuple[str, str], network: Network, key: str
    ) -> dict[str, np.ndarray]:
        shared = self.shared[network[0]]
        if key in shared["pairs"]:
            told = pd.DataFrame(shared["pairs"][key])
            found = (
                packing.unpack_numbers(self.arms[arm][network]["pairs"][key]) / DIGITS
            )
            owners = told[["first", "second"]]
            if shared["patients"]:
                owners = owners.map(shared["patients"].__getitem__)
            owners = owners.set_axis(["first", "second"], axis=1)
            return _pair_values(told.assign(prob=found), owners)
        rows = shared["sets"][key]["rows"]
        owners = self.owners(network[0], rows)
        draws = [*draw_films(len(rows), owners, crossed.RESAMPLES)]
        if arm[0] in CONSTANT:
            levels = _constant(shared["sets"][key], shared["pixels"], CONSTANT[arm[0]])
        else:
            levels = packing.unpack_scores(self.arms[arm][network], shared, key)
        return _network_values(levels, draws)

    def entry(
        self, values: ByNetwork, key: str, name: str, kind: str = "difference"
    ) -> Entry:
        """Turn a statistic's values into an entry of a results file."""
        rows = {fold: self.rows(fold, key, name) for fold, _ in values}
        units = {
            f: len({*(self.owners(f, films) or films)}) for f, films in rows.items()
        }
        return crossed_entry(values, self.count(rows, key, name), units, kind)

    def entries(self, arm: tuple[str, str], key: str) -> dict[str, Entry]:
        """Give every value of an arm on a set; only a difference is held against 0."""
        kinds, values = QUANTITIES["kind"], self.values(arm, key).items()
        return {
            k: self.entry(one, key, k, kinds.get(k.partition("@")[0], "bounded"))
            for k, one in values
        }

    def count(self, folds: Iterable[int], key: str, name: str = "") -> int:
        """Count films, as `rows` lists them, or pairs."""
        films = sum(len(self.rows(fold, key, name)) for fold in folds)
        return films // 2 if key in self.pair_keys else films

    def means(self, arm: tuple[str, str]) -> dict:
        """Average over networks what is kept as means alone; "means", by set and key.

        Nothing where a network lacks them.
        """
        found = [cell.get("means", {}) for cell in self.arms.get(arm, {}).values()]
        if not found or not all(found):
            return {}
        tables = [pd.DataFrame(one).map(itemgetter("value")) for one in found]
        return {"means": (sum(tables) / len(tables)).round(6).to_dict()}

    def origin(self, key: str) -> str:
        """Say what the films of a set are, as its data set says."""
        shared = next(iter(self.shared.values()))
        one = shared["sets"].get(key) or next(iter(shared["sets"].values()))
        return one["origin"]
