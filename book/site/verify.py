"""`make verify`: the verdict of every claim, and what must not have changed.

    python -m book.site.verify --profile demo [--against FOLDER] [--accept]

Prints the table and writes `claims.json` and `claims.csv` into `_build/html`. Ends
with 1 where a verdict that rests on the paper's text or on the real annotation tables
is not the committed one, with 2 where nothing has been built. `--against` names
another folder of results, or a run that was written, to compare this run with; without
it that is the committed one of the profile. `--accept` commits to what was found.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from os.path import relpath
from pathlib import Path

import pandas as pd

from chexnomaly.claims import compare_runs
from chexnomaly.claims import expected as verification
from chexnomaly.datasets.sources.packaged import VINDR_FILE, find_table
from chexnomaly.errors import InputError
from chexnomaly.evidence import VERDICTS
from chexnomaly.studies.live import beside_study
from chexnomaly.workspace import Workspace

SHOWN = ["id", "printed", "measured", "low", "high", "n", "evidence", "verdict"]


def in_lines(table: pd.DataFrame) -> str:
    """Lay the verdicts out for a terminal, then count them by what they rest on."""
    plain = table[SHOWN].astype(object).where(table[SHOWN].notna(), "")
    rows = plain.map(lambda x: f"{x:.4g}" if isinstance(x, float) else str(x))
    rows["printed"] = rows["printed"].str.slice(0, 16)
    counts = pd.crosstab(table["verdict"], table["rests_on"], margins=True)
    order = [*(v for v in VERDICTS if v in counts.index), "All"]
    return f"{rows.to_string(index=False)}\n\n{counts.loc[order].to_string()}\n"


def reference_of(workspace: Workspace) -> Path:
    """Give the committed run of a profile; it may not be there."""
    return workspace.reference / "fingerprints" / f"{workspace.profile}.json"


def report_changes(changed: pd.DataFrame, with_tables: bool) -> str:
    """Say whether the verdicts that must not change are the committed ones."""
    kept = "" if with_tables else " (annotation package not installed: text alone)"
    if changed.empty:
        return f"Steady verdicts are as expected{kept}."
    lines = [
        f"  {row.id}: {row.found or 'no such row'}, expected "
        f"{row.expected or 'no such row'}. {row.reason}"
        for row in changed.itertuples()
    ]
    return "\n".join([f"{len(changed)} steady verdicts changed{kept}:", *lines])


def report_waiting(table: pd.DataFrame) -> str:
    """Say which steady verdicts could not be looked at."""
    steady = table["rests_on"] != verification.RUNS
    waiting = table[steady & (table["missing"] != "")]
    if waiting.empty:
        return ""
    files = sorted(set(" ".join(waiting["missing"]).split()))
    return f"{len(waiting)} steady verdicts wait for {', '.join(files)}.\n"


def report_run(workspace: Workspace, other: Path | None) -> str:
    """Say in what this run differs from another one."""
    other = other or reference_of(workspace)
    if not other.exists():
        return f"No run to compare with: {relpath(other)} is not there."
    ours, theirs = map(compare_runs.load_run, (workspace.results, other))
    found = compare_runs.differences(ours, theirs)
    if not found:
        return f"This run and {relpath(other)} differ in nothing."
    return "\n  ".join([f"This run against {relpath(other)}:", *found])


def report_spread(workspace: Workspace) -> str:
    """Say which of this run's numbers lie where networks of the study would not."""
    table = beside_study(workspace.results, workspace.reference / "study")
    found = table[table["outside"]].round(3)
    head = f"{len(found)} of {len(table)} numbers lie outside the study's spread"
    return (
        f"{head} (of 100, 5 do by chance).\n{found.to_string() if len(found) else ''}"
    )


def accept(workspace: Workspace, table: pd.DataFrame) -> None:
    """Commit to the verdicts found and to this run as the reference.

    The picture in front is kept with it, for the README and for a book without one.
    """
    expected = verification.expectations(table)
    expected.to_csv(verification.EXPECTED, index=False, lineterminator="\n")
    found = compare_runs.summarize_run(workspace.results)
    compare_runs.write_run(found, reference_of(workspace))
    for file in workspace.pictures.glob("hero.*"):
        shutil.copy(file, workspace.reference)


def main(arguments: Sequence[str]) -> int:
    """Run the command; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="demo")
    parser.add_argument("--against", type=Path)
    parser.add_argument("--accept", action="store_true")
    given = parser.parse_args(arguments)
    workspace = Workspace.open(given.profile)
    try:
        return verify(workspace, given.against, given.accept)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def verify(workspace: Workspace, other: Path | None, accepting: bool) -> int:
    """Judge, print, write and compare; give the exit status.

    Raises:
        InputError: Nothing was built, or a file cannot be used.
    """
    if not any(workspace.results.glob("*__*.json")):
        raise InputError(f"no results of {workspace.profile}: run `make book` first")
    table = verification.all_verdicts(workspace.results_folders)
    written = verification.write_verdicts(table, workspace.root / "_build" / "html")
    if accepting:
        accept(workspace, table)
    with_tables = find_table(VINDR_FILE) is not None
    changed = verification.changes(
        table, verification.load_expected(), with_tables=with_tables
    )
    parts = [
        in_lines(table),
        report_waiting(table) + report_changes(changed, with_tables),
        report_run(workspace, other),
        report_spread(workspace),
        f"Written: {', '.join(map(relpath, written))}",
    ]
    sys.stdout.write("\n".join(parts) + "\n")
    return 0 if changed.empty else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
