"""Say what `make bench` found: every ratio, its goal, and what was not measured.

python tests/benchmarks/print_ratios.py _build
"""

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from chexnomaly.studies.speed import benchmarks  # noqa: E402


def peers(benches: dict) -> Iterator[str]:
    """Say how many times as fast as each peer we are."""
    goals = benchmarks.goals(benches)
    yield "times as fast as the peer: median (least to most)"
    for label, ratio in benchmarks.ratios(benches).items():
        line = f"{ratio['median']:6.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})"
        goal, met = goals.get(label), ""
        if goal is not None:
            met = f"  goal {goal:g}: {'met' if ratio['median'] >= goal else 'MISSED'}"
        yield f"  {line:24} {label}{met}"


def floors(benches: dict) -> Iterator[str]:
    """Say which share of each task's time its floor would take."""
    goals = benchmarks.FLOOR_GOALS
    yield "share of the time that the floor would take"
    for label, share in benchmarks.floors(benches).items():
        goal, met = goals.get(label), ""
        if goal is not None:
            met = f"  goal {goal:g}: {'met' if share >= goal else 'MISSED'}"
        yield f"  {share:6.1%} {label}{met}"


def growth(benches: dict) -> Iterator[str]:
    """Say how preparing grows with films and with worker processes."""
    prepare = benches["bench_prepare"]
    yield "preparing N films, the most over the least of several N"
    yield f"  {prepare['largest_to_smallest_cpu_per_image']:6.2f} processor time a film"
    yield f"  {prepare['largest_to_smallest_peak']:6.2f} peak memory"
    workers = benches["bench_ingest"]["workers"]
    speedup = workers["speedup"]
    if speedup is None:
        yield f"  not measured: speedup of worker processes ({workers['why_not']})"
    else:
        yield f"  {speedup:6.2f} times as fast on {workers['cores']} cores as on one"
    resume = benches["bench_ingest"]["resume"]
    end = "same store" if resume["same_store"] else "ANOTHER STORE"
    done = f"{resume['done_when_killed']} of {resume['films']} films"
    yield f"  killed after {done}: {end}"


def phantoms(benches: dict) -> Iterator[str]:
    """Say how fast phantoms are made and whether their tables hold what is promised."""
    yield "phantoms, on one core"
    for side, row in benchmarks.phantom_rates(benches).items():
        rate, slowest, goal, met, _ = row.values()
        goal = "" if goal == "none" else f"  goal {goal} met: {met}"
        yield f"  {rate:6.2f} ({slowest:.2f} at worst) films of {side} a second{goal}"
    for label, row in benchmarks.phantom_tables(benches).items():
        yield f"  {row['measured']} {label}, n = {row['n']}  goal {row['goal']}"
    store = benches["bench_phantom"]["store"]
    yield (
        f"  {store['hours_for_15000']:.2f} hours for 15,000 films of 512 px on "
        f"{store['workers']} cores, computed from {store['measured_films'][1]} films"
    )


def memory_kept(benches: dict) -> Iterator[str]:
    """Say how many times as fast tasks are where freed memory is kept."""
    yield "times as fast where freed memory is kept: median (least to most)"
    for label, row in benchmarks.memory_kept(benches).items():
        yield f"  {row['times as fast']} ({row['least to most']}) {label}"


def on_a_gpu(costs: dict) -> Iterator[str]:
    """Say what was measured on a GPU."""
    yield "on a GPU"
    for label, row in benchmarks.gpu_table(costs).items():
        values = ", ".join(f"{value} at {width}" for width, value in row.items())
        yield f"  {label}: {values}"


def main() -> None:
    """Print all of it."""
    benches = benchmarks.read_benchmarks(Path(sys.argv[1]))
    costs = benchmarks.read_step_costs(ROOT / "book" / "reference")
    for part in (peers, floors, growth, phantoms, memory_kept):
        print(*part(benches), sep="\n")
    print(*on_a_gpu(costs), sep="\n")


if __name__ == "__main__":
    main()
