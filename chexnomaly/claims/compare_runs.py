"""Two runs side by side: in what they differ, and by how much.

A run is a folder of results files with their stamps. What is compared of it can be
written to one small file, so that a run can be committed without its folder: seeds,
values, versions and hardware, and hashes of data, split and all values, intervals and
paired differences included.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from chexnomaly.errors import ResultError
from chexnomaly.files import write_atomic
from chexnomaly.results import read_json, read_result

CAUSES = {"seeds": "seeds", "data_hash": "data", "split_hash": "split"}
"""Fields of a result that its values may move with, and their names."""


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
            stamp = read_json(path, "a stamp")
            for part in ("versions", "hardware"):
                for key, value in stamp.get(part, {}).items():
                    stamps.setdefault(f"{part}: {key}", set()).add(str(value))
        else:
            results[path.stem] = _compared(read_result(path))
    if not results:
        expected = "the output of `make book`"
        raise ResultError("no results files", file=folder, expected=expected)
    return {"results": results, "stamps": {k: sorted(v) for k, v in stamps.items()}}


def _compared(result: Mapping) -> dict:
    text = json.dumps({k: result.get(k) for k in ("values", "paired")}, sort_keys=True)
    hashes = {k: result.get(k) and result[k][:16] for k in ("data_hash", "split_hash")}
    return {
        "seeds": result.get("seeds", []),
        **hashes,
        "values": hashlib.sha256(text.encode()).hexdigest()[:16],
        "measured": {k: entry.get("value") for k, entry in result["values"].items()},
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
    lines = (f"{json.dumps(k)}: {json.dumps(v)}" for k, v in run["results"].items())
    results, stamps = ",\n".join(lines), json.dumps(run["stamps"])
    whole = f'{{\n"stamps": {stamps},\n"results": {{\n{results}\n}}\n}}\n'
    write_atomic(path, whole)


def differences(ours: Mapping, theirs: Mapping) -> list[str]:
    """Say in what two runs differ, one sentence each.

    Args:
        ours: From `load_run`.
        theirs: The one it is compared with.

    Returns:
        Sentences: results that only one has; seeds, data and split; values that moved
        with each of these or with none, and how far; hardware and versions. Empty where
        nothing differs.
    """
    a, b = ours["results"], theirs["results"]
    sides = {"here": a.keys() - b.keys(), "there": b.keys() - a.keys()}
    found = [f"only {side}: {_named(names)}" for side, names in sides.items() if names]
    common = sorted(a.keys() & b.keys())
    causes = {
        words: {name for name in common if a[name][field] != b[name][field]}
        for field, words in CAUSES.items()
    }
    for words, names in causes.items():
        if names:
            found.append(f"{words}: {_named(names)} of {len(common)} in common")
    moved = defaultdict(list)
    for name in common:
        if a[name]["values"] != b[name]["values"]:
            moved[" and ".join(w for w in causes if name in causes[w])].append(name)
    for cause, group in sorted(moved.items()):
        how = f"with {cause}" if cause else "though seeds, data and split agree"
        names = f"{_named(group)} of {len(common)} in common"
        found += [f"values that moved {how}: {names}", *_sizes(a, b, group)]
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


def _sizes(a: Mapping, b: Mapping, names: Sequence[str]) -> Iterator[str]:
    """Tell the middle and largest difference, absolute and relative, and where."""
    here, there = (
        {f"{name}, {k}": v for name in names for k, v in run[name]["measured"].items()}
        for run in (a, b)
    )
    table = pd.DataFrame({"here": here, "there": there}, dtype=float)
    gaps = (table.here - table.there).abs()
    gaps = gaps[gaps > 0]
    relative = gaps / table.abs().max(axis=1)[gaps.index]
    for kind, sizes in {"absolute": gaps, "relative": relative}.items():
        for place in sizes.nlargest(1).index:
            x, y = table.loc[place]
            told = f"{sizes[place]:.3g} ({place}: {x:g} here, {y:g} there)"
            middle = f"half of {len(sizes)} at most {sizes.median():.3g}"
            yield f"  {kind} difference: {middle}, largest {told}"
