"""The results files of a study, from finished cells."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd

from chexnomaly import results
from chexnomaly.studies.cells import Cell
from chexnomaly.studies.crossed import difference, one_each
from chexnomaly.studies.finished import CONSTANT, PAIRED, Finished
from chexnomaly.studies.multiverse.arms import ARMS
from chexnomaly.studies.phantoms import DRAWING

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
    for name, key, arms in _placed(done, world):
        for position, system in enumerate(arms):
            later = [*arms][position + 1 :]
            held = partial(_held_against, arms[system], key=key, done=done, world=world)
            rivals = {one: arms[one] for one in later if held(arms[one])}
            about = _about(done, arms[system], key)
            if key == world.seen:
                about |= done.means(arms[system])
            values = done.values(arms[system], key)
            told = {k: done.entry(one, key, k) for k, one in values.items()}
            paired = {}
            for rival, arm in rivals.items():
                blind = arm[0].partition("__")[0] in {*world.blind, *CONSTANT}
                others = done.values(arm, key)
                gaps = {
                    k: difference(one, others[k], blind)
                    for k, one in values.items()
                    if k.partition("@")[0] in PAIRED or key in done.pair_keys
                }
                gaps = {k: done.entry(one, key, k) for k, one in gaps.items() if one}
                paired |= {rival: gaps} if gaps else {}
            for one in told.values():
                one.pop("p", None), one.pop("within", None)
            about |= {"values": told, "paired": paired} | SHOWN_IN
            written.append(results.write_result(out, system, name, **about))
    _write_networks(out / NETWORKS_FILE.format(folder.name), done)
    multiverse = [_write_multiverse(out, done, key) for key in world.arms_on]
    return written + [path for path in multiverse if path]


def _held_against(arm: tuple, other: tuple, key: str, done: Finished, world) -> bool:
    """Tell whether two arms are compared.

    Every arm is with those of `HELD_AGAINST` and with what never looks, and, but for
    parts of a set, with the arms of its own kind in the plan.
    """
    first, second = arm[0].partition("__")[0], other[0].partition("__")[0]
    if {arm, other} & HELD_AGAINST or {first, second} & {*world.blind, *CONSTANT}:
        return True
    kinds = [arms for _, arms in world.plan.values() if arm in arms]
    return not done.is_part(key) and any(other in arms for arms in kinds)


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
                    told = {
                        k: values[k][fold, seed][0] for k in BY_NETWORK if k in values
                    }
                    rows.append(row | {"set": key} | told)
    table = pd.DataFrame(rows).sort_values(["set", "arm", "fold", "seed"]).round(4)
    table.to_csv(path, index=False)


NETWORKS_FILE = "networks_{}.csv"
"""Name of the table of a world's networks."""

BY_NETWORK = ("iou_c@operating", "iou_c", "auc")
"""What is told of every network."""

SHOWN_IN = {"profile": "study", "notebook": "11_beyond_the_paper"}


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
