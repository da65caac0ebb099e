"""Tables of what a network finds that it never saw."""

from collections.abc import Mapping

import pandas as pd

from chexnomaly.evaluation.intervals import Entry, excludes_zero
from chexnomaly.labels import DISPLAY_NAMES
from chexnomaly.results import format_entry, read_result
from chexnomaly.studies.generalization.answers import (
    ALPHA,
    DECIDED_BY,
    QUESTIONS,
    verdict,
)
from chexnomaly.workspace import Workspace

SHOWN = {
    "generalizes": "CheX-Nomaly\nminus supermodel",
    "contrastive_helps": "trained twin\nminus untrained",
    "unseen_is_harder": "supermodel,\ncontrol minus held out",
    "loses_less": "price: supermodel\nminus CheX-Nomaly",
}
"""Questions drawn finding by finding, with the titles of their panels."""


SCORE_COLUMNS = {
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
        key = f"{name}.{DECIDED_BY}"
        value, alone = result["values"][key], result["by_seed"][key]
        judged, single = verdict(result, name), question.dataset == "unseen"
        rows.append(
            {
                "claim": question.says,
                "difference in IoU": format_entry(value),
                "each seed alone": f"{min(alone):+.3f} to {max(alone):+.3f}",
                "n": f"{value['n']} {'scans' if single else 'findings'}",
                "findings for : against": _decided(result, name),
                "verdict": ": ".join(filter(None, judged[:2])),
                "evidence": result["evidence"],
            }
        )
    return pd.DataFrame(rows).set_index("claim")


def _decided(result: Mapping, name: str) -> str:
    """Count the findings that decide by themselves, either way; a dash for none."""
    found = _findings(result, name).values()
    above = [entry["value"] > 0 for entry, p in found if p < ALPHA]
    return f"{sum(above)} : {len(above) - sum(above)}" if found else "–"


def _findings(result: Mapping, name: str) -> dict[str, tuple[Entry, float]]:
    """Finding to the entry of a question's difference and its adjusted p value."""
    stem = f"{name}.{DECIDED_BY}."
    return {
        key.removeprefix(stem): (result["values"][key], p)
        for key, p in result["p_adjusted"].items()
        if key.startswith(stem)
    }


def panels(result: Mapping) -> dict[str, pd.DataFrame]:
    """Lay out each finding's difference for `figures.beyond.figure_generalization`.

    Args:
        result: `generalization__held_out`.

    Returns:
        Panel title to a table with one row per finding, and one for all.
    """
    drawn = {}
    for name, title in SHOWN.items():
        rows = {
            DISPLAY_NAMES[finding]: {**entry, "decided": p < ALPHA}
            for finding, (entry, p) in _findings(result, name).items()
        }
        total = result["values"][f"{name}.{DECIDED_BY}"]
        rows["all findings"] = {**total, "decided": excludes_zero(total)}
        drawn[title] = pd.DataFrame(rows).T
    return drawn


def score_table(workspace: Workspace) -> pd.DataFrame:
    """Lay out what each system scores on each held-out finding.

    Args:
        workspace: Where results are looked for.

    Returns:
        IoU at the operating threshold, one row per finding and one for their mean,
        with the number of films.
    """
    stored = {
        heading: read_result(workspace.find_result(f"{system}__{name}")[0])["values"]
        for (system, name), heading in SCORE_COLUMNS.items()
    }
    first = next(iter(stored.values()))
    keys = [key for key in first if key.endswith(f".{DECIDED_BY}")]
    rows = {DISPLAY_NAMES[key.removesuffix(f".{DECIDED_BY}")]: key for key in keys}
    rows["all findings"] = DECIDED_BY
    table = pd.DataFrame(stored).loc[[*rows.values()]].map(lambda one: one["value"])
    table.index = [*rows]
    scans = [f"{first[key]['n']:.0f}" for key in keys]
    table.insert(0, "scans", [*scans, "–"])
    return table
