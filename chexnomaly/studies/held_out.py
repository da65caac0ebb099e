"""Tables of what a network makes of families of findings that it never saw."""

from functools import partial

import pandas as pd

from chexnomaly.claims.lookup import MeasuredValue, Ref, Shelf
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

PANELS = {
    "CheX-Nomaly\nminus supermodel": ("chexnomaly", "supermodel", ""),
    "supermodel\nminus mean mask": ("supermodel", "mean_mask", ""),
    "control\nminus mean mask": ("supermodel", "mean_mask", "_control"),
}
"""Title of a panel to two systems and what follows the key of their set."""


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
    if not rows:
        return UNMEASURED
    return pd.DataFrame(rows, ["films", *SHOWN]).T.fillna("–")


def held_out_panels(workspace: Workspace) -> dict[str, pd.DataFrame]:
    """Lay out paired differences, one table for each question.

    Args:
        workspace: Where results are looked for.

    Returns:
        Title to a table with one row per family, empty where it is not measured yet;
        "decided" where the interval over networks and films lies on one side of 0.
    """
    shelf, drawn = Shelf(workspace.results_folders), {}
    for title, (one, other, ending) in PANELS.items():
        rows = {}
        for key, name in HELD_OUT.items():
            ref = partial(Ref, dataset=key + ending, key=METRIC)
            gap = shelf.paired(ref(one), ref(other)) or MeasuredValue(float("nan"))
            low, high = gap.ends
            row = {"value": gap.value, "low": low, "high": high}
            rows[name] = row | {"decided": low > 0 or high < 0}
        drawn[title] = pd.DataFrame(rows).T
    return drawn
