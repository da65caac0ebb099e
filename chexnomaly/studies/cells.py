"""A study cut into cells: one system, one choice of films, one fold and one seed.

Each finished cell is one small JSON file, so that it can be committed, so that a later
run skips it, and so that any statistic can be computed from it without training again.
A run that was killed goes on where it stopped.

What all cells of a fold share stands once, in `sets__fold<k>.json`: the options, which
films are in which set, and how many pixels of each are abnormal. A cell names that file
by its hash, and holds what its own network adds: per film how many pixels it marks and
how many of them rightly. The rest follows. Numbers of many films are whole, four digits
of a share, and packed: `unpack_numbers` reads them.
"""

import hashlib
import json
import math
import multiprocessing
import sys
import time
import traceback
import zlib
from base64 import b85decode, b85encode
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from chexnomaly import metrics, results
from chexnomaly.datasets import sampling
from chexnomaly.datasets.pairs import PairsSet
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.errors import ResultError
from chexnomaly.evaluation.evaluator import TestSet
from chexnomaly.evaluation.scores import PAPER_THRESHOLD, ScoredSet
from chexnomaly.files import write_atomic

THRESHOLD_KEYS = ("paper", "operating")
"""Thresholds of a cell: the paper's, and the one chosen on validation."""

DIGITS = 10_000
"""A share is kept as a whole number of ten-thousandths."""

OWN_SHARES = ("soft_error", "peak_inside")
"""Scores of an abnormal film that depend on its mask and need no threshold."""


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


def unseen_sets(
    data: PreparedSet, families: Mapping[str, Collection[str]], prefix: str
) -> dict[str, TestSet]:
    """Give test films with a family of findings beside healthy ones, for each family.

    Args:
        data: A prepared set.
        families: Name to findings that are held out together.
        prefix: Stands before the name in a set's key.

    Returns:
        By key; families that no test film shows are left out.
    """
    known = {} if data.films is None else data.films["patient"].to_dict()
    sets = {name: sampling.unseen_part(data, kin) for name, kin in families.items()}
    return {
        f"{prefix}{name}": TestSet(scans, data.origin, known)
        for name, scans in sets.items()
        if scans.is_abnormal().any()
    }


class CellStudy(Protocol):
    """What `run_cells` asks of a study; it is sent to other processes."""

    def shared(self, fold: int) -> dict:
        """Give `FoldSets.table` of a fold."""

    def measure(self, cell: Cell, shared: dict) -> dict:
        """Train and score one cell; plain JSON."""


