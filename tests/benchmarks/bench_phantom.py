"""How fast phantoms are made, and whether their tables keep what is promised.

    python tests/benchmarks/bench_phantom.py --out bench.json

Rates are of one process on one core. Shares, agreement and priors are counted without
rendering. The time for 15,000 films is extrapolated from the difference between a
small and a larger store, so that starting the workers does not count.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from chexnomaly.datasets.store import Store  # noqa: E402
from chexnomaly.labels import FINDINGS  # noqa: E402
from chexnomaly.phantom import film, write_store  # noqa: E402
from chexnomaly.studies.phantom_audit import audit_table, phantom_findings  # noqa: E402
from tests.phantom.test_shares import REAL  # noqa: E402

SAMPLES = {64: 60, 128: 60, 256: 40, 512: 20, 1024: 6, 2048: 3}
"""Longer side, px, to films that are timed."""

LEAST_PER_S = {128: 20.0, 512: 1.0, 2048: 0.05}
MOST_HOURS = 2.0
WHOLE = 15_000


def measure_rates(samples: dict[int, int]) -> dict[str, dict]:
    """Films per second of one core's own time, by longer side.

    Time that other programs had on the core does not count.
    """
    rates = {}
    for side, count in samples.items():
        film(0, 0, side)
        start = time.process_time()
        for index in range(count):
            film(0, index, side)
        rate = count / (time.process_time() - start)
        rates[str(side)] = {"films": count, "films_per_s": round(rate, 3)}
        if side in LEAST_PER_S:
            rates[str(side)] |= {
                "required": LEAST_PER_S[side],
                "met": rate >= LEAST_PER_S[side],
            }
    return rates


def count_tables(n: int, n_other: int) -> dict:
    """Count a natural cohort's tables against the real ones."""
    start = time.perf_counter()
    table = phantom_findings(n, 0)
    seconds = time.perf_counter() - start
    values = audit_table(table)
    other = audit_table(phantom_findings(n_other, 0, "rsna", positive_share=1.0))
    shares = {}
    for finding, real in zip(FINDINGS, REAL, strict=True):
        share = values[f"share_{finding}"]  # of the abnormal scans
        ratio = share["value"] * share["n"] / n / (real / WHOLE)
        shares[finding] = {"to_real": round(ratio, 3), "met": abs(ratio - 1) <= 0.1}
    agreement, vindr = values["agreement_iou"], values["prior_iou"]
    return {
        "scans": n,
        "scans_per_s": round(n / seconds),
        "shares": shares,
        "agreement": agreement | {"met": abs(agreement["value"] - 0.511) <= 0.05},
        "prior_vindr": vindr | {"met": abs(vindr["value"] - 0.256) <= 0.03},
        "prior_rsna": other["prior_iou"]
        | {"met": abs(other["prior_iou"]["value"] - 0.29) <= 0.04},
    }


def measure_stores(side: int, counts: tuple[int, int], workers: int) -> dict:
    """Time two stores, extrapolate to a whole set, compare worker counts."""
    seconds, hashes = {}, {}
    runs = ((counts[0], workers), (counts[1], workers), (counts[0], 1))
    with tempfile.TemporaryDirectory() as place:
        for n, many in runs:
            out = Path(place, f"{n}_{many}")
            start = time.perf_counter()
            write_store(out, n, 0, side, size_px=(side, side), workers=many)
            seconds[n, many] = time.perf_counter() - start
            hashes[n, many] = Store.open(out).data_hash
    small, large = counts
    each = (seconds[large, workers] - seconds[small, workers]) / (large - small)
    return {
        "side_px": side,
        "workers": workers,
        "measured_films": list(counts),
        "s_per_film": round(each, 4),
        "hours_for_15000": round(WHOLE * each / 3600, 2),
        "required_hours": MOST_HOURS,
        "met": WHOLE * each / 3600 <= MOST_HOURS,
        "same_bytes_for_one_worker": hashes[small, workers] == hashes[small, 1],
    }


def main() -> None:
    """Run everything and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scans", type=int, default=WHOLE, help="to annotate")
    parser.add_argument(
        "--other", type=int, default=3000, help="RSNA-like, to annotate"
    )
    parser.add_argument("--side", type=int, default=512, help="of the store, px")
    parser.add_argument("--films", type=int, nargs=2, default=[16, 96])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, help="JSON file; standard output if absent")
    options = parser.parse_args()
    report = {
        "rates": measure_rates(SAMPLES),
        "tables": count_tables(options.scans, options.other),
        "store": measure_stores(options.side, tuple(options.films), options.workers),
    }
    text = json.dumps(report, indent=1) + "\n"
    if options.out:
        options.out.write_text(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
