"""Say what `make bench` found: every ratio, its goal, and what was not measured.

python tests/benchmarks/print_ratios.py _build
"""

import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from chexnomaly.studies.speed import benchmarks  # noqa: E402

FLOOR_GOALS = {"JPEG 2000 film to store: decoding": 0.9}
"""Label of a floor to the least share of the time that was set as a goal beforehand.

Of an uncompressed film there is next to nothing to decode: no goal was set.
"""


def beside_goals(table: pd.DataFrame, values: str, goals: dict) -> pd.DataFrame:
    """Set the least that was asked for beside some values, where there is one."""
    goal = pd.Series(goals, dtype=float).reindex(table.index)
    met = (table[values] >= goal).map({True: "met", False: "MISSED"})
    return table.assign(goal=goal, **{"": met.where(goal.notna(), "")})


def growth(benches: dict) -> dict[str, str]:
    """Say how preparing grows with films and with worker processes."""
    prepare, ingest = benches["bench_prepare"], benches["bench_ingest"]
    workers, resume = ingest["workers"], ingest["resume"]
    speedup = workers["speedup"] or f"not measured ({workers.get('why_not')})"
    done = f"{resume['done_when_killed']} of {resume['films']} films"
    return {
        "processor time a film": f"{prepare['largest_to_smallest_cpu_per_image']:.2f}",
        "peak memory": f"{prepare['largest_to_smallest_peak']:.2f}",
        f"times as fast on {workers.get('cores', 'all')} cores": str(speedup),
        f"killed after {done}, the same store": str(resume["same_store"]),
    }


def hours(benches: dict) -> dict[str, str]:
    """Say how long a whole set of phantoms would take."""
    store = benches["bench_phantom"]["store"]
    label = f"15,000 films of 512 px on {store['workers']} cores, computed"
    return {label: f"{store['hours_for_15000']:.2f} hours"}


def tables(benches: dict, costs: dict) -> dict[str, pd.DataFrame]:
    """Lay out everything that was found, by title."""
    ratios = pd.DataFrame(benchmarks.ratios(benches)).T
    floors = pd.DataFrame({"share": benchmarks.floors(benches)})
    phantoms, tasks = benches["bench_phantom"], benches["bench_allocator"]["tasks"]
    promised = ("agreement", "prior_vindr", "prior_rsna")
    kept = {name: one["times_as_fast_as"]["given back"] for name, one in tasks.items()}
    return {
        "times as fast as the peer": beside_goals(
            ratios, "median", benchmarks.goals(benches)
        ),
        "share of the time that the floor would take": beside_goals(
            floors, "share", FLOOR_GOALS
        ),
        "preparing N films, the most over the least of several N": pd.DataFrame(
            {"": growth(benches)}
        ),
        "phantoms, on one core": pd.DataFrame(phantoms["rates"]).T,
        "their tables": pd.DataFrame({k: phantoms["tables"][k] for k in promised}).T,
        "their findings' shares": pd.DataFrame(phantoms["tables"]["shares"]).T,
        "their store": pd.DataFrame({"": hours(benches)}),
        "times as fast where freed memory is kept": pd.DataFrame(kept).T,
        "on a GPU, by width": pd.DataFrame(costs or {"": {"measured": "nothing"}}),
    }


def main() -> None:
    """Print all of it."""
    benches = benchmarks.read_benchmarks(Path(sys.argv[1]))
    costs = benchmarks.read_step_costs(ROOT / "book" / "reference")
    for title, table in tables(benches, costs).items():
        print(title, table.to_string(na_rep=""), sep="\n", end="\n\n")


if __name__ == "__main__":
    main()
