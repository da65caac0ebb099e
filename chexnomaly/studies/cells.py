"""A study cut into cells: one system, one choice of films, one fold and one seed.

Each finished cell is one small JSON file, so that it can be committed, so that a later
run skips it, and so that any statistic can be computed from it without training again.
A run that was killed goes on where it stopped.

What all cells of a fold share stands once, in `sets__fold<k>.json`: the options, which
films are in which set, and how many pixels of each are abnormal. A cell names that file
by its hash, and holds what its own network adds: per film how many pixels it marks and
how many of them rightly; see `packing`. The rest follows.
"""

import fcntl
import hashlib
import json
import math
import multiprocessing
import sys
import time
import traceback
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import torch

from chexnomaly import results
from chexnomaly.datasets import sampling
from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.errors import ResultError
from chexnomaly.evaluation.evaluator import TestSet
from chexnomaly.files import write_atomic

ALTERED = ("without_", "control_")
"""Beginnings of what films differ in where a finding is asked that was held out."""

PILOTS = (100, 101, 102, 103)
"""Seeds that say how many seeds are needed, on validation films, and then go."""

PILOT_SET = "study_pilot"
"""Key of the set that they alone are scored on."""


@dataclass(frozen=True)
class Cell:
    """One training of a study.

    Attributes:
        system: System key, followed by the name of an option that differs, if any.
        films: What its films differ in, such as "without_opacity"; "" for nothing.
        fold: The fold that is held out.
        seed: Seed of the network.
    """

    system: str
    films: str
    fold: int
    seed: int

    @property
    def held(self) -> str:
        """Family of findings that its films lack, or that the control's show."""
        return self.films.partition("_")[2] if self.films.startswith(ALTERED) else ""

    @property
    def arm(self) -> str:
        """System and films, what a cell is beside its fold and seed."""
        return "__".join(filter(None, [self.system, self.films]))

    @property
    def name(self) -> str:
        """Name of its file, without the ending."""
        return f"{self.arm}__fold{self.fold}_seed{self.seed}"


@dataclass(frozen=True)
class FoldSets:
    """What the cells of one fold are scored on.

    Attributes:
        tests: Set key to films and masks.
        pairs: Set key to pairs of films.
        parts: Set key to a set that holds all its films with the same masks.
        patients: Image id to patient, where the source tells them apart.
    """

    tests: Mapping[str, TestSet]
    pairs: Mapping[str, PairsSet] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    patients: Mapping[str, str] = field(default_factory=dict)

    def table(self, settings: dict) -> dict:
        """Give what `sets__fold<k>.json` holds.

        Args:
            settings: What all cells are made with.

        Returns:
            "ids" and, where they are known, "patients" of all films; "sets": by key
            "rows" (which films), "area" (abnormal pixels of each), "origin" and, of a
            part of another set, "part_of"; "pairs": by key "first" and "second" (rows)
            and "similar"; "pixels" of a film; and the settings.
        """
        row: dict[str, int] = {}
        sets, pairs = {}, {}
        for key, test in self.tests.items():
            rows = [row.setdefault(i, len(row)) for i in test.scans.ids]
            masks = map(test.scans.mask, test.scans.ids)
            area = [int((mask > 0.5).sum()) for mask in masks]
            sets[key] = {"rows": rows, "area": area, "origin": test.origin}
            if key in self.parts:
                sets[key]["part_of"] = self.parts[key]
        for key, one in self.pairs.items():
            films = zip(*one.ids, strict=True)
            told = ([row.setdefault(i, len(row)) for i in side] for side in films)
            pairs[key] = dict(zip(("first", "second"), told, strict=True))
            pairs[key]["similar"] = (one.kinds == 0).astype(int).tolist()
        patients = [self.patients[i] for i in row if self.patients]
        pixels = next(iter(self.tests.values())).scans.size ** 2
        table = {"ids": [*row], "patients": patients, "pixels": pixels}
        table |= {"sets": sets, "pairs": pairs, "settings": settings}
        return json.loads(json.dumps(table))


def sets_by_finding(
    data: PreparedSet,
    families: Mapping[str, Collection[str]],
    held_out: str,
    findings: Collection[str],
    specialized: str,
) -> dict[str, TestSet]:
    """Give test films that show one finding, or one family of findings.

    Args:
        data: A prepared set.
        families: Name to findings that are held out together, each beside healthy
            films at the paper's ratio.
        held_out: Stands before a family's name in a set's key.
        findings: Those of specialized models, each beside as many healthy films.
        specialized: Stands before such a finding in a set's key.

    Returns:
        By key; what no test film shows is left out.
    """
    boxed = data.findings[data.findings.image_id.isin(data.ids("test"))]
    shown = {*boxed.finding}
    chosen = {
        f"{held_out}{name}": sampling.unseen_part(data, kin)
        for name, kin in families.items()
        if shown & {*kin}
    }
    chosen |= {
        f"{specialized}{name}": sampling.specialized_part(data, "test", name)
        for name in findings
        if name in shown
    }
    known = {} if data.films is None else data.films["patient"].to_dict()
    return {key: TestSet(one, data.origin, known) for key, one in chosen.items()}


