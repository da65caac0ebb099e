"""Tables of what lies beyond the paper, from results files."""

from collections.abc import Mapping

import pandas as pd

from chexnomaly.evaluation.intervals import Entry, entry, excludes_zero
from chexnomaly.results import format_entry
from chexnomaly.studies.multiverse.scoring import is_default, share_first


def rank_table(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Count how often each system is alone in front.

    Args:
        tables: System to its readings, rows in one order.

    Returns:
        One row per system: "wins of readings" over all, and by convention.
    """
    rows = {}
    for system, table in tables.items():
        groups = {"all": table.index} | dict(table.groupby("convention").groups)
        cells = {}
        for name, index in groups.items():
            part = {s: t.loc[index] for s, t in tables.items()}
            wins, n = share_first(part, system)
            cells[name if name == "all" else f"convention {name}"] = f"{wins} of {n}"
        rows[system] = cells
    return pd.DataFrame(rows).T


def spread_entries(
    table: pd.DataFrame, tables: Mapping[str, pd.DataFrame], system: str
) -> dict[str, Entry]:
    """Summarize one system's readings as results entries; n counts readings.

    Args:
        table: The system's readings.
        tables: Everyone's, for the share of readings in front.
        system: Whose.

    Returns:
        "default", "smallest", "median", "largest" and "share_first".
    """
    wins, n = share_first(tables, system)
    values = {
        "default": table.iou[is_default(table)].item(),
        "smallest": table.iou.min(),
        "median": table.iou.median(),
        "largest": table.iou.max(),
        "share_first": wins / n,
    }
    return {name: entry(value, None, None, n) for name, value in values.items()}


def arm_table(result: Mapping, metric: str | None = None) -> pd.DataFrame:
    """Lay out what each arm scores, and its difference from the register's reading.

    Args:
        result: A `multiverse` results file.
        metric: Only this one; all by default.

    Returns:
        One row per arm and metric, in the order of the register.
    """
    rows = []
    for key, difference in result["paired"]["default"].items():
        arm, measured = _split(key)
        if metric not in (None, measured):
            continue
        told = result["arms"][arm]
        rows.append(
            {
                "item": int(arm.partition(".")[0]),
                "system": told["system"].partition("__")[0],
                "reading": told["says"],
                "metric": measured,
                "register": format_entry(
                    result["values"][f"{told['default']}.{measured}"] | {"low": None}
                ),
                "this reading": format_entry(result["values"][key]),
                "difference": format_entry(difference),
            }
        )
    table = pd.DataFrame(rows).sort_values("item", kind="stable")
    return table.set_index(["item", "system"])


def _split(key: str) -> tuple[str, str]:
    """Cut `<item>.<arm>.<metric>` into `<item>.<arm>` and metric."""
    item, name, metric = key.split(".", 2)
    return f"{item}.{name}", metric


def mix_table(result: Mapping) -> pd.DataFrame:
    """Lay out what healthy scans beside the unseen finding change.

    Args:
        result: The `multiverse` results file of the unseen set.

    Returns:
        One row per system and mix; empty where no healthy scan was there.
    """
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for key, value in result["values"].items():
        arm, metric = _split(key)
        if not arm.startswith("12."):
            continue
        told = result["arms"].get(arm)
        system = told["system"] if told else arm.removeprefix("12.default_")
        words = told["says"] if told else "the unseen finding alone"
        rows.setdefault((system, words), {})[metric] = format_entry(value)
    return pd.DataFrame(rows).T


def decision_rows(result: Mapping, metric: str = "iou_c@operating") -> pd.DataFrame:
    """Lay out the arms for `figures.beyond.figure_decisions`, seeds left out.

    Args:
        result: A `multiverse` results file.
        metric: Which difference.

    Returns:
        Columns "says", "item" (number and system), "value", "low", "high", "decided",
        in the order of the register.
    """
    rows = []
    for key, difference in result["paired"]["default"].items():
        arm, measured = _split(key)
        item = arm.partition(".")[0]
        if measured != metric or item == "8":
            continue
        told = result["arms"][arm]
        system = told["default"].partition("default_")[2]
        rows.append(
            {
                "order": int(item),
                "item": f"{item}, {system}",
                "says": told["says"],
                **difference,
                "decided": excludes_zero(difference),
            }
        )
    return pd.DataFrame(rows).sort_values("order", kind="stable").reset_index(drop=True)


def seed_noise(result: Mapping, metric: str = "iou_c@operating") -> float | None:
    """Give the largest difference that another seed made; None without such arms."""
    found = [
        abs(one["value"])
        for key, one in result["paired"]["default"].items()
        if key.startswith("8.") and key.endswith(f".{metric}")
    ]
    return max(found, default=None)
