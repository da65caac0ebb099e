"""The results files of a study, from finished cells."""

from collections.abc import Collection, Iterator
from pathlib import Path

import pandas as pd

from chexnomaly import results
from chexnomaly.results import Entry
from chexnomaly.studies.cells import Cell
from chexnomaly.studies.crossed import difference, one_each
from chexnomaly.studies.finished import CONSTANT, PAIRED, Finished
from chexnomaly.studies.multiverse.arms import ARMS
from chexnomaly.studies.phantoms import DRAWING

ArmKey = tuple[str, str]
"""System and films."""

MULTIVERSE = ("iou_c@operating", "iou_c", "mae_soft", "f1_any_pixel")
"""What is reported of every arm."""


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
    blind = (*world.blind, *CONSTANT)
    for name, key, arms in _placed(done, world):
        for position, (system, arm) in enumerate(arms.items()):
            about = _about(done, arm, key) | {"values": done.entries(arm, key)}
            if key == world.seen:
                about |= done.means(arm)
            later = [*arms.items()][position + 1 :]
            rivals = {n: one for n, one in later if _compared(arm, one, key, world)}
            gaps = {n: _gaps(done, arm, one, key, blind) for n, one in rivals.items()}
            about["paired"] = {n: one for n, one in gaps.items() if one}
            written.append(results.write_result(out, system, name, **about))
    _write_networks(out / NETWORKS_FILE.format(folder.name), done)
    multiverse = [_write_multiverse(out, done, key) for key in world.arms_on]
    return written + [path for path in multiverse if path]


def _compared(arm: ArmKey, other: ArmKey, key: str, world) -> bool:
    """Tell whether two arms are compared.

    Every arm is with one fixed mask and an empty one; and, where it is the same system
    or learned from the same films, with those of `HELD_AGAINST` and, but for sets that
    repeat another one's films, with the arms of its own kind in the plan.
    """
    if {one[0].partition("__")[0] for one in (arm, other)} & {"mean_mask", "all_empty"}:
        return True
    if arm[0] != other[0] and arm[1] != other[1]:
        return False
    kinds = [] if key.startswith(world.repeats) else world.plan.values()
    own_kind = any({arm, other} <= {*arms} for _, arms in kinds)
    return own_kind or bool({arm, other} & HELD_AGAINST)


HELD_AGAINST = {(name, "") for name in (*DRAWING, "chexnomaly__random_base")}
"""Arms that every other one is compared with."""


def _write_networks(path: Path, done: Finished) -> None:
    """Write what each network reached, a row for each network and set."""
    rows = []
    for arm, networks in done.arms.items():
        for (fold, seed), cell in networks.items():
            split = done.shared[fold]["settings"]["split_hash"]
            row = {"arm": Cell(*arm, 0, 0).arm, "fold": fold, "seed": seed}
            row["split_hash"] = split[:16]
            for key, one in cell.get("means", {}).items():
                told = {k: one[k]["value"] for k in BY_NETWORK if k in one}
                rows.append(row | {"set": key} | told)
            for key in done.keys:
                if (fold, seed) in done.networks(arm, key) and not done.is_part(key):
                    values = done.values(arm, key)
                    kept = (k for k in BY_NETWORK if k in values)
                    told = {k: values[k][fold, seed][0] for k in kept}
                    rows.append(row | {"set": key} | told)
    order = ["set", "arm", "fold", "seed"]
    columns = [*order[1:], "split_hash", "set", *BY_NETWORK]
    table = pd.DataFrame(rows, columns=columns).sort_values(order).round(4)
    table.to_csv(path, index=False)


NETWORKS_FILE = "networks_{}.csv"
"""Name of the table of a world's networks."""

BY_NETWORK = ("iou_c@operating", "iou_c", "auc")
"""What is told of every network."""


