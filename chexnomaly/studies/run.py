"""The studies, cell by cell: `python -m chexnomaly.studies.run phantoms --out FOLDER`.

Trains every arm of `phantoms` or `films` on the films that the demo's `02_data` and
`08_real_films` prepared, at the demo's sizes and with its recipes, so that the numbers
of a default build can be held against the study's. Finished cells are skipped, so that
a study grows over many runs; then the results files are written anew.
"""

import argparse
import math
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from chexnomaly.studies import contrasts
from chexnomaly.studies.cells import run_cells
from chexnomaly.studies.films import FilmWorld
from chexnomaly.studies.phantoms import PhantomWorld
from chexnomaly.studies.world_study import WorldStudy
from chexnomaly.workspace import CELLS, Workspace

STUDIED = {"phantoms": PhantomWorld, "films": FilmWorld}
"""Name on the command line to what a study is about."""


def command_line() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("world", choices=STUDIED)
    parser.add_argument("--out", type=Path, required=True, help="results folder")
    parser.add_argument("--work", type=Path, help="films and runs")
    parser.add_argument(
        "--only", nargs="+", default=["*"], help="cells by name: *_seed3"
    )
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="then begin no further cell"
    )
    parser.add_argument("--processes", type=int, default=2, help="of one thread each")
    parser.add_argument("--write", action="store_true", help="write results alone")
    return parser


def main(
    arguments: Sequence[str] | None = None, study: WorldStudy | None = None
) -> None:
    """Run the missing cells that are asked for, then write results and count them.

    Args:
        arguments: In place of the command line's.
        study: In place of the one of the checkout that the current folder lies in.

    Raises:
        SystemExit: No cell has such a name, or some failed.
        ResultError: The folder holds another study's cells.
    """
    given = command_line().parse_args(arguments)
    if study is None:
        work = given.work or Workspace.open("study").runs / "cells"
        study = WorldStudy(STUDIED[given.world](Workspace.open("demo")), work)
    folder = given.out / CELLS / given.world
    cells = study.cells()
    wanted = [c for c in cells if any(fnmatch(c.name, one) for one in given.only)]
    failed = []
    if not given.write:
        if not wanted:
            raise SystemExit(
                f"no cell of this study is named {' or '.join(given.only)}"
            )
        failed = run_cells(wanted, study, folder, given.processes, given.minutes)
    contrasts.write_results(given.out, folder, study.world)
    done = sum((folder / f"{cell.name}.json").exists() for cell in cells)
    print(f"{study.world.name}: {done} of {len(cells)} cells are finished")
    if failed:
        raise SystemExit(f"{len(failed)} of {len(wanted)} cells failed")


if __name__ == "__main__":
    main()
