"""Table II without a model: what an empty mask errs by on balanced sets.

Half of each finding's set is normal, so that an empty mask errs by half the mean
foreground share. A test set holds a tenth of the finding's films, few for the rare
ones: how far its error moves by chance alone is found by drawing such sets. Fourteen
findings are compared, so each range is widened to hold for all of them at once
(Bonferroni).
"""

import numpy as np
import pandas as pd

from chexnomaly.evaluation.intervals import Entry, entry
from chexnomaly.labels import FINDINGS
from chexnomaly.studies.annotations.predictors import covered_share
from chexnomaly.studies.annotations.rectangles import cover

TEST_SHARE = 0.1
"""Share of the films in the paper's test part (Section III)."""


def foreground_by_finding(
    findings: pd.DataFrame, size: int = 512
) -> dict[str, np.ndarray]:
    """Measure each finding's own mask on the films that show it.

    Args:
        findings: Findings table with image sizes.
        size: Side of the common square, px.

    Returns:
        Finding to foreground shares (union of readers), in the order of Table II;
        findings that no film shows are left out.
    """
    drawn = dict(iter(findings.groupby("finding")))
    kept = [finding for finding in FINDINGS if finding in drawn]
    return {finding: covered_share(cover(drawn[finding], size)) for finding in kept}


def empty_errors(
    shares: dict[str, np.ndarray], draws: int = 20_000, seed: int = 0
) -> dict[str, Entry]:
    """Give the error of an empty mask on the balanced set of each finding.

    Args:
        shares: From `foreground_by_finding`.
        draws: Test sets drawn per finding.
        seed: Seed of the draws.

    Returns:
        Finding to entry: the error over all its films and as many normal ones; low and
        high bound what test sets of a tenth of them give, for all findings at once
        with 95 %; n the abnormal films of such a set.
    """
    tail = 100 * 0.025 / len(shares)
    entries = {}
    for finding, values in shares.items():
        rng = np.random.default_rng([seed, *finding.encode()])
        n = max(1, round(TEST_SHARE * len(values)))
        drawn = rng.choice(values, (draws, n)).mean(axis=1) / 2
        low, high = np.percentile(drawn, [tail, 100 - tail])
        entries[finding] = entry(values.mean() / 2, low, high, n)
    return entries


def place_printed(printed: float, error: Entry) -> str:
    """Say where a printed error lies: "above", "within" or "below" the range."""
    if printed > error["high"]:
        return "above"
    return "below" if printed < error["low"] else "within"
