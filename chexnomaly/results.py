"""Results files: what was measured, on what, with which evidence.

`<system>__<set>.json` holds values only, the same bytes on every run of one machine.
`<system>__<set>.stamp.json` beside it holds how: parameters, versions, hardware and
wall time, which change from run to run and must never change a result.
"""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import pandas as pd

from chexnomaly.errors import ResultError
from chexnomaly.evidence import evidence_level
from chexnomaly.files import write_atomic

SCHEMA = 1
PACKAGES = ("torch", "numpy", "scipy", "pandas", "lightning-fabric", "pydicom")
FIELDS = ("system", "set", "profile", "notebook", "evidence", "n", "values")

READ_LOG = "CHEXNOMALY_READ_LOG"
"""Environment variable: a file to which `read_result` adds the name of what it read."""


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
        scored_on: "phantom", "images", "annotations" or "quoted".
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
    result = {
        "schema": SCHEMA,
        "system": system,
        "set": dataset,
        "profile": profile,
        "notebook": notebook,
        "evidence": evidence_level(trained_on, scored_on),
        "trained_on": trained_on,
        "scored_on": scored_on,
        "n": n,
        "seeds": seeds or [],
        "values": values,
        **details,
    }
    path = folder / f"{system}__{dataset}.json"
    hashes = {name: result.get(name) for name in ("seeds", "data_hash", "split_hash")}
    _write_json(path.with_suffix(".stamp.json"), hashes | stamp(parameters, started))
    _write_json(path, result)
    return path


def read_result(path: Path) -> dict:
    """Read one results file.

    Args:
        path: A file that `write_result` wrote.

    Returns:
        Its fields.

    Raises:
        ResultError: It is missing, not JSON, of another schema, or lacks a field.
    """
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultError(str(error), file=path, expected="a results file") from error
    if not isinstance(result, dict) or result.get("schema") != SCHEMA:
        raise ResultError("unknown schema", file=path, expected=f"schema {SCHEMA}")
    for name in FIELDS:
        if name not in result:
            raise ResultError("missing field", file=path, column=name)
    if log := os.environ.get(READ_LOG):
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{path.stem}\n")
    return result


def results_frame(paths: Sequence[Path], keys: Mapping[str, str]) -> pd.DataFrame:
    """Lay results files side by side, for a person to read.

    Args:
        paths: Results files, one row each.
        keys: Results key to the heading of its column.

    Returns:
        Index system; "value [low, high]" in each column, then n and evidence.
    """
    rows = []
    for path in paths:
        result = read_result(path)
        cells = {h: format_entry(result["values"].get(k)) for k, h in keys.items()}
        counts = {"n": result["n"], "evidence": result["evidence"]}
        rows.append({"system": result["system"], **cells, **counts})
    return pd.DataFrame(rows).set_index("system")


def format_entry(entry: Mapping | None, digits: int = 3) -> str:
    """Write an entry as "value [low, high]"; a dash where it is undefined."""
    if entry is None or entry["value"] is None:
        return "–"
    text = f"{entry['value']:.{digits}f}"
    if entry["low"] is None:
        return text
    return f"{text} [{entry['low']:.{digits}f}, {entry['high']:.{digits}f}]"


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
        commit, wall time and date.
    """
    versions = {}
    for name in (*PACKAGES, *packages):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "parameters": parameters or {},
        "versions": {"python": platform.python_version(), **versions},
        "hardware": hardware(),
        "deterministic": _is_deterministic(),
        "commit": _commit(),
        "wall_s": None if started is None else round(time.perf_counter() - started, 1),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


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


def _is_deterministic() -> bool:
    """Ask torch, where anything has loaded it; a stamp alone is no reason to."""
    torch = sys.modules.get("torch")
    return torch is not None and torch.are_deterministic_algorithms_enabled()


def _commit() -> str | None:
    """Read the checkout's commit, with "+" where files were changed since."""
    try:
        command = ["git", "describe", "--always", "--dirty=+", "--abbrev=12"]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()


def _write_json(path: Path, value: dict) -> None:
    text = json.dumps(value, indent=1, sort_keys=True, allow_nan=False)
    write_atomic(path, text + "\n", durable=False)
