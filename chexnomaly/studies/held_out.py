"""Tables of what a network makes of families of findings that it never saw."""

import pandas as pd

from chexnomaly.claims.lookup import Ref, Shelf
from chexnomaly.labels import DISPLAY_NAMES
from chexnomaly.results import format_entry, read_result
from chexnomaly.studies.films import FilmWorld
from chexnomaly.studies.phantoms import PhantomWorld
from chexnomaly.workspace import Workspace

METRIC = "iou_c@operating"
"""Results key that the tables show."""

UNMEASURED = pd.DataFrame({"": ["not measured yet"]}, index=["the study"])
"""What stands for a table of cells that are not finished."""

HELD_OUT = {
    world.held_out + family: f"{where}, "
    + (DISPLAY_NAMES[family] if kin == (family,) else f"{family.title()} (family)")
    for where, world in {"real films": FilmWorld, "phantoms": PhantomWorld}.items()
    for family, kin in world.families.items()
}
"""Set key of each family that was held out to its name, real films first."""

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
    for key, name in HELD_OUT.items():
        for heading, (system, ending) in SHOWN.items():
            if found := study_result(workspace, f"{system}__{key}{ending}"):
                counted = f"{found['n_positive']} of {found['n']}"
                row = rows.setdefault(name, {"films": counted})
                row[heading] = format_entry(found["values"][METRIC])
    table = pd.DataFrame(rows, ["films", *SHOWN]).T.fillna("–")
    return table if rows else UNMEASURED


def held_out_gaps(workspace: Workspace) -> pd.DataFrame:
    """Lay out paired differences, a column for each of `GAPS`.

    Args:
        workspace: Where results are looked for.

    Returns:
        "difference [low, high]", over networks and films, one row per family that was
        measured; a dash where one was not, or the interval is as wide as IoU itself.
    """
    shelf, rows = Shelf(workspace.results_folders), {}
    for key, name in HELD_OUT.items():
        for title, (one, other, ending) in GAPS.items():
            gap = shelf.paired(*(Ref(s, key + ending, METRIC) for s in (one, other)))
            if gap and gap.ends[1] - gap.ends[0] < 1:
                rows.setdefault(name, {})[title] = format_entry(gap._asdict(), sign="+")
    return pd.DataFrame(rows, [*GAPS]).T.fillna("–") if rows else UNMEASURED
