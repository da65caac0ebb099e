"""Every predictor that needs no pixel, on every set that the paper may have meant.

A whole table is no sample, so its values have no interval. A drawn set has one: the
range of the middle 95 % of many draws, which says how far a test set of that size
moves a score that is fixed.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from chexnomaly.datasets.annotations.findings import scale_boxes
from chexnomaly.datasets.annotations.validation import BOX
from chexnomaly.evaluation.intervals import Entry, entry
from chexnomaly.evaluation.statistics import statistics
from chexnomaly.labels import NO_FINDING
from chexnomaly.metrics.classification import F1_RULES
from chexnomaly.metrics.segmentation import IOU_CONVENTIONS, Scores
from chexnomaly.results import read_result, write_result
from chexnomaly.studies.annotations import predictors as blind
from chexnomaly.studies.annotations import rectangles as covers

OTHER_N = 200
"""Scans in the paper's "Other Disease" set (Table I)."""

AUDIT_KEYS = (
    *(f"iou_{convention.lower()}" for convention in IOU_CONVENTIONS),
    *("mae_soft", "mae_hard"),
    *(f"f1_{rule}" for rule in F1_RULES),
    *("recall_any_pixel", "pixel_precision", "predicted_share", "true_share"),
)
"""What is computed: every convention of the metrics, and what explains them."""

Values = dict[str, dict[str, Entry]]


@dataclass(frozen=True)
class Audited:
    """One table, scored.

    Attributes:
        cover: Its boxes.
        scores: Predictor to per-image scores against the union of readers, or against
            what the predictor's name says.
        abnormal: Whether each image has a mask, bool, shape (N,).
    """

    cover: covers.Cover
    scores: dict[str, Scores]
    abnormal: np.ndarray


def score_table(findings: pd.DataFrame, size: int = 512, seed: int = 0) -> Audited:
    """Score all predictors on a findings table.

    Args:
        findings: Findings table with image sizes.
        size: Side of the common square, px.
        seed: Of the halves of `mean_mask` and of `random_box`.

    Returns:
        "all_empty", "all_ones", "mean_mask", "random_box"; and where several readers
        drew, "one_reader" (against the union of the others), "one_reader_in_union" (of
        all readers) and "one_reader_in_majority" (what two of them drew).
    """
    cover = covers.cover(findings, size)
    drawn = scale_boxes(findings[findings.finding != NO_FINDING], size)
    scores = {
        "all_empty": blind.all_empty(cover),
        "all_ones": blind.all_ones(cover),
        "mean_mask": blind.fixed_place(cover, seed),
        "random_box": blind.random_box(cover, drawn[list(BOX)].to_numpy(float), seed),
    }
    if cover.n_readers > 1:
        scores["one_reader"] = blind.one_reader(cover)
        scores["one_reader_in_union"] = blind.one_reader(cover, "union")
        scores["one_reader_in_majority"] = blind.one_reader(cover, "two_readers")
    return Audited(cover, scores, blind.true_pixels(cover) > 0)


def vindr_sets(audited: Audited, test_share: float = 0.1) -> dict[str, tuple[int, int]]:
    """Name the test sets of VinDr's kind: a stratified tenth, by key."""
    ill = int(audited.abnormal.sum())
    normal = len(audited.abnormal) - ill
    return {"tenth": (round(test_share * ill), round(test_share * normal))}


def rsna_sets() -> dict[str, tuple[int, int]]:
    """Name the readings of "Other (200)": positives alone, and two mixes of 4:10.

    That is the ratio of abnormal to normal films printed in Section III.
    """
    ill, normal = 4, 10
    within = round(OTHER_N * ill / (ill + normal))
    return {
        "200": (OTHER_N, 0),
        "200_mixed": (within, OTHER_N - within),
        "200_plus_normal": (OTHER_N, round(OTHER_N * normal / ill)),
    }


