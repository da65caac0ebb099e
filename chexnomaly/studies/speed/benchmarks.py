"""Committed benchmarks, read for the page on speed and scale."""

from collections.abc import Mapping
from pathlib import Path

from chexnomaly.results import read_json

BENCHMARKS = (
    *("bench_boxes", "bench_step", "bench_ingest"),
    *("bench_prepare", "bench_phantom", "bench_allocator", "bench_training"),
)


def read_benchmarks(reference: Path) -> dict[str, dict]:
    """Read the committed benchmarks.

    Args:
        reference: `book/reference`.

    Returns:
        Name to content, with an entry for each of `BENCHMARKS`.

    Raises:
        ResultError: One is missing.
    """
    files = {name: reference / "bench" / f"{name}.json" for name in BENCHMARKS}
    return {k: read_json(file, "the output of make bench") for k, file in files.items()}


def read_timings(reference: Path) -> dict[str, dict]:
    """Read what cold builds spent by stage, by profile; empty where none was kept."""
    files = sorted((reference / "bench").glob("timings_*.json"))
    return {f.stem.partition("_")[2]: read_json(f, "timings") for f in files}


def read_step_costs(reference: Path) -> dict[str, dict]:
    """Read what a step costs on a GPU, by width; empty where it was never measured."""
    path = reference / "gpu" / "bundle_0.json"
    if not path.is_file():
        return {}
    report = read_json(path, "the output of make bundle")
    return report["unet"] if report["stamp"]["hardware"]["gpu"] else {}


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
