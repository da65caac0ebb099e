"""Systems of a study compared over networks and films at once, from finished cells.

Another seed trains another network, other films ask it other questions. The value is
the mean over folds of the mean over a fold's networks. Its error has two parts: what
networks do, from their spread within folds, with as many degrees of freedom as there
are networks less folds; and what films do, from a bootstrap over films (patients, where
they are known) within folds. Each part has Student's reach of its own, and the squares
of the reaches are added. So three networks count as three and not as many films; added
variances with Satterthwaite's degrees of freedom are too narrow for so few. What
networks and films do together is in both parts, which makes an interval somewhat too
wide, never too narrow.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import optimize, stats

from chexnomaly import metrics, results
from chexnomaly.evaluation import pairs
from chexnomaly.evaluation.intervals import Drawn, entry
from chexnomaly.evaluation.statistics import (
    FILM_STATISTICS,
    OPERATING_KEYS,
    PAIRED_KEYS,
    statistics,
)
from chexnomaly.results import Entry
from chexnomaly.studies.cells import (
    DIGITS,
    THRESHOLD_KEYS,
    Cell,
    read_cell,
    read_shared,
    unpack_numbers,
    unpack_scores,
)
from chexnomaly.studies.multiverse.arms import ARMS

RESAMPLES = 500
"""Bootstrap samples of films: enough for a variance."""

BOXED = ("rectangularity", "partial_share")
"""Statistics of components, of which cells keep nothing."""

TOLD_OF = {
    key: one
    for key, one in (statistics() | FILM_STATISTICS).items()
    if key not in BOXED and not key.startswith(("tp_", "tn_", "fp_", "fn_", "iou_e"))
}
"""Results key to its statistic, where cells keep enough for it."""

PAIRED = {*PAIRED_KEYS, *FILM_STATISTICS} & {*TOLD_OF}
"""What two systems are compared by."""

MULTIVERSE = ("iou_c@operating", "iou_c", "mae_soft", "f1_any_pixel")
"""What is reported of every arm."""

Network = tuple[int, int]
"""Fold and seed."""

ByNetwork = Mapping[Network, np.ndarray]
"""By network, one statistic on the films as they are and on each draw; (1 + R,)."""


def crossed_entry(values: ByNetwork, n: int, units: Mapping[int, int]) -> Entry:
    """Average a statistic over networks, with an interval over networks and films.

    Args:
        values: Of each network; the draws of films are the same for one fold.
        n: Films behind it.
        units: Fold to how many films, or patients, were drawn from.

    Returns:
        The entry, with "p", the two-sided p-value against 0 that belongs to its
        intervals of any width. One network a fold gives an interval over films alone;
        no ends and no "p" where a fold has fewer than two films or patients.
    """
    folds = sorted({fold for fold, _ in values})
    by_fold = [np.stack([v for (f, _), v in values.items() if f == k]) for k in folds]
    value = float(np.mean([one[:, 0].mean() for one in by_fold]))
    if np.isnan(value) or min(units[fold] for fold in folds) < 2:
        return entry(value, None, None, n)
    share = 1 / len(folds) ** 2
    films = sum(
        np.nanvar(one[:, 1:].mean(0)) * units[fold] / (units[fold] - 1)
        for fold, one in zip(folds, by_fold, strict=True)
    )
    parts = [(share * films, sum(units[fold] - 1 for fold in folds))]
    freedom = sum(len(one) - 1 for one in by_fold)
    if freedom:
        within = sum(((one[:, 0] - one[:, 0].mean()) ** 2).sum() for one in by_fold)
        each = share * sum(1 / len(one) for one in by_fold)
        parts.append((within / freedom * each, freedom))
    reach = _reach(parts, 0.05)
    p = _p_value(abs(value), parts)
    return entry(value, value - reach, value + reach, n) | {"p": p}


def _reach(parts: Iterable[tuple[float, int]], alpha: float) -> float:
    """Half an interval's width, from variances and their degrees of freedom."""
    squares = (part * stats.t.isf(alpha / 2, freedom) ** 2 for part, freedom in parts)
    return float(np.sqrt(sum(squares)))


def _p_value(distance: float, parts: Sequence[tuple[float, int]]) -> float:
    """Find the share at which the interval just touches 0; three digits."""
    smallest = 1e-12
    if distance == 0:
        return 1.0
    if _reach(parts, smallest) <= distance:
        return smallest if any(part for part, _ in parts) else 0.0
    found = optimize.brentq(
        lambda log: _reach(parts, np.exp(log)) - distance, np.log(smallest), 0.0
    )
    return float(f"{np.exp(found):.3g}")


