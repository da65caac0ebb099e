"""The paper's tables, printed and measured side by side."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from chexnomaly.claims import verdicts as claims
from chexnomaly.claims.lookup import FLOOR
from chexnomaly.labels import spoken
from chexnomaly.results import format_entry, results_frame


def table_1(systems: Iterable[str]) -> list[str]:
    """Name the cells of Table I that belong to some systems: their claim ids."""
    return [
        f"t1-{dataset}-{system}-{metric}"
        for dataset in ("vindr", "other")
        for metric in ("mae", "f1", "mean_iou")
        for system in systems
    ]


def printed_and_measured(
    ids: Iterable[str], results: Path | Sequence[Path]
) -> pd.DataFrame:
    """Lay a table of the paper out, each cell as printed and as measured.

    Args:
        ids: Claim ids of its cells.
        results: Folder of results files, or several.

    Returns:
        Index (set, metric, "printed" or "measured" with its evidence level), one
        column per system. A cell that was not measured holds a dash; a measured one
        its 95 % interval.
    """
    ledger = claims.load_ledger()[["id", "dataset", "metric", "system"]]
    table = claims.compare(ids, results).merge(ledger, on="id")
    levels = table.groupby(["dataset", "metric"]).evidence.transform(
        lambda found: ", ".join(sorted({*found} - {""})) or "nothing"
    )
    values = table.rename(columns={"measured": "value"}).apply(format_entry, axis=1)
    printed = table.printed.replace("", "(lost)")
    told = ("printed", printed), ("measured (" + levels + ")", values)
    rows = (table.assign(cell=cell, text=text) for cell, text in told)
    long = pd.concat(rows).sort_index(kind="stable")
    long["metric"] = long["metric"].map(spoken)
    index = ["dataset", "metric", "cell"]
    wide = long.pivot_table("text", index, "system", aggfunc="first", sort=False)
    return wide.fillna("–").rename_axis(["set", "metric", "cell"])


def verdicts(ids: Iterable[str], results: Path | Sequence[Path]) -> pd.DataFrame:
    """Lay claims out, each with what was measured of it and the verdict.

    Args:
        ids: Claim ids.
        results: Folder of results files, or several.

    Returns:
        Index claim, in plain English; columns printed, measured with its 95 % interval,
        evidence, verdict, and the first clause of its reason. What is not known is a
        dash.
    """
    compared = claims.compare(ids, results).set_index("says").rename_axis("claim")
    told = {"measured": [_measured_freely(claim) for claim in compared.itertuples()]}
    told["reason"] = compared["reason"].str.partition(";")[0]
    kept = ["printed", "measured", "evidence", "verdict", "reason"]
    return compared.assign(**told)[kept].fillna("–").replace("", "–")


def _measured_freely(claim) -> str:
    if pd.isna(claim.measured):
        return "–"
    kind = f"{claim.measured_as} " if claim.measured_as else ""
    if pd.isna(claim.low) or claim.low == claim.high:
        whole = float(claim.measured).is_integer() or abs(claim.measured) > 9999
        return kind + (f"{claim.measured:,.0f}" if whole else f"{claim.measured:,.4g}")
    return f"{kind}{claim.measured:.4g} [{claim.low:.4g}, {claim.high:.4g}]"


def outcome(entry: Mapping | None) -> str:
    """Say how a system fares against a predictor, larger being better.

    Args:
        entry: The paired difference, with "low" and "high" of its 95 % interval; None
            where the two were not compared.

    Returns:
        "beats" where the interval lies above zero, "is beaten" where below, and "does
        not beat" where it covers zero; a dash where there is none.
    """
    if entry is None or entry["value"] is None or entry["low"] is None:
        return "–"
    if entry["low"] > 0:
        return "beats"
    return "is beaten" if entry["high"] < 0 else "does not beat"


def against_the_floor(
    results: Path, systems: Sequence[str], key: str, quantity: str, suffix: str = ""
) -> pd.DataFrame:
    """Say of each system whether it beats each predictor that never looks.

    What counts is the paired 95 % interval of the difference on the same films, as in
    `outcome`.

    Args:
        results: Folder of results files.
        systems: System keys; those without a file are left out.
        key: Set key.
        quantity: Results key, larger is better.
        suffix: What follows the predictors' keys, as in "mean_mask__cardiomegaly".

    Returns:
        Index system; its own value, one column per predictor in the form
        "difference [low, high] outcome", then n and evidence. A dash stands where the
        two were not compared.
    """

    def cells(result: dict) -> dict[str, str]:
        own = {"own value": format_entry(result["values"].get(quantity))}
        for rival in FLOOR:
            entry = result["paired"].get(rival + suffix, {}).get(quantity)
            told = format_entry(entry, sign="+"), outcome(entry)
            own[rival] = " ".join(told) if told[1] != "–" else "–"
        return own

    paths = (results / f"{system}__{key}.json" for system in systems)
    return results_frame(filter(Path.exists, paths), cells)
