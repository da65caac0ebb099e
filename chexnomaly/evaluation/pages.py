"""What several notebooks do alike: open their inputs, and read results into tables."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from pandas import DataFrame

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.sources import rsna, vindr
from chexnomaly.evaluation.evaluator import TestSet
from chexnomaly.evaluation.statistics import QUANTITIES
from chexnomaly.evidence import PHANTOM
from chexnomaly.results import format_entry, read_result, results_frame
from chexnomaly.workspace import Workspace

Names = Iterable[str]

HEADINGS = QUANTITIES["heading"].to_dict()
"""Results key to its heading in the tables of every notebook."""


def open_inputs(
    profile: str, needs: Mapping[str, str]
) -> tuple[Workspace, PreparedSet, PreparedSet]:
    """Open what earlier notebooks made.

    Args:
        profile: Profile name.
        needs: Results file, without its ending, to the notebook that writes it; what
            `02_data` prepares is always needed.

    Returns:
        The workspace, the data set that systems are trained on, and the one with the
        unseen finding.

    Raises:
        MissingInputError: Something is not there; the message names the notebook.
    """
    workspace = Workspace.open(profile)
    workspace.require(workspace.data / "vindr" / "findings.csv", "02_data")
    for name, notebook in needs.items():
        workspace.require(workspace.results / f"{name}.json", notebook)
    data, other = (PreparedSet.open(workspace.data / n) for n in ("vindr", "other"))
    return workspace, data, other


def sets_to_score(data: PreparedSet, other: PreparedSet) -> dict[str, TestSet]:
    """Give the sets that every segmentation system is scored on.

    Args:
        data: The data set that systems are trained on.
        other: The one with the unseen finding.

    Returns:
        By set key: "vindr_test", "other_200" and, where real films with lesion masks
        were prepared beside them, "covid_lesions".
    """
    sets = {"vindr_test": data, "other_200": other}
    lesions = data.root.parent / "covid_lesions"
    if (lesions / "findings.csv").exists():
        sets["covid_lesions"] = PreparedSet.open(lesions)
    return {key: TestSet(one.part("test"), one.origin) for key, one in sets.items()}


def film_files(data: PreparedSet) -> dict[str, Path]:
    """Find the source files of a set's phantom films.

    Args:
        data: One of the two sets of `open_inputs`.

    Returns:
        Image id to file; empty for real films, which no page may show.
    """
    source = vindr if data.root.name == "vindr" else rsna
    return source.scan_folder(data.root / "source")[0] if data.origin == PHANTOM else {}


def thresholds(results: Path, systems: Names, key: str) -> dict[str, float]:
    """Read each system's operating threshold, which was chosen on validation films."""
    found = ((s, read_result(results / f"{s}__{key}.json")) for s in systems)
    return {system: result["threshold"]["operating"] for system, result in found}


def scores(results: Path, systems: Names, key: str, quantities: Names) -> DataFrame:
    """Lay out what systems score on one set.

    Args:
        results: Folder of results files.
        systems: System keys, one row each.
        key: Set key.
        quantities: Results keys of `HEADINGS`, one column each.

    Returns:
        Index system; "value [low, high]" in each column, then n and evidence.
    """
    headings = {quantity: HEADINGS[quantity] for quantity in quantities}
    return results_frame([results / f"{s}__{key}.json" for s in systems], headings)


def differences(
    results: Path, system: str, key: str, rivals: Names, quantities: Names
) -> DataFrame:
    """Lay out how a system differs from others on the same films.

    Args:
        results: Folder of results files.
        system: System key.
        key: Set key.
        rivals: Systems that it was compared with when it was scored.
        quantities: Results keys of `HEADINGS`, one column each.

    Returns:
        Index "system minus rival"; "difference [low, high]" with its paired 95 %
        interval in each column, then n and evidence.
    """
    stored = read_result(results / f"{system}__{key}.json")
    rows = {}
    for rival in rivals:
        pair = stored["paired"][rival]
        cells = {HEADINGS[q]: format_entry(pair[q], digits=4) for q in quantities}
        counts = {"n": stored["n"], "evidence": stored["evidence"]}
        rows[f"{system} minus {rival}"] = cells | counts
    return DataFrame.from_dict(rows, orient="index")