def draw_films(
    n: int, patients: Sequence[str] = (), resamples: int = RESAMPLES, seed: int = 0
) -> list[np.ndarray]:
    """Draw films with replacement; patients with all their films, where known.

    Args:
        n: How many films there are.
        patients: Whose each film is.
        resamples: How many draws, R.
        seed: Seed of the draws.

    Returns:
        Films by position, (draws, films), draws of equally many films together.
    """
    rng = np.random.default_rng(seed)
    if not len(patients):
        return [rng.integers(n, size=(resamples, n))]
    owner = pd.factorize(np.asarray(patients))[0]
    films = [np.flatnonzero(owner == k) for k in range(owner.max() + 1)]
    drawn = rng.integers(len(films), size=(resamples, len(films)))
    each = [np.concatenate([films[k] for k in one]) for one in drawn]
    by_length: dict[int, list] = {}
    for one in each:
        by_length.setdefault(len(one), []).append(one)
    return [np.stack(some) for some in by_length.values()]


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
    weights = pairs.resampled_weights(owners, RESAMPLES)
    weights = np.vstack([np.ones(len(table)), weights])
    told = {"auc": pairs.auc, "accuracy": pairs.accuracy}
    told["mae_soft"] = pairs.absolute_error
    with np.errstate(invalid="ignore"):
        return {key: statistic(table, weights) for key, statistic in told.items()}


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

    def owners(self, fold: int, rows: Sequence[int]) -> list[str]:
        """Name the patient of each film; nothing where they are not known."""
        patients = self.shared[fold]["patients"]
        return [patients[row] for row in rows if patients]

    def units(self, fold: int, key: str, name: str) -> int:
        """Count the films, or patients, that a statistic rests on."""
        table = self.shared[fold]
        if key in table["pairs"]:
            rows = [*table["pairs"][key]["first"], *table["pairs"][key]["second"]]
        else:
            rows, area = (table["sets"][key][column] for column in ("rows", "area"))
            if name.startswith(SICK):
                rows = [row for row, n in zip(rows, area, strict=True) if n]
        return len({*(self.owners(fold, rows) or rows)})

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
        return [
            (fold, seed)
            for (fold, seed), cell in self.arms[arm].items()
            if self._scored(cell, self.shared[fold], key)
        ]

    @staticmethod
    def _scored(cell: dict, shared: dict, key: str) -> bool:
        whole = shared["sets"].get(key, {}).get("part_of", key)
        return whole in cell.get("sets", {}) or key in cell.get("pairs", {})

    def _of_network(
        self, arm: tuple[str, str], network: Network, key: str
    ) -> dict[str, np.ndarray]:
        shared = self.shared[network[0]]
        if key in shared["pairs"]:
            told = pd.DataFrame(shared["pairs"][key])
            found = unpack_numbers(self.arms[arm][network]["pairs"][key]) / DIGITS
            owners = told[["first", "second"]]
            if shared["patients"]:
                owners = owners.map(shared["patients"].__getitem__)
            owners = owners.set_axis(["first", "second"], axis=1)
            return _pair_values(told.assign(prob=found), owners)
        rows = shared["sets"][key]["rows"]
        draws = draw_films(len(rows), self.owners(network[0], rows))
        if arm[0] in CONSTANT:
            levels = _constant(shared["sets"][key], shared["pixels"], CONSTANT[arm[0]])
        else:
            levels = unpack_scores(self.arms[arm][network], shared, key)
        return _network_values(levels, draws)

    def entry(self, one: ByNetwork, key: str, name: str) -> Entry:
        """Turn a statistic's values into an entry of a results file."""
        folds = {fold for fold, _ in one}
        units = {fold: self.units(fold, key, name) for fold in folds}
        return crossed_entry(one, self.count(folds, key, name), units)

    def count(self, folds: Iterable[int], key: str, name: str = "") -> int:
        """Count films, or pairs; abnormal ones where a statistic is of these alone."""
        total = 0
        for shared in (self.shared[fold] for fold in folds):
            if key in shared["pairs"]:
                total += len(shared["pairs"][key]["similar"])
            else:
                area = np.array(shared["sets"][key]["area"])
                total += int((area > 0).sum()) if name.startswith(SICK) else len(area)
        return total

    def origin(self, key: str) -> str:
        """Say what the films of a set are, as its data set says."""
        shared = next(iter(self.shared.values()))
        one = shared["sets"].get(key) or next(iter(shared["sets"].values()))
        return one["origin"]


CONSTANT = {"all_empty": 0.0, "all_ones": 1.0}
"""Predictors whose scores follow from the masks."""

SICK = ("iou_c", "n_positive")
"""Beginnings of keys that count abnormal films."""


def difference(one: ByNetwork, other: ByNetwork, blind: bool = False) -> ByNetwork:
    """Subtract values of networks of the same fold and seed.

    Args:
        one: Of one system.
        other: Of the other.
        blind: Whether the other never looks and has one predictor a fold.

    Returns:
        Of the networks that both have. Nothing where either has one that the other
        lacks: few shared networks would stand for many.
    """
    if blind:
        by_fold = {fold: values for (fold, _), values in other.items()}
        other = {net: by_fold[net[0]] for net in one if net[0] in by_fold}
    found = {net: values - other[net] for net, values in one.items() if net in other}
    return found if len(found) == min(len(one), len(other)) else {}