def run_cells(
    cells: Sequence[Cell],
    study: CellStudy,
    folder: Path,
    processes: int = 2,
    minutes: float = math.inf,
) -> list[Cell]:
    """Measure every cell whose file is not there yet.

    Cells of one fold and seed run one after the other in one process, since they may
    build on each other's runs; these chains are dealt out to the processes.

    Args:
        cells: Which, in the order in which they build on each other.
        study: Measures them.
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


def _run_chain(
    cells: Sequence[Cell], study: CellStudy, folder: Path, until: float
) -> list[Cell]:
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


def pack_numbers(values: Iterable[float]) -> str:
    """Write whole numbers from 0 on as short text: deflated, in base 85."""
    whole = np.asarray([*values], dtype=np.float64).round().astype("<u4")
    planes = whole.view(np.uint8).reshape(-1, 4).T.tobytes()
    return b85encode(zlib.compress(planes, 9)).decode()


def unpack_numbers(text: str) -> np.ndarray:
    """Read what `pack_numbers` wrote; (N,), float64."""
    planes = np.frombuffer(zlib.decompress(b85decode(text)), np.uint8).reshape(4, -1)
    return np.ascontiguousarray(planes.T).view("<u4").ravel().astype(np.float64)


def pack_scores(
    scored: Mapping[str, ScoredSet], operating: float, shared: dict
) -> dict:
    """Keep what a network's scores on several sets add to what all cells share.

    Args:
        scored: By set key, scores at the paper's threshold and the operating one.
        operating: The threshold chosen on validation.
        shared: From `FoldSets.table`.

    Returns:
        "films": of all films of these sets, in the order of their rows, "film_score",
        "healthy_error" (the soft error where a mask is empty) and, by
        `THRESHOLD_KEYS`, how many pixels are marked. "sets": by key, of its abnormal
        films `OWN_SHARES` and, by `THRESHOLD_KEYS`, how many marked pixels are
        abnormal. All packed.
    """
    rows = _rows(scored, shared)
    films = {
        k: np.zeros(len(rows)) for k in ("film_score", "healthy_error", *THRESHOLD_KEYS)
    }
    sets = {}
    for key, one in scored.items():
        told = shared["sets"][key]
        at, sick = np.searchsorted(rows, told["rows"]), np.array(told["area"]) > 0
        first = one.scores[operating]
        films["film_score"][at] = first["film_score"] * DIGITS
        films["healthy_error"][at[~sick]] = first["soft_error"][~sick] * DIGITS
        sets[key] = {name: first[name][sick] * DIGITS for name in OWN_SHARES}
        for level, threshold in zip(
            THRESHOLD_KEYS, (PAPER_THRESHOLD, operating), strict=True
        ):
            counts = one.scores[threshold]
            films[level][at] = counts["tp"] + counts["fp"]
            sets[key][level] = counts["tp"][sick]
    packed = {key: _packed(one) for key, one in sets.items()}
    return {"films": _packed(films), "sets": packed}


def _packed(columns: Mapping[str, np.ndarray]) -> dict[str, str]:
    return {name: pack_numbers(values) for name, values in columns.items()}


def _rows(keys: Iterable[str], shared: dict) -> np.ndarray:
    """Give the rows of all films of some sets, in order."""
    return np.unique(np.concatenate([shared["sets"][key]["rows"] for key in keys]))


def unpack_scores(cell: dict, shared: dict, key: str) -> dict[str, metrics.Scores]:
    """Give the scores of one set's films, in the order of its rows.

    Args:
        cell: A finished cell.
        shared: What the cells of its fold share.
        key: Set key; a part of a set that was scored needs no scores of its own.

    Returns:
        By `THRESHOLD_KEYS`, what the statistics of results files need.
    """
    told = shared["sets"][key]
    if whole := told.get("part_of"):
        at = np.argsort(shared["sets"][whole]["rows"])
        rows = np.sort(shared["sets"][whole]["rows"])
        chosen = at[np.searchsorted(rows, told["rows"])]
        found = unpack_scores(cell, shared, whole)
        return {k: {n: v[chosen] for n, v in one.items()} for k, one in found.items()}
    at = np.searchsorted(_rows(cell["sets"], shared), told["rows"])
    films = {k: unpack_numbers(v)[at] for k, v in cell["films"].items()}
    own = {k: unpack_numbers(v) for k, v in cell["sets"][key].items()}
    area = np.array(told["area"], dtype=np.float64)
    sick = area > 0
    soft = {"film_score": films["film_score"] / DIGITS}
    for name, healthy in zip(OWN_SHARES, (films["healthy_error"], 0), strict=True):
        soft[name] = np.where(sick, 0, healthy) / DIGITS
        soft[name][sick] = own[name] / DIGITS
    return {k: _counted(films[k], own[k], area, shared) | soft for k in THRESHOLD_KEYS}


def _counted(
    marked: np.ndarray, right: np.ndarray, area: np.ndarray, shared: dict
) -> metrics.Scores:
    """Give the four counts of pixels from what is marked, right and abnormal."""
    tp = np.zeros_like(area)
    tp[area > 0] = right
    counts = {"tp": tp, "fp": marked - tp, "fn": area - tp}
    return counts | {"tn": shared["pixels"] - sum(counts.values())}
