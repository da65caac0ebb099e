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

STAMPED = ("versions", "hardware")
"""Fields of a stamp that are compared."""


def summarize_run(folder: Path) -> dict:
    """Collect what is compared of a folder of results files.

    Args:
        folder: Holds `<system>__<set>.json` with their stamps.

    Returns:
        "results": name to seeds, data_hash, split_hash, the hash of all values, and
        "measured", key to value; "versions" and "hardware": name to the sorted values
        met, as text.

    Raises:
        ResultError: There are no results, or one is corrupted.
    """
    paths = [
        p for p in sorted(Path(folder).glob("*__*.json")) if ".stamp" not in p.name
    ]
    if not paths:
        expected = "the output of `make book`"
        raise ResultError("no results files", file=folder, expected=expected)
    stamps = [path.with_suffix(".stamp.json") for path in paths]
    stamps = [read_json(path, "a stamp") for path in stamps if path.exists()]
    return {
        "results": {path.stem: _compared(read_result(path)) for path in paths},
        **{name: _met(stamp.get(name, {}) for stamp in stamps) for name in STAMPED},
    }


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


def _met(parts: Iterable[Mapping]) -> dict[str, list[str]]:
    met: dict[str, set[str]] = {}
    for part in parts:
        for key, value in part.items():
            met.setdefault(key, set()).add(str(value))
    return {key: sorted(values) for key, values in met.items()}


def load_run(path: Path) -> dict:
    """Summarize a folder, or read a summary that was written.

    Raises:
        ResultError: It is neither.
    """
    if Path(path).is_dir():
        return summarize_run(path)
    content = read_json(path, "a run")
    if set(content) != {"results", *STAMPED}:
        raise ResultError("other fields", file=path, expected="a run")
    return content


def write_run(run: Mapping, path: Path) -> None:
    """Write the summary of a run as JSON, one result in a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    results = (f"{json.dumps(k)}: {json.dumps(v)}" for k, v in run["results"].items())
    stamped = (f"{json.dumps(name)}: {json.dumps(run[name])}" for name in STAMPED)
    whole = [*stamped, '"results": {\n' + ",\n".join(results) + "\n}"]
    path.write_text("{\n" + ",\n".join(whole) + "\n}\n", encoding="utf-8")


def differences(ours: Mapping, theirs: Mapping) -> list[str]:
    """Say in what two runs differ, one sentence each.

    Args:
        ours: From `load_run`.
        theirs: The one it is compared with.

    Returns:
        Sentences: results that only one has, then seeds, data, split, values with the
        largest difference, versions and hardware; empty where nothing differs.
    """
    a, b = ours["results"], theirs["results"]
    sides = {"here": a.keys() - b.keys(), "there": b.keys() - a.keys()}
    found = [f"only {side}: {_named(names)}" for side, names in sides.items() if names]
    common = sorted(a.keys() & b.keys())
    for field, words in COMPARED_FIELDS.items():
        names = [name for name in common if a[name][field] != b[name][field]]
        if names:
            found.append(f"{words}: {_named(names)} of {len(common)} in common")
    return [*found, *_largest(a, b, common), *_stamp_differences(ours, theirs)]


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
    for kind, size in {"absolute": _absolute, "relative": _relative}.items():
        place, (x, y) = max(pairs.items(), key=lambda item, size=size: size(*item[1]))
        told = f"{size(x, y):.3g} ({place}: {x:g} here, {y:g} there)"
        yield f"largest {kind} difference: {told}"


def _absolute(x: float, y: float) -> float:
    return abs(x - y)


def _relative(x: float, y: float) -> float:
    return abs(x - y) / max(abs(x), abs(y))


def _stamp_differences(ours: Mapping, theirs: Mapping) -> Iterator[str]:
    for name in STAMPED:
        for key in sorted(ours[name].keys() | theirs[name].keys()):
            a, b = (" and ".join(s[name].get(key, ["none"])) for s in (ours, theirs))
            if a != b:
                yield f"{name}: {key} is {a} here, {b} there"
