"""Tables of what a network makes of families of findings that it never saw."""

import pandas as pd

from chexnomaly.claims.lookup import Ref, Shelf
from chexnomaly.labels import DISPLAY_NAMES
from chexnomaly.results import format_entry, read_result
from chexnomaly.studies.phantoms import HELD_TOGETHER, PhantomWorld
from chexnomaly.workspace import Workspace

METRIC = "iou_c@operating"
"""Results key that the tables show."""

UNMEASURED = pd.DataFrame({"": ["not measured yet"]}, index=["the study"])
"""What stands for a table of cells that are not finished."""

SHOWN = {
    "supermodel, never saw it": ("supermodel", ""),
    "supermodel, control": ("supermodel", "_control"),
    "CheX-Nomaly, never saw it": ("chexnomaly", ""),
    "CheX-Nomaly, control": ("chexnomaly", "_control"),
    "mean mask of the others": ("mean_mask", ""),
}
"""Heading to a system and what follows the key of its set."""

GAPS = {
    "CheX-Nomaly minus supermodel": ("chexnomaly", "supermodel", ""),
    "supermodel minus mean mask": ("supermodel", "mean_mask", ""),
    "control minus mean mask": ("supermodel", "mean_mask", "_control"),
}
"""Heading to two systems and what follows the key of their set."""


def study_result(workspace: Workspace, name: str) -> dict | None:
    """Read a results file of a study; None where its cells are not finished."""
    found = workspace.find_result(name)
    return None if found is None else read_result(found[0])


def held_out_table(workspace: Workspace) -> pd.DataFrame:
    """Lay out what each system scores on each family, and on how many films.

    Args:
        workspace: Where results are looked for.

    Returns:
        IoU at the operating threshold, one row per family that was measured.
    """
    rows = {}
    for family in HELD_TOGETHER:
        key, row = PhantomWorld.held_out + family, {}
        for heading, (system, ending) in SHOWN.items():
            if found := study_result(workspace, f"{system}__{key}{ending}"):
                row["films"] = f"{found['n_positive']} of {found['n']}"
                row[heading] = format_entry(found["values"][METRIC])
        if row:
            rows[_display(family)] = row
    if not rows:
        return UNMEASURED
    return pd.DataFrame(rows, ["films", *SHOWN]).T.fillna("–")


def held_out_gaps(workspace: Workspace) -> pd.DataFrame:
    """Lay out paired differences, a column for each of `GAPS`.

    Args:
        workspace: Where results are looked for.

    Returns:
        "difference [low, high]", over networks and films, one row per family; a dash
        where it is not measured yet.
    """
    shelf, told = Shelf(workspace.results_folders), {}
    for heading, (one, other, ending) in GAPS.items():
        for family in HELD_TOGETHER:
            key = f"{PhantomWorld.held_out}{family}{ending}"
            gap = shelf.paired(*(Ref(system, key, METRIC) for system in (one, other)))
            cell = format_entry(gap and gap._asdict(), sign="+")
            told.setdefault(heading, {})[_display(family)] = cell
    return pd.DataFrame(told)


def _display(family: str) -> str:
    kin = HELD_TOGETHER[family]
    return DISPLAY_NAMES[family] if kin == (family,) else f"{family.title()} (family)"
