"""Committed benchmarks, read for the page on speed and scale."""

import json
from collections.abc import Mapping
from pathlib import Path

from chexnomaly.errors import MissingInputError
from chexnomaly.results import format_entry

BENCHMARKS = (
    *("bench_boxes", "bench_step", "bench_ingest"),
    *("bench_prepare", "bench_phantom", "bench_allocator", "bench_training"),
)

NOT_MEASURED = "not measured"
"""What stands where no GPU could be had."""

FLOOR_GOALS = {"JPEG 2000 film to store: decoding": 0.9}
"""Label of a floor to the least share of the time that was set as a goal beforehand.

Of an uncompressed film there is next to nothing to decode: no goal was set.
"""

GPU_ROWS = (
    ("rate of a bfloat16 matrix product, 10^12 operations/s", "tera_operations_per_s"),
    ("share of that rate in a training step", "share_of_matrix_rate"),
    ("training images per second, read from the store", "images_per_s"),
    ("speed from the store, to resident images", "speed_from_store_to_resident"),
    ("box transform, share of a step", "transform_to_step"),
)


def read_benchmarks(reference: Path) -> dict[str, dict]:
    """Read the committed benchmarks.

    Args:
        reference: `book/reference`.

    Returns:
        Name to content, with an entry for each of `BENCHMARKS`.

    Raises:
        MissingInputError: One is missing.
    """
    table = {}
    for name in BENCHMARKS:
        path = reference / "bench" / f"{name}.json"
        if not path.is_file():
            raise MissingInputError(
                "no such benchmark", file=path.name, expected="the output of make bench"
            )
        table[name] = json.loads(path.read_text(encoding="utf-8-sig"))
    return table


def read_timings(reference: Path) -> dict[str, dict]:
    """Read what cold builds spent by stage, by profile; empty where none was kept."""
    files = sorted((reference / "bench").glob("timings_*.json"))
    return {f.stem.partition("_")[2]: json.loads(f.read_bytes()) for f in files}


def read_step_costs(reference: Path) -> dict[str, dict]:
    """Read what a step costs on a GPU, by width; empty where it was never measured."""
    path = reference / "gpu" / "bundle_0.json"
    if not path.is_file():
        return {}
    report = json.loads(path.read_text(encoding="utf-8-sig"))
    return report["unet"] if report["hardware"]["gpu"] else {}


def ratios(benches: Mapping[str, dict]) -> dict[str, dict]:
    """Collect how many times as fast as each peer we are, by a label naming both."""
    rows = {}
    for name, one in benches["bench_boxes"]["transform"].items():
        label = f"box transform, {name}: scikit-image"
        rows[label] = one["times_as_fast_as"]["scikit-image"]
    step = benches["bench_step"]
    for name, one in step["step"]["networks"].items():
        peer = one["fastest_peer"]
        rows[f"step of {name}: {peer}"] = one["times_as_fast_as"][peer]
    loop = benches["bench_training"]["times_as_fast_as"]["bare loop"]
    rows["training: a bare loop in memory"] = loop
    for kind, one in benches["bench_ingest"]["kinds"].items():
        for peer, ratio in one["times_as_fast_as"].items():
            rows[f"{kind} film to store: {peer}"] = ratio
    return rows


def goals(benches: Mapping[str, dict]) -> dict[str, float]:
    """Give the least ratio that was set as a goal beforehand, by the same labels."""
    least = {"box transform": 2.0, "step of": 1.0, "training": 0.87}
    labels = ratios(benches)
    return {m: g for m in labels for kind, g in least.items() if m.startswith(kind)}


def floors(benches: Mapping[str, dict]) -> dict[str, float]:
    """Collect which share of each task's time its floor would take."""
    shares = {
        f"box transform, {name}: one copy": one["floor_to_ours"]
        for name, one in benches["bench_boxes"]["transform"].items()
    }
    for name, one in benches["bench_step"]["step"]["networks"].items():
        shares[f"step of {name}: its operations"] = one["floor_to_ours"]
    for kind, one in benches["bench_ingest"]["kinds"].items():
        shares[f"{kind} film to store: decoding"] = one["share_of_decode_rate"]
    return shares


def phantom_rates(benches: Mapping[str, dict]) -> dict[str, dict]:
    """Lay out how fast films are computed, by their longer side."""
    return {
        f"{side} px": {
            "films per second of one core": one["films_per_s"],
            "in the slowest round": one["films_per_s_in_the_slowest_round"],
            "goal": one.get("required", "none"),
            "met": {True: "yes", False: "no"}.get(one.get("met"), "–"),
            "films timed": one["films"],
        }
        for side, one in benches["bench_phantom"]["rates"].items()
    }


def phantom_tables(benches: Mapping[str, dict]) -> dict[str, dict]:
    """Lay out what the phantom's tables were promised to hold, and hold."""
    tables = benches["bench_phantom"]["tables"]
    shares = [one["to_real"] for one in tables["shares"].values()]
    rows = {
        "one reader against the other two, IoU": "agreement",
        "location prior, VinDr-like, IoU": "prior_vindr",
        "location prior, RSNA-like, IoU": "prior_rsna",
    }
    found = {}
    for label, key in rows.items():
        one = tables[key]
        goal = f"{one['goal']} ± {one['leeway']}"
        found[label] = {"measured": format_entry(one), "goal": goal, "n": one["n"]}
    label = "share of each finding, to the real one"
    measured = f"{min(shares):.3f} to {max(shares):.3f}"
    return found | {
        label: {"measured": measured, "goal": "0.9 to 1.1", "n": tables["scans"]}
    }


def memory_kept(benches: Mapping[str, dict]) -> dict[str, dict]:
    """Lay out what it saves that freed memory is kept, by task.

    Both seconds are medians, the ratio that of one round's two processes.
    """
    rows = {}
    for name, one in benches["bench_allocator"]["tasks"].items():
        ratio = one["times_as_fast_as"]["given back"]
        seconds, faults = one["seconds"].items(), one["page_faults"].items()
        rows[name] = {
            "times as fast": f"{ratio['median']:.2f}",
            "least to most": f"{ratio['min']:.2f} to {ratio['max']:.2f}",
            **{f"{way}, s": f"{spread['median_s']:.2f}" for way, spread in seconds},
            **{f"{way}, page faults": f"{n:,}" for way, n in faults},
        }
    return rows


def gpu_table(costs: Mapping[str, dict]) -> dict[str, dict]:
    """Lay out what was measured on a GPU, or that nothing was.

    Args:
        costs: From `read_step_costs`.

    Returns:
        Row label to a column for each width of the U-Net's first level to value or
        `NOT_MEASURED`.
    """
    return {
        label: {
            f"width {width}": costs.get(width, {}).get(key, NOT_MEASURED)
            for width in ("64", "32")
        }
        for label, key in GPU_ROWS
    }
