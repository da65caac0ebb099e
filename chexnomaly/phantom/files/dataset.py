"""Write a cohort as the folder of a public data set."""

import dataclasses
import json
import os
import shutil
from functools import partial
from pathlib import Path

from chexnomaly.datasets.store.preparing import work_in_order
from chexnomaly.errors import InputError
from chexnomaly.files import open_atomic, write_atomic
from chexnomaly.phantom.files.layouts import LAYOUTS
from chexnomaly.phantom.films import Film
from chexnomaly.phantom.request import Request

STATEMENT = "phantom.json"
"""File in the root that says the pixels are synthetic."""

UNBORN = f".{STATEMENT}.partial.partial"
"""All there is in the root after a kill at the very start."""


def write_dataset(
    root: str | Path,
    n: int,
    seed: int,
    layout: str = "vindr",
    *,
    workers: int = 1,
    replace: bool = False,
    **options,
) -> None:
    """Write n films in the folder layout of a public data set.

    Run again after a kill, it goes on with the films that are missing. Tables and
    phantom.json appear last, each at once. Bytes do not depend on `workers`.

    Args:
        root: Folder to write; created where missing.
        n: Number of films.
        seed: Seed of the cohort; film i is the same in a larger cohort.
        layout: "vindr", "vindr_physionet", "rsna", "candid" or "covid".
        workers: Processes that render at the same time.
        replace: Remove another phantom that lies in the folder; what is not a
            phantom is never touched.
        options: Further fields of `Request`: size_px, enriched, positive_share, ...

    Raises:
        InputError: An unknown layout, a bad number, or a folder that holds another
            data set.
    """
    root = Path(root)
    request = Request(n, seed, layout, **options)
    _claim(root, request, replace)
    films = list(work_in_order(partial(_write_film, request, root), range(n), workers))
    for name, table in LAYOUTS[layout].tables(films).items():
        write_atomic(root / name, table.to_csv(index=False), durable=False)
    write_atomic(root / STATEMENT, request.dump(), durable=False)
    (root / f"{STATEMENT}.partial").unlink(missing_ok=True)


def _claim(root: Path, request: Request, replace: bool) -> None:
    """Make the folder ours, or go on where the same request was interrupted."""
    root.mkdir(parents=True, exist_ok=True)
    statements = [root / name for name in (STATEMENT, f"{STATEMENT}.partial")]
    found = [file for file in statements if file.exists()]
    others = [f for f in found if _read(f) != json.loads(request.dump())]
    if others and not replace:
        expected = "an empty folder or the same one"
        raise InputError("another phantom", file=others[0], expected=expected)
    old = root.with_name(f"{root.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if others:
        os.replace(root, old)  # at once: half of a phantom would not be known as ours
        root.mkdir()
        shutil.rmtree(old, ignore_errors=True)
    elif not found and {path.name for path in root.iterdir()} - {UNBORN}:
        raise InputError("not empty", file=root, expected="an empty folder")
    write_atomic(root / f"{STATEMENT}.partial", request.dump(), durable=False)


def _read(file: Path) -> dict | None:
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError:
        return None


def _write_film(request: Request, root: Path, index: int) -> Film:
    """Write one film where it is missing; return it without pixels."""
    place = LAYOUTS[request.layout].image
    made = request.film(index, lambda bare: not (root / place(bare)).exists())
    if made.pixels is not None:
        if request.layout == "covid":
            from chexnomaly.phantom.files.png import write_masks
            from chexnomaly.phantom.files.png import write_png as write

            write_masks(made, root)
        else:
            from chexnomaly.phantom.files.dicom import write_dicom as write
        with open_atomic(root / place(made), durable=False) as file:
            write(made, file)
    return dataclasses.replace(made, pixels=None)
