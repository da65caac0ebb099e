"""A study cut into cells: one system, one choice of films, one fold and one seed.

Each finished cell is one small JSON file with the scores of every film, so that it can
be committed, so that a later run skips it, and so that any statistic can be computed
from it without training again. A run that was killed goes on where it stopped.
"""

import json
import multiprocessing
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import numpy as np
import torch

from chexnomaly.errors import ResultError
from chexnomaly.evaluation.scores import PAPER_THRESHOLD, ScoredSet
from chexnomaly.files import write_atomic
from chexnomaly.results import read_json

PIXEL_COUNTS = ("tp", "fp", "fn")
"""Pixels that are kept of each film; "tn" follows from how many there are."""

SOFT = ("soft_error", "peak_inside")
"""Scores of a film's own that need no threshold."""


@dataclass(frozen=True)
class Cell:
    """One training of a study.

    Attributes:
        system: System key.
        films: What its films differ in, such as "without_fracture"; "" for nothing.
        fold: The fold that is held out.
        seed: Seed of the network.
    """

    system: str
    films: str
    fold: int
    seed: int

    @property
    def name(self) -> str:
        """Name of its file, without the ending."""
        arm = "__".join(filter(None, [self.system, self.films]))
        return f"{arm}__fold{self.fold}_seed{self.seed}"


def run_cells(
    cells: Iterable[Cell],
    measure: Callable[[Cell], dict],
    folder: Path,
    settings: dict,
    processes: int = 2,
) -> list[Cell]:
    """Measure every cell whose file is not there yet.

    Cells of one seed run one after the other in one process, since they may build on
    each other's runs; the seeds are dealt out to the processes.

    Args:
        cells: Which, in the order in which they build on each other.
        measure: Gives what a cell's file holds beside cell and settings; plain JSON.
            It is sent to other processes.
        folder: Receives the files.
        settings: What all cells were made with.
        processes: How many work at the same time, one thread each.

    Returns:
        The cells that failed, traceback printed; the others are finished.

    Raises:
        ResultError: A file is there that was made with other settings.
    """
    missing = [cell for cell in cells if read_cell(folder, cell, settings) is None]
    by_seed = groupby(sorted(missing, key=attrgetter("seed")), attrgetter("seed"))
    jobs = [list(group) for _, group in by_seed]
    run = partial(_run_in_order, measure=measure, folder=folder, settings=settings)
    if processes == 1 or len(jobs) < 2:
        return sum(map(run, jobs), [])
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        return sum(pool.map(run, jobs), [])


def _run_in_order(
    cells: Sequence[Cell], measure: Callable, folder: Path, settings: dict
) -> list[Cell]:
    torch.set_num_threads(1)
    failed = []
    for cell in cells:
        try:
            found = {"cell": asdict(cell), "settings": settings, **measure(cell)}
        except Exception:  # the others need not wait until somebody has mended this one
            traceback.print_exc(file=sys.stderr)
            failed.append(cell)
            continue
        text = json.dumps(found, sort_keys=True, allow_nan=False)
        write_atomic(folder / f"{cell.name}.json", text + "\n")
        print(f"{cell.name} done", flush=True)
    return failed


def read_cell(folder: Path, cell: Cell, settings: dict) -> dict | None:
    """Read a finished cell; None where there is none.

    Raises:
        ResultError: The file is damaged, or another study's.
    """
    path = folder / f"{cell.name}.json"
    if not path.exists():
        return None
    found = read_json(path, "a finished cell")
    if found.get("settings") != json.loads(json.dumps(settings)):
        expected = "the settings of this study; move the folder away to begin anew"
        raise ResultError("made with other settings", file=path, expected=expected)
    return found


def pack_scores(scored: Mapping[str, ScoredSet], operating: float) -> dict:
    """Turn the scores of one network on several sets into small plain JSON.

    Args:
        scored: By set key, scores at the paper's threshold and the operating one.
        operating: The threshold chosen on validation.

    Returns:
        "films": "ids", "patients" (the id where none is known) and "film_score" of
        every film, once. "sets": by set key "rows", which films they are; `SOFT` with
        four digits behind the point; and by threshold, "paper" or "operating",
        `PIXEL_COUNTS`. "pixels": of a film.
    """
    levels = {"paper": PAPER_THRESHOLD, "operating": operating}
    films: dict[str, tuple] = {}
    packed = {}
    for key, one in scored.items():
        first = one.scores[operating]
        told = zip(
            one.patients or one.ids, first["film_score"].round(4).tolist(), strict=True
        )
        films |= dict(zip(one.ids, told, strict=True))
        order = {name: row for row, name in enumerate(films)}
        packed[key] = {"rows": [order[name] for name in one.ids]}
        packed[key] |= {name: first[name].round(4).tolist() for name in SOFT}
        for level, threshold in levels.items():
            table = one.scores[threshold]
            packed[key][level] = {
                k: table[k].astype(int).tolist() for k in PIXEL_COUNTS
            }
    pixels = int(sum(first[name][0] for name in (*PIXEL_COUNTS, "tn")))
    patients, scores = map(list, zip(*films.values(), strict=True))
    told = {"ids": [*films], "patients": patients, "film_score": scores}
    return {"films": told, "sets": packed, "pixels": pixels}


def join_scores(cells: Sequence[dict], key: str) -> dict[str, ScoredSet]:
    """Put one set of several folds together.

    Args:
        cells: Each with what `pack_scores` gave of one fold.
        key: Set key.

    Returns:
        By threshold, "paper" or "operating", the scores of all films at the key
        `PAPER_THRESHOLD`, so that two systems are compared there whatever threshold
        either chose.

    Raises:
        ValueError: A film occurs twice.
    """
    parts = [_unpacked(cell, key) for cell in cells]
    films = sum((part["ids"] for part in parts), [])
    patients = sum((part["patients"] for part in parts), [])
    if len({*films}) < len(films):
        raise ValueError("expected folds that share no film")
    joined = {}
    for level in ("paper", "operating"):
        tables = [part[level] for part in parts]
        table = {name: np.concatenate([t[name] for t in tables]) for name in tables[0]}
        joined[level] = ScoredSet(films, {PAPER_THRESHOLD: table}, [], [], patients)
    return joined


def _unpacked(cell: dict, key: str) -> dict:
    """Give a set's "ids" and "patients", and by threshold its scores."""
    one, films, size = cell["sets"][key], cell["films"], cell["pixels"]
    own = {name: [values[row] for row in one["rows"]] for name, values in films.items()}
    soft = {name: np.array(one[name]) for name in SOFT}
    soft["film_score"] = np.array(own.pop("film_score"))
    for level in ("paper", "operating"):
        counts = {
            name: np.array(one[level][name], dtype=float) for name in PIXEL_COUNTS
        }
        own[level] = counts | soft | {"tn": size - sum(counts.values())}
    return own
