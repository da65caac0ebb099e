"""Two runs side by side: in what do they differ, and does it show in the results?

A fingerprint is what is worth comparing of a folder of results files and their
stamps: seeds, hashes of data, split and values, versions, hardware. It is small enough
to be committed.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from chexnomaly.errors import ResultError
from chexnomaly.results import read_result

PER_RESULT = {
    "seeds": "seeds",
    "data_hash": "data hash",
    "split_hash": "split hash",
    "values": "values",
}
"""Fields of a result in a fingerprint, in words."""

STAMPED = ("versions", "hardware")
"""Fields of a stamp that enter a fingerprint."""


def fingerprint(folder: Path) -> dict:
    """Take the fingerprint of a folder of results files.

    Args:
        folder: Holds `<system>__<set>.json` with their stamps.

    Returns:
        "results": name to seeds, data_hash, split_hash, and the hash of values;
        "versions" and "hardware": name to the sorted values met, as text.

    Raises:
        ResultError: There are no results, or one is corrupted.
    """
    results, stamped = {}, {name: {} for name in STAMPED}
    for path in sorted(Path(folder).glob("*__*.json")):
        if path.name.endswith(".stamp.json"):
            continue
        result = read_result(path)
        results[path.stem] = {
            "seeds": result.get("seeds", []),
            "data_hash": _short(result.get("data_hash")),
            "split_hash": _short(result.get("split_hash")),
            "values": _digest({k: result.get(k) for k in ("values", "paired")}),
        }
        _collect(stamped, _read_stamp(path))
    if not results:
        raise ResultError(
            "no results files", file=folder, expected="the output of `make book`"
        )
    return {"results": results, **stamped}


def _short(digest: str | None) -> str | None:
    return None if digest is None else str(digest)[:16]


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read_stamp(path: Path) -> dict:
    stamp = path.with_suffix(".stamp.json")
    try:
        return json.loads(stamp.read_text(encoding="utf-8")) if stamp.exists() else {}
    except ValueError as error:
        raise ResultError(str(error), file=stamp, expected="a stamp") from error


def _collect(stamped: dict[str, dict], stamp: Mapping) -> None:
    for name in STAMPED:
        for key, value in stamp.get(name, {}).items():
            met = set(stamped[name].get(key, [])) | {str(value)}
            stamped[name][key] = sorted(met)


def load_fingerprint(path: Path) -> dict:
    """Take the fingerprint of a folder, or read one that was written.

    Raises:
        ResultError: It is neither.
    """
    if Path(path).is_dir():
        return fingerprint(path)
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultError(str(error), file=path, expected="a fingerprint") from error
    if not isinstance(content, dict) or set(content) != {"results", *STAMPED}:
        raise ResultError("other fields", file=path, expected="a fingerprint")
    return content


def write_fingerprint(content: Mapping, path: Path) -> None:
    """Write a fingerprint as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=1, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def differences(ours: Mapping, theirs: Mapping) -> list[str]:
    """Say in what two runs differ, one sentence each.

    Args:
        ours: A fingerprint.
        theirs: The one it is compared with.

    Returns:
        Sentences: results that only one has, then seeds, data, split, values,
        versions and hardware; empty where nothing differs.
    """
    a, b = ours["results"], theirs["results"]
    found = []
    for names, side in (
        (sorted(a.keys() - b.keys()), "here"),
        (sorted(b.keys() - a.keys()), "there"),
    ):
        if names:
            found.append(f"only {side}: {_named(names)}")
    common = sorted(a.keys() & b.keys())
    for field, words in PER_RESULT.items():
        names = [name for name in common if a[name][field] != b[name][field]]
        if names:
            found.append(f"{words}: {_named(names)} of {len(common)} in common")
    return [*found, *_stamp_differences(ours, theirs)]


def _named(names: list[str], shown: int = 4) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return f"{', '.join(names[:shown])}{more} ({len(names)})"


def _stamp_differences(ours: Mapping, theirs: Mapping) -> Iterator[str]:
    for name in STAMPED:
        for key in sorted(ours[name].keys() | theirs[name].keys()):
            a, b = (" and ".join(s[name].get(key, ["none"])) for s in (ours, theirs))
            if a != b:
                yield f"{name}: {key} is {a} here, {b} there"
