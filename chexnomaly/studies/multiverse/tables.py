"""Tables of what lies beyond the paper, from results files."""

from collections.abc import Mapping

import pandas as pd

from chexnomaly.evaluation.intervals import Entry, entry
from chexnomaly.results import format_entry
from chexnomaly.studies.multiverse.scoring import is_default, is_first


def rank_table(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Count how often each system is alone in front.

    Args:
        tables: System to its readings, rows in one order.

    Returns:
        One row per system: "wins of readings" over all, and by convention.
    """
    first = is_first(tables)
    convention = "convention " + next(iter(tables.values())).convention
    groups = {"all": first, **dict(list(first.groupby(convention)))}
    cells = {
        name: [f"{wins} of {len(part)}" for wins in part.sum()]
        for name, part in groups.items()
    }
    return pd.DataFrame(cells, index=first.columns)


def spread_entries(tables: Mapping[str, pd.DataFrame], system: str) -> dict[str, Entry]:
    """Summarize one system's readings as results entries; n counts readings.

    Args:
        tables: System to its readings, rows in one order.
        system: Whose.

    Returns:
        "default", "smallest", "median", "largest" and "share_first".
    """
    table = tables[system]
    values = {
        "default": table.iou[is_default(table)].item(),
        "smallest": table.iou.min(),
        "median": table.iou.median(),
        "largest": table.iou.max(),
        "share_first": is_first(tables)[system].mean(),
    }
    return {
        name: entry(value, None, None, len(table)) for name, value in values.items()
    }


def effects_frame(result: Mapping) -> pd.DataFrame:
    """Lay out every difference from the register's reading.

    Args:
        result: A `multiverse` results file.

    Returns:
        One row per arm and metric, in the order of the register. Columns "key" (of the
        results file), "item", "metric", "says", "system", "default" (key of the
        register's reading), "value", "low", "high", "n".
    """
    rows = []
    for key, difference in result["paired"]["default"].items():
        arm, _, metric = key.rpartition(".")
        item = {"key": key, "item": int(key.partition(".")[0]), "metric": metric}
        rows.append(item | result["arms"][arm] | difference)
    return pd.DataFrame(rows).sort_values("item", kind="stable", ignore_index=True)


def arm_table(result: Mapping, metric: str) -> pd.DataFrame:
    """Lay out what each arm scores, and its difference from the register's reading.

    Args:
        result: A `multiverse` results file.
        metric: Only this one.

    Returns:
        One row per arm, in the order of the register.
    """
    frame, values = effects_frame(result).query("metric == @metric"), result["values"]
    registered = (frame.default + "." + frame.metric).map(values.get)
    shown = {
        "reading": frame.says,
        "metric": frame.metric,
        "our reading": [format_entry(entry | {"low": None}) for entry in registered],
        "this reading": frame.key.map(values.get).map(format_entry),
        "difference": [format_entry(entry) for _, entry in frame.iterrows()],
    }
    systems = frame.system.str.partition("__")[0].rename("system")
    return pd.DataFrame(shown).set_index([frame["item"], systems])


def mix_table(result: Mapping) -> pd.DataFrame:
    """Lay out what healthy films beside the unseen finding change.

    Args:
        result: The `multiverse` results file of the unseen set.

    Returns:
        One row per system and mix; empty where no healthy film was there.
    """
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for key, value in result["values"].items():
        arm, _, metric = key.rpartition(".")
        if not arm.startswith("12."):
            continue
        alone = {"system": arm.removeprefix("12.default_")}
        told = result["arms"].get(arm, alone | {"says": "the unseen finding alone"})
        row = rows.setdefault((told["system"], told["says"]), {})
        row[metric] = format_entry(value)
    return pd.DataFrame(rows).T


def decision_rows(result: Mapping, metric: str = "iou_c@operating") -> dict[str, Entry]:
    """Lay out the arms for `figures.beyond.figure_panels`.

    Args:
        result: A `multiverse` results file.
        metric: Which difference.

    Returns:
        What an arm says, with item and system, to its difference; in the order of the
        register.
    """
    frame = effects_frame(result)
    frame = frame[frame.metric == metric]
    systems = frame.default.str.partition("default_")[2]
    frame.index = frame.says + "  (" + frame["item"].astype(str) + ", " + systems + ")"
    return frame[["value", "low", "high"]].to_dict("index")
