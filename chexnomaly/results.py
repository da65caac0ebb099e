"""Results files: what was measured, on what, with which evidence.

`<system>__<set>.json` holds values only, the same bytes on every run of one machine.
`<system>__<set>.stamp.json` beside it holds how: parameters, versions, hardware and
wall time, which change from run to run and must never change a result.
"""

import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path

import pandas as pd

from chexnomaly.errors import ResultError
from chexnomaly.evidence import evidence_level
from chexnomaly.files import write_atomic
from chexnomaly.workspace import READ_LOG, notebook_cell, running_line

RESULT_SCHEMA = 1
PACKAGES = ("torch", "numpy", "scipy", "pandas", "lightning-fabric", "pydicom")
FIELDS = ("system", "set", "profile", "notebook", "evidence", "n", "values")

Entry = dict[str, float | int | None]
"""One value of a results file: "value", "low", "high" (its 95 % interval) and "n".

A difference may hold "p", its p-value against 0, where its interval is not normal.
"""


def write_result(
    folder: Path,
    system: str,
    dataset: str,
    *,
    profile: str,
    notebook: str,
    scored_on: str,
    n: int,
    values: dict,
    trained_on: str | None = None,
    seeds: list[int] | None = None,
    started: float | None = None,
    parameters: dict | None = None,
    **details,
) -> Path:
    """Write one results file and its stamp, atomically.

    Args:
        folder: Results folder of the profile.
        system: System key.
        dataset: Key of the set it was scored on.
        profile: Profile name.
        notebook: Notebook that measured it, without its ending.
        scored_on: One of `evidence.ORIGINS`.
        n: Items scored.
        values: Entries with "value", "low", "high", "n" by key.
        trained_on: What the system was trained on; None for no training.
        seeds: Seeds that enter the values.
        started: `time.perf_counter()` at the start, for the wall time.
        parameters: The notebook's parameters, for the stamp.
        details: Further deterministic fields, such as threshold or data_hash.

    Returns:
        The path of the results file.
    """
    made = {"system": system, "set": dataset, "profile": profile, "notebook": notebook}
    origins = {"trained_on": trained_on, "scored_on": scored_on}
    result = {
        "schema": RESULT_SCHEMA,
        "evidence": evidence_level(**origins),
        "n": n,
        "seeds": seeds or [],
        "values": values,
        **(made | origins | details),
    }
    path = folder / f"{system}__{dataset}.json"
    hashes = {name: result.get(name) for name in ("seeds", "data_hash", "split_hash")}
    how = _as_json(hashes | stamp(parameters, started))
    write_atomic(path.with_suffix(".stamp.json"), how, durable=False)
    write_atomic(path, _as_json(result), durable=False)
    return path


def read_json(path: Path, expected: str) -> dict:
    """Read a JSON object.

    Raises:
        ResultError: It is missing, not JSON, or no object.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ResultError(str(error), file=path, expected=expected) from error
    if not isinstance(content, dict):
        raise ResultError("no JSON object", file=path, expected=expected)
    return content


def read_result(path: Path) -> dict:
    """Read one results file.

    Args:
        path: A file that `write_result` wrote.

    Returns:
        Its fields.

    Raises:
        ResultError: It is missing, not JSON, of another schema, or lacks a field.
    """
    result = read_json(path, "a results file")
    if result.get("schema") != RESULT_SCHEMA:
        expected = f"schema {RESULT_SCHEMA}"
        raise ResultError("unknown schema", file=path, expected=expected)
    for name in FIELDS:
        if name not in result:
            raise ResultError("missing field", file=path, column=name)
    if log := os.environ.get(READ_LOG):
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{path.stem}\n")
    return result


def results_frame(
    paths: Iterable[Path], cells: Mapping[str, str] | Callable[[dict], dict]
) -> pd.DataFrame:
    """Lay results files side by side, for a person to read.

    Args:
        paths: Results files, one row each.
        cells: Results key to the heading of its column, which then holds
            "value [low, high]"; or what makes the cells of a row from a result.

    Returns:
        Index system; the cells, then n and evidence.
    """
    names, rows = [], []
    for result in map(read_result, paths):
        if callable(cells):
            row = cells(result)
        else:
            row = {h: format_entry(result["values"].get(k)) for k, h in cells.items()}
        names.append(result["system"])
        rows.append(row | {"n": result["n"], "evidence": result["evidence"]})
    return pd.DataFrame(rows, index=pd.Index(names, name="system"))


def format_entry(entry: Mapping | None, digits: int = 3, sign: str = "") -> str:
    """Write an entry as "value [low, high]"; a dash where it is undefined.

    Args:
        entry: With "value", "low" and "high"; None or NaN for what is not there.
        digits: Digits behind the point.
        sign: "+" to write the sign of positive numbers too.
    """
    if entry is None or pd.isna(entry["value"]):
        return "–"
    value, low, high = (
        "" if pd.isna(entry[part]) else f"{entry[part]:{sign}.{digits}f}"
        for part in ("value", "low", "high")
    )
    return f"{value} [{low}, {high}]" if low else value


def stamp(
    parameters: dict | None, started: float | None, packages: Sequence[str] = ()
) -> dict:
    """Say how something was measured.

    Args:
        parameters: What it was measured with.
        started: `time.perf_counter()` at the start, for the wall time.
        packages: Further packages whose versions matter.

    Returns:
        Parameters, versions, hardware, whether algorithms had to be deterministic,
        commit, the number of the notebook's cell, the line in it, wall time and date.
    """
    import torch  # so late, since who only reads results needs none

    versions = {name: _version(name) for name in (*PACKAGES, *packages)}
    return {
        "parameters": parameters or {},
        "versions": {"python": platform.python_version()} | versions,
        "hardware": hardware(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "commit": _commit(),
        "cell": notebook_cell(),
        "line": running_line(),
        "wall_s": None if started is None else round(time.perf_counter() - started, 1),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


@cache
def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def hardware() -> dict:
    """Name the machine in words that identify no one: processor, cores, GPU."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": gpu,
    }


@cache
def _commit() -> str | None:
    """Read this code's commit, with "+" where files were changed since.

    Returns:
        None where git does not hold this very file: a download that lies in somebody's
        own repository has no commit.
    """
    try:
        _git("ls-files", "--error-unmatch", Path(__file__).name)
        return _git("describe", "--always", "--dirty=+", "--abbrev=12")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*arguments: str) -> str:
    # Variables such as GIT_DIR, which a hook sets, would name another repository.
    known = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=known
    )
    return done.stdout.strip()


def _as_json(value: dict) -> str:
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n"
