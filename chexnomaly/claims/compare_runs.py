"""Two runs side by side: in what they differ, and by how much.

A run is a folder of results files with their stamps. What is compared of it can be
written to one small file, so that a run can be committed without its folder: seeds,
values, versions and hardware, and hashes of data, split and all values, intervals and
paired differences included.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from chexnomaly.errors import ResultError
from chexnomaly.results import read_json, read_result

COMPARED_FIELDS = {
    "seeds": "seeds",
    "data_hash": "data hash",
    "split_hash": "split hash",
    "values": "values",
}
"""Fields of a result that are compared, in words."""

SIZES = {
    "absolute": lambda x, y: abs(x - y),
    "relative": lambda x, y: abs(x - y) / max(abs(x), abs(y)),
}
"""How large a difference of two values is."""


def summarize_run(folder: Path) -> dict:
    """Collect what is compared of a folder of results files.

    Args:
        folder: Holds `<system>__<set>.json` with their stamps.

    Returns:
        "results": name to seeds, data_hash, split_hash, the hash of all values, and
        "measured", key to value; "stamps": such as "versions: torch" to the sorted
        values met, as text.

    Raises:
        ResultError: There are no results, or one is corrupted.
    """
    results, stamps = {}, {}
    for path in sorted(Path(folder).glob("*__*.json")):
        if path.name.endswith(".stamp.json"):
            for field, value in _stamped(read_json(path, "a stamp")):
                stamps[field] = sorted({*stamps.get(field, []), value})
        else:
            results[path.stem] = _compared(read_result(path))
    if not results:
        expected = "the output of `make book`"
        raise ResultError("no results files", file=folder, expected=expected)
    return {"results": results, "stamps": stamps}


def _stamped(stamp: Mapping) -> Iterator[tuple[str, str]]:
    """List the versions and the hardware of a stamp."""
    for part in ("versions", "hardware"):
        for key, value in stamp.get(part, {}).items():
            yield f"{part}: {key}", str(value)


def _compared(result: Mapping) -> dict:
    text = json.dumps({k: result.get(k) for k in ("values", "paired")}, sort_keys=True)
    measured = {key: entry.get("value") for key, entry in result["values"].items()}
    return {
        "seeds": result.get("seeds", []),
        "data_hash": result.get("data_hash") and result["data_hash"][:16],
        "split_hash": result.get("split_hash") and result["split_hash"][:16],
        "values": hashlib.sha256(text.encode()).hexdigest()[:16],
        "measured": measured,
    }


def load_run(path: Path) -> dict:
    """Summarize a folder, or read a summary that was written.

    Raises:
        ResultError: It is neither.
    """
    if Path(path).is_dir():
        return summarize_run(path)
    content = read_json(path, "a run")
    if set(content) != {"results", "stamps"}:
        raise ResultError("other fields", file=path, expected="a run")
    return content


def write_run(run: Mapping, path: Path) -> None:
    """Write the summary of a run as JSON, one result in a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    results = (f"{json.dumps(k)}: {json.dumps(v)}" for k, v in run["results"].items())
    text = ",\n".join(results)
    stamps = json.dumps(run["stamps"])
    whole = f'{{\n"stamps": {stamps},\n"results": {{\n{text}\n}}\n}}\n'
    path.write_text(whole, encoding="utf-8")


def differences(ours: Mapping, theirs: Mapping) -> list[str]:
    """Say in what two runs differ, one sentence each.

    Args:
        ours: From `load_run`.
        theirs: The one it is compared with.

    Returns:
        Sentences: results that only one has, then seeds, data, split, values with the
        largest difference, hardware and versions; empty where nothing differs.
    """
    a, b = ours["results"], theirs["results"]
    sides = {"here": a.keys() - b.keys(), "there": b.keys() - a.keys()}
    found = [f"only {side}: {_named(names)}" for side, names in sides.items() if names]
    common = sorted(a.keys() & b.keys())
    for field, words in COMPARED_FIELDS.items():
        names = [name for name in common if a[name][field] != b[name][field]]
        if names:
            found.append(f"{words}: {_named(names)} of {len(common)} in common")
    found += _largest(a, b, common)
    here, there = ours["stamps"], theirs["stamps"]
    for field in sorted(here.keys() | there.keys()):
        x, y = (" and ".join(side.get(field, ["none"])) for side in (here, there))
        if x != y:
            found.append(f"{field} is {x} here, {y} there")
    return found


def _named(names: Iterable[str], shown: int = 4) -> str:
    names = sorted(names)
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return f"{', '.join(names[:shown])}{more} ({len(names)})"


def _largest(a: Mapping, b: Mapping, names: Iterable[str]) -> Iterator[str]:
    """Tell the largest difference of values, absolute and relative, and where."""
    measured = {
        f"{name}, {key}": (value, b[name]["measured"].get(key))
        for name in names
        for key, value in a[name]["measured"].items()
    }
    pairs = {k: v for k, v in measured.items() if None not in v and v[0] != v[1]}
    if not pairs:
        return
    for kind, size in SIZES.items():
        place, (x, y) = max(pairs.items(), key=lambda item, size=size: size(*item[1]))
        told = f"{size(x, y):.3g} ({place}: {x:g} here, {y:g} there)"
        yield f"largest {kind} difference: {told}"
