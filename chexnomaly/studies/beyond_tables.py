"""Tables of what lies beyond the paper, from results files."""

from collections.abc import Mapping

import pandas as pd

from chexnomaly.intervals import Entry, entry
from chexnomaly.labels import DISPLAY_NAMES
from chexnomaly.results import format_entry, read_result
from chexnomaly.studies.generalization import ALPHA, KEYS, QUESTIONS, verdict
from chexnomaly.studies.scoring_arms import is_default, share_first
from chexnomaly.workspace import Workspace

SHOWN = {
    "generalizes": "CheX-Nomaly\nminus supermodel",
    "contrastive_helps": "trained twin\nminus untrained",
    "unseen_is_harder": "supermodel,\ncontrol minus held out",
    "loses_less": "price: supermodel\nminus CheX-Nomaly",
}
"""Questions drawn finding by finding, with the titles of their panels."""

COLUMNS = {
    ("supermodel", "held_out"): "supermodel, never saw it",
    ("supermodel", "held_out_control"): "supermodel, control",
    ("chexnomaly", "held_out"): "CheX-Nomaly, never saw it",
    ("chexnomaly", "held_out_control"): "CheX-Nomaly, control",
    ("chexnomaly__random_base", "held_out"): "untrained twin, never saw it",
    ("mean_mask", "held_out"): "mean mask of the others",
}
"""System and set to a heading."""


def describe(result: Mapping, stamp: Mapping) -> pd.Series:
    """Say when, where and how large a study was.

    Args:
        result: A results file of the study.
        stamp: Its stamp.

    Returns:
        Words by what they tell.
    """
    sizes, machine = stamp["parameters"], stamp["hardware"]
    train, val, test = sizes["counts"]
    return pd.Series(
        {
            "evidence": result["evidence"],
            "films": f"{train} to train on, {val} to choose thresholds, {test} to test",
            "side": f"{sizes['size']} px",
            "epochs": sizes["options"]["schedule"]["epochs"],
            "seeds": ", ".join(map(str, result["seeds"])),
            "machine": f"{machine['system']}, {machine['threads']} thread",
            "torch": stamp["versions"]["torch"],
            "date": stamp["date"],
        },
        name="the study",
    ).to_frame()


def verdict_table(result: Mapping) -> pd.DataFrame:
    """Lay the answers out: claim, difference in IoU, findings decided, verdict.

    Args:
        result: `generalization__held_out`.

    Returns:
        One row per question.
    """
    rows = []
    for name, question in QUESTIONS.items():
        value = result["values"][f"{name}.{KEYS['iou']}"]
        judged = verdict(result, name)
        rows.append(
            {
                "claim": question.says,
                "difference in IoU": format_entry(value),
                "each seed alone": _seeds_alone(result, name),
                "n": f"{value['n']} {'scans' if _single(question) else 'findings'}",
                "findings for : against": _decided(result, name),
                "verdict": ": ".join(filter(None, judged)),
                "evidence": result["evidence"],
            }
        )
    return pd.DataFrame(rows).set_index("claim")


def _single(question) -> bool:
    return question.dataset == "unseen"


def _seeds_alone(result: Mapping, name: str) -> str:
    alone = result["by_seed"][f"{name}.{KEYS['iou']}"]
    return f"{min(alone):+.3f} to {max(alone):+.3f}"


def _decided(result: Mapping, name: str) -> str:
    """Count the findings that decide by themselves, either way; a dash for none."""
    stem = f"{name}.{KEYS['iou']}."
    keys = [k for k, p in result["p_adjusted"].items() if k.startswith(stem)]
    if not keys:
        return "–"
    decided = [k for k in keys if result["p_adjusted"][k] < ALPHA]
    above = sum(result["values"][k]["value"] > 0 for k in decided)
    return f"{above} : {len(decided) - above}"


def panels(result: Mapping) -> dict[str, pd.DataFrame]:
    """Lay out each finding's difference for `figures.beyond.figure_generalization`.

    Args:
        result: `generalization__held_out`.

    Returns:
        Panel title to a table with one row per finding, and one for all.
    """
    drawn = {}
    for name, title in SHOWN.items():
        stem = f"{name}.{KEYS['iou']}"
        rows = {}
        for key, one in result["values"].items():
            if not key.startswith(f"{stem}."):
                continue
            finding = key.removeprefix(f"{stem}.")
            decided = result["p_adjusted"][key] < ALPHA
            rows[DISPLAY_NAMES[finding]] = {**one, "decided": decided}
        total = result["values"][stem]
        rows["all findings"] = {**total, "decided": _one_sided(total)}
        drawn[title] = pd.DataFrame(rows).T
    return drawn


def _one_sided(one: Mapping) -> bool:
    """Tell whether an interval lies on one side of 0."""
    return one["low"] is not None and not one["low"] <= 0 <= one["high"]


def score_table(workspace: Workspace) -> pd.DataFrame:
    """Lay out what each system scores on each held-out finding.

    Args:
        workspace: Where results are looked for.

    Returns:
        IoU at the operating threshold, one row per finding and one for their mean,
        with the number of scans.
    """
    stored = {
        heading: read_result(workspace.find_result(f"{system}__{name}")[0])["values"]
        for (system, name), heading in COLUMNS.items()
    }
    key = KEYS["iou"]
    findings = [k.removesuffix(f".{key}") for k in _first(stored) if k.endswith(key)]
    rows = {}
    for finding in [f for f in findings if f != key]:
        cells = {h: values[f"{finding}.{key}"] for h, values in stored.items()}
        row = {"scans": _first(cells)["n"]} | {h: c["value"] for h, c in cells.items()}
        rows[DISPLAY_NAMES[finding]] = row
    rows["all findings"] = {h: values[key]["value"] for h, values in stored.items()}
    table = pd.DataFrame(rows).T
    scans = [f"{n:.0f}" for n in table.scans[:-1]]
    return table.assign(scans=[*scans, "–"])


def _first(mapping: Mapping):
    return next(iter(mapping.values()))


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
                "decided": _one_sided(difference),
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
