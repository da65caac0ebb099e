"""A study cut into cells: one system, one choice of films, one fold and one seed.

Each finished cell is one small JSON file with the scores of every film, so that it can
be committed, so that a later run skips it, and so that any statistic can be computed
from it without training again. A run that was killed goes on where it stopped.
"""

import json
import multiprocessing
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
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
from chexnomaly.metrics import Scores
from chexnomaly.results import read_json

PER_FILM = ("tp", "fp", "fn", "soft_error", "film_score", "peak_inside")
"""What is kept of each film; "tn" follows from the number of pixels."""


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


def pack_scores(scored: ScoredSet, operating: float) -> dict:
    """Turn the scores of one set into plain JSON.

    Args:
        scored: Scores at the paper's threshold and the operating one.
        operating: The threshold chosen on validation.

    Returns:
        "ids", "patients", "pixels" (of a film), and by threshold, "paper" or
        "operating", lists of `PER_FILM` with four digits behind the point.
    """
    packed = {"ids": scored.ids, "patients": [*scored.patients]}
    for name, threshold in (("paper", PAPER_THRESHOLD), ("operating", operating)):
        table = scored.scores[threshold]
        packed[name] = {key: np.round(table[key], 4).tolist() for key in PER_FILM}
    pixels = sum(table[key][0] for key in ("tp", "fp", "fn", "tn"))
    return packed | {"pixels": int(pixels)}


def join_scores(packed: Sequence[dict]) -> dict[str, ScoredSet]:
    """Put what `pack_scores` made of several folds together.

    Args:
        packed: One set of each fold; each film occurs once.

    Returns:
        By threshold, "paper" or "operating", the scores of all films at the key
        `PAPER_THRESHOLD`, so that two systems are compared there whatever threshold
        either chose.

    Raises:
        ValueError: A film occurs twice.
    """
    ids, patients = (sum((one[k] for one in packed), []) for k in ("ids", "patients"))
    if len({*ids}) < len(ids):
        raise ValueError("expected folds that share no film")
    joined = {}
    for name in ("paper", "operating"):
        tables = [_unpacked(one[name], one["pixels"]) for one in packed]
        table = {key: np.concatenate([t[key] for t in tables]) for key in tables[0]}
        joined[name] = ScoredSet(ids, {PAPER_THRESHOLD: table}, [], [], patients)
    return joined


def _unpacked(table: dict, pixels: int) -> Scores:
    scores = {key: np.array(values, dtype=np.float64) for key, values in table.items()}
    rest = pixels - scores["tp"] - scores["fp"] - scores["fn"]
    return scores | {"tn": rest}