def draw_sets(
    abnormal: np.ndarray, positives: int, negatives: int, draws: int, seed: int
) -> np.ndarray:
    """Draw test sets with a fixed number of abnormal and of normal images.

    Args:
        abnormal: Whether each image is, bool, shape (N,).
        positives: Abnormal images per set.
        negatives: Normal images per set.
        draws: Number of sets, D.
        seed: Seed of the draws.

    Returns:
        Positions of images, shape (D, positives + negatives); no image twice in a set.

    Raises:
        ValueError: There are fewer images of a kind than a set needs.
    """
    rng = np.random.default_rng(seed)
    pools = np.flatnonzero(abnormal), np.flatnonzero(~abnormal)
    kinds = list(zip(pools, (positives, negatives), strict=True))
    for pool, wanted in kinds:
        if len(pool) < wanted:
            raise ValueError(f"expected {wanted} images of a kind, got {len(pool)}")
    sets = [
        [rng.choice(pool, n, replace=False, shuffle=False) for pool, n in kinds]
        for _ in range(draws)
    ]
    return np.array([np.concatenate(parts) for parts in sets])


def whole_entries(scores: Scores, rows: np.ndarray | None = None) -> dict[str, Entry]:
    """Compute every value of `AUDIT_KEYS` on a whole table.

    Args:
        scores: Shape (N,), or (R, N): values are then means over the first axis.
        rows: Which images, bool, shape (N,); all by default.

    Returns:
        Entries without interval; undefined values are None.
    """
    if rows is not None:
        scores = {name: values[..., rows] for name, values in scores.items()}
    n = next(iter(scores.values())).shape[-1]
    return {
        key: entry(np.mean(values), None, None, n)
        for key, values in _values(scores).items()
    }


def drawn_entries(scores: Scores, sets: np.ndarray) -> dict[str, Entry]:
    """Compute every value of `AUDIT_KEYS` on drawn test sets.

    Args:
        scores: Shape (N,) or (R, N).
        sets: From `draw_sets`, shape (D, n).

    Returns:
        Entries: the mean over the draws and the range of their middle 95 %; n is the
        size of one set. A value that some draw leaves undefined is None.
    """
    drawn = {name: values[..., sets] for name, values in scores.items()}
    entries = {}
    for key, values in _values(drawn).items():
        each = values.reshape(-1, len(sets)).mean(axis=0)
        low, high = np.percentile(each, [2.5, 97.5])
        entries[key] = entry(each.mean(), low, high, sets.shape[1])
    return entries


def _values(scores: Scores) -> dict[str, np.ndarray]:
    table = statistics()
    return {key: np.asarray(table[key](scores)) for key in AUDIT_KEYS}


def values_by_set(
    audited: Audited, sets: dict[str, tuple[int, int]], draws: int, seed: int
) -> dict[str, Values]:
    """Compute every value on the whole table, its positives, and drawn test sets.

    Args:
        audited: A scored table.
        sets: Suffix to abnormal and normal images of each drawn set.
        draws: Sets drawn of each kind; every predictor is scored on the same ones.
        seed: Seed of the draws.

    Returns:
        Suffix ("" whole, "positives", then those of `sets`) to predictor to entries.
    """
    found = {
        suffix: {n: whole_entries(s, rows) for n, s in audited.scores.items()}
        for suffix, rows in (("", None), ("positives", audited.abnormal))
    }
    for suffix, (ill, normal) in sets.items():
        chosen = draw_sets(audited.abnormal, ill, normal, draws, seed)
        found[suffix] = {n: drawn_entries(s, chosen) for n, s in audited.scores.items()}
    return found


def write_values(
    folder: Path, key: str, values: dict[str, Values], **details
) -> dict[str, dict]:
    """Write one results file for each predictor on each set.

    Args:
        folder: Results folder of the profile.
        key: Key of the table, such as "rsna".
        values: From `values_by_set`; its suffixes follow the key.
        details: Further fields of `results.write_result`, "profile", "notebook" and
            "seeds" among them.

    Returns:
        `<predictor>__<set>` to the result.
    """
    written = {}
    for suffix, systems in values.items():
        dataset = f"{key}_{suffix}" if suffix else key
        for system, entries in systems.items():
            learned = "annotations" if "_mask" in system else None
            about = {"trained_on": learned, "scored_on": "annotations", **details}
            about |= {"n": entries["iou_a"]["n"], "values": entries}
            path = write_result(folder, system, dataset, **about)
            written[path.stem] = read_result(path)
    return written
