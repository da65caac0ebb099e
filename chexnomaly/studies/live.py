"""Whether a build's numbers are such as the study's networks give."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from chexnomaly.results import read_result
from chexnomaly.studies.contrasts import BY_NETWORK, NETWORKS_FILE

FEWEST = 3
"""Networks that a spread takes."""


def beside_study(results: Path, study: Path) -> pd.DataFrame:
    """Hold a build's numbers against the spread of the study's networks.

    Args:
        results: Results of the build.
        study: Results of the study, with its tables of networks.

    Returns:
        A row for each number that both have, of at least `FEWEST` networks on the same
        films: "system", "set", "quantity", "live", "low" and "high" (where one more
        network of the study would lie, 95 %), "networks", and "outside".
    """
    rows = [*_numbers(results, study)]
    columns = "system set quantity live low high networks".split()
    table = pd.DataFrame(rows, columns=columns)
    inside = table["live"].between(table["low"] - 1e-4, table["high"] + 1e-4)
    return table.assign(outside=~inside)


def _numbers(results: Path, study: Path) -> Iterator[tuple]:
    for path in sorted(study.glob(NETWORKS_FILE.format("*"))):
        table = pd.read_csv(path)
        for (arm, key, split), group in table.groupby(["arm", "set", "split_hash"]):
            if not (file := results / f"{arm}__{key}.json").exists():
                continue
            live = read_result(file)
            if not (live.get("split_hash") or "").startswith(split):
                continue
            for name in BY_NETWORK:
                values, one = group[name].dropna(), live["values"].get(name)
                if len(values) >= FEWEST and one and one["value"] is not None:
                    yield arm, key, name, one["value"], *_spread(values), len(values)


def _spread(values: pd.Series) -> tuple[float, float]:
    """Give the 95 % interval of one more value of the same normal distribution."""
    n = len(values)
    reach = stats.t.ppf(0.975, n - 1) * values.std() * np.sqrt(1 + 1 / n)
    return values.mean() - reach, values.mean() + reach
