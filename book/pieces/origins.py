"""What the numbers of a notebook's page rest on, and how they came about."""

from pathlib import Path

import yaml

from book.pieces.sources import Results, metadata_of, stamp_of
from chexnomaly.evidence import LEVELS
from chexnomaly.labels import spoken

NAMED = 1  # systems or sets that a phrase names before it counts the rest
DIGITS = 12  # of a hash


def rests_on(known: Results, executed: Path) -> dict:
    """Say how much each result of a notebook's page can carry.

    Args:
        known: The results of the build.
        executed: The notebook; its stamp names the results that it read.

    Returns:
        `measured`: whether results come from this notebook; `by_level`: evidence
        level to phrases about the results that it measured or read.
    """
    own = known.of_notebook(executed.stem)
    read = metadata_of(executed).get("chexnomaly", {}).get("read", [])
    results = [known.load(key) for key in read if key in known.files]
    results = own + [r for r in results if r["notebook"] != executed.stem]
    of_level = {lv: [r for r in results if r["evidence"] == lv] for lv in LEVELS}
    by_level = {lv: describe(found) for lv, found in of_level.items() if found}
    return {"measured": bool(own), "by_level": by_level}


def describe(results: list[dict]) -> list[str]:
    """Put results into words; sets that hold the same systems share a phrase."""
    groups: dict[str, list[dict]] = {}
    for dataset in dict.fromkeys(result["set"] for result in results):
        of_set = [result for result in results if result["set"] == dataset]
        systems = _listed([result["system"] for result in of_set])
        groups.setdefault(systems, []).extend(of_set)
    phrases = []
    for systems, group in groups.items():
        sets = _listed([*dict.fromkeys(result["set"] for result in group)])
        counts = sorted({result["n"] for result in group})
        seeds = max(len(result.get("seeds", [])) for result in group)
        ends = " to ".join(f"{n:,}" for n in dict.fromkeys((counts[0], counts[-1])))
        phrase = spoken(f"{systems} on {sets}, n = {ends}")
        phrase += f", {seeds} seed{'s' * (seeds != 1)}" if seeds else ""
        phrases.append(phrase)
    return phrases


def _listed(names: list[str]) -> str:
    if len(names) <= NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"


def run_behind(known: Results, executed: Path) -> dict:
    """Say what is known of the run behind a notebook's page.

    Args:
        known: The results of the build.
        executed: The notebook.

    Returns:
        What the template `provenance.html` lays out: `levels`, `parameters` given,
        `seconds`, `file`, `source_hash`; `results` of this build, each with its
        stamp, and how many others were `committed`.
    """
    about, results = metadata_of(executed), known.of_notebook(executed.stem)
    built = known.written_now(executed.stem)
    given = about.get("papermill", {}).get("parameters", {})
    found = {result["evidence"] for result in results}
    return {
        "levels": [level for level in LEVELS if level in found],
        "parameters": compact(given),
        "seconds": about.get("papermill", {}).get("duration"),
        "file": executed.name,
        "source_hash": about.get("chexnomaly", {}).get("source_sha256", "")[:DIGITS],
        "results": {key: stamp_of(path) for key, path in built.items()},
        "committed": len(results) - len(built),
    }


def compact(parameters: dict) -> str:
    """Write parameters as YAML on one line."""
    text = yaml.safe_dump(parameters, default_flow_style=True, width=float("inf"))
    return text.strip().removeprefix("{").removesuffix("}") or "none"