def write_results(out: Path, folder: Path, world) -> list[Path]:
    """Write the results files of what is finished.

    Args:
        out: Results folder.
        folder: Of the cells.
        world: `phantoms.PhantomWorld` or `films.FilmWorld`.

    Returns:
        The files that were written.

    Raises:
        ResultError: A cell is damaged, or belongs to other sets.
    """
    done, written = Finished.read(folder), []
    for name, key, arms in _placed(done, world):
        for position, system in enumerate(arms):
            rivals = {one: arms[one] for one in [*arms][position + 1 :]}
            about = _about(done, arms[system], key)
            values = done.values(arms[system], key)
            told = {k: done.entry(one, key, k) for k, one in values.items()}
            paired = {}
            for rival, arm in rivals.items():
                blind = arm[0] in {*world.blind, *CONSTANT}
                others = done.values(arm, key)
                gaps = {
                    k: difference(one, others[k], blind)
                    for k, one in values.items()
                    if k.partition("@")[0] in PAIRED or key in done.pair_keys
                }
                gaps = {k: done.entry(one, key, k) for k, one in gaps.items() if one}
                paired |= {rival: gaps} if gaps else {}
            for one in told.values():
                one.pop("p", None)
            about |= {"values": told, "paired": paired} | SHOWN_IN
            written.append(results.write_result(out, system, name, **about))
    multiverse = [_write_multiverse(out, done, key) for key in world.arms_on]
    return written + [path for path in multiverse if path]


SHOWN_IN = {"profile": "study", "notebook": "11_beyond_the_paper"}


def _placed(done: Finished, world) -> Iterator[tuple[str, str, dict]]:
    """Give each set's key in results, its own key, and systems with their cells.

    Systems that learned stand first, in the world's order, then those that never look.
    """
    for key in done.keys:
        family = key.removeprefix(world.held_out)
        asked = {key: ("", None)}
        if family != key:
            control = f"control_{family}"
            known = any(films == control for _, films in world.arms)
            asked = {key: (f"without_{family}", family)}
            asked[f"{key}_control"] = (control if known else "", family)
        for name, (films, held) in asked.items():
            arms = [
                (system, how)
                for system, how in world.arms
                if system in (*world.systems, *world.blind)
                if (how == films if held else not how.startswith(ALTERED))
                if (system, how) in done.arms and done.networks((system, how), key)
            ]
            arms.sort(key=lambda arm: arm[0] in world.blind)
            named = {Cell(*a, 0, 0).arm if not held else a[0]: a for a in arms}
            if named and key not in done.pair_keys:
                named |= {system: (system, "") for system in CONSTANT}
            if named:
                yield name, key, named


def _about(done: Finished, arm: tuple[str, str], key: str) -> dict:
    """Say what a system's results on a set rest on, as `write_result` takes it."""
    networks = done.networks(arm, key)
    folds = sorted({fold for fold, _ in networks})
    first = done.arms.get(arm, {}).get(networks[0], {"trained_on": None})
    of_fold = [{seed for f, seed in networks if f == fold} for fold in folds]
    seeds = sorted(set.intersection(*of_fold)) if arm in done.arms else []
    alone = len(networks) == len(folds)
    about = {name: done.shared[folds[0]]["settings"][name] for name in HASHES}
    return about | {
        "trained_on": first["trained_on"],
        "scored_on": done.origin(key),
        "n": done.count(folds, key),
        "n_positive": done.count(folds, key, "n_positive"),
        "seeds": seeds,
        "folds": folds,
        "start": first.get("start", ""),
        "resampled": ["films"] if alone else ["seeds", "films"],
    }


HASHES = ("data_hash", "split_hash")

ALTERED = ("without_", "control_")
"""Beginnings of what films differ in where a finding is asked that was held out."""


def _write_multiverse(out: Path, done: Finished, key: str) -> Path | None:
    """Write what each finished arm changes on a set; nothing where none is finished."""
    values, paired, told, seeds = {}, {}, {}, {}
    for arm in ARMS:
        base = (arm.default, "")
        if not {arm.cells, base} <= done.arms.keys():
            continue
        one, ground = done.values(arm.cells, key), done.values(base, key)
        for metric in MULTIVERSE if one and ground else ():
            gap = difference(one[metric], ground[metric])
            if not gap:
                continue
            values[f"{arm.stem}.{metric}"] = done.entry(one[metric], key, metric)
            values[f"{arm.default_stem}.{metric}"] = done.entry(
                ground[metric], key, metric
            )
            paired[f"{arm.stem}.{metric}"] = done.entry(gap, key, metric)
            words = {"system": arm.cells[0], "default": arm.default_stem}
            told[arm.stem] = words | {"says": arm.says}
            seeds[arm.stem] = {seed for _, seed in gap}
            last = base
    if not told:
        return None
    common = sorted(set.intersection(*seeds.values()))
    about = _about(done, last, key) | {"seeds": common}
    about["resampled"] = ["seeds", "films"] if len(common) > 1 else ["films"]
    result = {"values": values, "paired": {"default": paired}, "arms": told} | about
    return results.write_result(out, "multiverse", key, **SHOWN_IN, **result)