def _gaps(
    done: Finished, arm: ArmKey, rival: ArmKey, key: str, blind: Collection[str] = ()
) -> dict[str, Entry]:
    """Subtract what a rival scores; nothing where networks are missing."""
    others = done.values(rival, key)
    never_looks = rival[0].partition("__")[0] in blind
    gaps = {
        k: difference(one, others[k], never_looks)
        for k, one in done.values(arm, key).items()
        if k.partition("@")[0] in PAIRED or key in done.pair_keys
    }
    return {k: done.entry(one, key, k) for k, one in gaps.items() if one}


def _placed(done: Finished, world) -> Iterator[tuple[str, str, dict]]:
    """Give each set's key in results, its own key, and systems with their cells.

    Systems stand in the plan's order, those that never look last.
    """
    kinds = [arms for kind, (_, arms) in world.plan.items() if kind != "register"]
    compared = [arm for arm in dict.fromkeys(sum(kinds, [])) if arm in done.arms]
    for key in done.keys:
        family = key.removeprefix(world.held_out)
        finding = key.removeprefix(world.specialized)
        asked, after = {key: ""}, ""
        if family != key:
            asked = {key: f"without_{family}", f"{key}_control": f"control_{family}"}
        elif finding != key:
            asked, after = {f"{world.specialized}test": ""}, f"__{finding}"
        for name, films in asked.items():
            arms = [a for a in compared if not films or a[1] == films]
            arms = [arm for arm in arms if done.networks(arm, key)]
            named = {arm[0] if films else Cell(*arm, 0, 0).arm: arm for arm in arms}
            if named and key not in done.pair_keys:
                named |= {system + after: (system, "") for system in CONSTANT}
            if named:
                yield name, key, named


def _about(done: Finished, arm: tuple[str, str], key: str) -> dict:
    """Say what a system's results on a set rest on, as `write_result` takes it."""
    networks = done.networks(arm, key)
    folds = sorted({fold for fold, _ in networks})
    first = done.arms.get(arm, {}).get(networks[0], {"trained_on": None})
    of_fold = [{seed for f, seed in networks if f == fold} for fold in folds]
    kept = set.union if one_each(networks) else set.intersection
    seeds = sorted(kept(*of_fold)) if arm in done.arms else []
    alone = len(networks) == len(folds) and not one_each(networks)
    settings = done.shared[folds[0]]["settings"]
    about = {name: settings[name] for name in ("data_hash", "split_hash")}
    return about | {
        "profile": "study",
        "notebook": "11_beyond_the_paper",
        "trained_on": first["trained_on"],
        "scored_on": done.origin(key),
        "n": done.count(folds, key),
        "n_positive": done.count(folds, key, "iou_c"),
        "seeds": seeds,
        "folds": folds,
        "start": first.get("start", ""),
        "resampled": ["films"] if alone else ["seeds", "films"],
    }


def _write_multiverse(out: Path, done: Finished, key: str) -> Path | None:
    """Write what each finished arm changes on a set; nothing where none is finished."""
    values, paired, told, seeds = {}, {}, {}, []
    for arm in ARMS:
        pair = {arm.stem: arm.cells, arm.default_stem: (arm.default, "")}
        there = {*pair.values()} <= done.arms.keys()
        if not there or not (gaps := _gaps(done, *pair.values(), key)):
            continue
        for stem, one in pair.items():
            found = done.entries(one, key)
            values |= {f"{stem}.{metric}": found[metric] for metric in MULTIVERSE}
            seeds.append({seed for _, seed in done.networks(one, key)})
        paired |= {f"{arm.stem}.{metric}": gaps[metric] for metric in MULTIVERSE}
        told[arm.stem] = {"system": arm.cells[0], "default": arm.default_stem}
        told[arm.stem]["says"] = arm.says
        last = pair[arm.default_stem]
    if not told:
        return None
    common = sorted(set.intersection(*seeds))
    about = _about(done, last, key) | {"seeds": common, "arms": told}
    about["resampled"] = ["seeds", "films"] if len(common) > 1 else ["films"]
    about |= {"values": values, "paired": {"default": paired}}
    return results.write_result(out, "multiverse", key, **about)