def run_cells(
    cells: Sequence[Cell],
    study,
    folder: Path,
    processes: int = 2,
    minutes: float = math.inf,
) -> list[Cell]:
    """Measure every cell whose file is not there yet.

    Cells of one fold and seed run one after the other in one process, since they may
    build on each other's runs; these chains are dealt out to the processes.

    Args:
        cells: Which, in the order in which they build on each other.
        study: Gives what the cells of a fold share, `shared(fold)`, and measures a
            cell, `measure(cell, shared)`, in plain JSON; it is sent to other processes.
        folder: Receives the files.
        processes: How many work at the same time, one thread each.
        minutes: After so many no cell is begun; what is begun is finished.

    Returns:
        The cells that failed, traceback printed.

    Raises:
        ResultError: What lies there was made with other settings or films.
    """
    until = time.time() + 60 * minutes
    folds = sorted({cell.fold for cell in cells})
    shared = {fold: share_sets(folder, fold, study.shared(fold)) for fold in folds}
    chains: dict[tuple, list[Cell]] = {}
    for cell in cells:
        if read_cell(folder, cell, shared[cell.fold]) is None:
            chains.setdefault((cell.fold, cell.seed), []).append(cell)
    run = partial(_run_chain, study=study, folder=folder, until=until)
    if processes == 1 or len(chains) < 2:
        return sum(map(run, chains.values()), [])
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        return sum(pool.map(run, chains.values()), [])


def _run_chain(cells: Sequence[Cell], study, folder: Path, until: float) -> list[Cell]:
    torch.set_num_threads(1)
    shared, digest = read_shared(folder, cells[0].fold)
    failed = []
    for cell in cells:
        if time.time() >= until:
            break
        started, processor = time.perf_counter(), time.process_time()
        try:
            found = study.measure(cell, shared)
        except Exception:  # the others need not wait until somebody has mended this one
            traceback.print_exc(file=sys.stderr)
            failed.append(cell)
            continue
        told = results.stamp({}, started)
        kept = {key: told[key] for key in ("wall_s", "date", "commit")}
        kept |= {"processor_s": round(time.process_time() - processor, 1)}
        kept |= {"torch": told["versions"]["torch"]}
        found |= {"cell": asdict(cell), "shared": digest, "stamp": kept}
        write_atomic(folder / f"{cell.name}.json", _as_json(found))
        print(f"{cell.name} done", flush=True)
    return failed


def _as_json(content: dict) -> str:
    compact = {"sort_keys": True, "allow_nan": False, "separators": (",", ":")}
    return json.dumps(content, **compact) + "\n"


def share_sets(folder: Path, fold: int, table: dict) -> str:
    """Write what the cells of a fold share, or compare it with what is there.

    Args:
        folder: Of the cells.
        fold: The fold.
        table: From `FoldSets.table`.

    Returns:
        Its SHA-256, by which cells name it.

    Raises:
        ResultError: Another table is there, or none that can be read.
    """
    path = folder / f"sets__fold{fold}.json"
    if not path.exists():
        write_atomic(path, _as_json(table))
    found, digest = read_shared(folder, fold)
    if found != table:
        differ = [k for k in table if found.get(k) != table[k]]
        problem = f"made with other settings or films ({', '.join(differ)})"
        expected = "those of this study; move the folder away to begin anew"
        raise ResultError(problem, file=path, expected=expected)
    return digest


def read_shared(folder: Path, fold: int) -> tuple[dict, str]:
    """Read what the cells of a fold share, and its SHA-256.

    Raises:
        ResultError: The file is missing or damaged.
    """
    path = folder / f"sets__fold{fold}.json"
    table = results.read_json(path, "what the cells of a fold share")
    return table, hashlib.sha256(_as_json(table).encode()).hexdigest()


def read_cell(folder: Path, cell: Cell, digest: str) -> dict | None:
    """Read a finished cell; None where there is none.

    Raises:
        ResultError: The file is damaged, or belongs to other sets than those of that
            SHA-256.
    """
    path = folder / f"{cell.name}.json"
    if not path.exists():
        return None
    found = results.read_json(path, "a finished cell")
    if (found.get("shared"), found.get("cell")) != (digest, asdict(cell)):
        expected = f"the cell of its name, made with sets__fold{cell.fold}.json"
        raise ResultError("another study's cell", file=path, expected=expected)
    return found


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Let processes that make the same thing take turns; the second finds it made.

    Args:
        path: Of the lock's file, whose folder is made where missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
