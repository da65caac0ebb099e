"""Every predictor that needs no pixel, on every set that the paper may have meant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from chexnomaly.datasets.annotations.findings import scale_boxes
from chexnomaly.datasets.annotations.validation import BOX
from chexnomaly.evaluation.intervals import Entry
from chexnomaly.labels import NO_FINDING
from chexnomaly.metrics.segmentation import Scores
from chexnomaly.results import format_entry, read_result, write_result
from chexnomaly.studies.annotations import predictors as blind
from chexnomaly.studies.annotations import rectangles as covers
from chexnomaly.studies.annotations.draws import draw_sets, drawn_entries, whole_entries

OTHER_N = 200
"""Scans in the paper's "Other Disease" set (Table I)."""

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


def zero_shot_masks(
    frames: Mapping[str, Audited], target: Audited
) -> dict[str, Scores]:
    """Score one fixed place on a collection that it was not fitted on.

    The paper's models were trained on VinDr-CXR; so is this baseline. A mask fitted on
    the target itself, as `mean_mask` is, is a ceiling that none of them could use.

    Args:
        frames: Suffix of the system's key to VinDr-CXR in one of its possible frames.
        target: The other collection.

    Returns:
        "zero_shot_mask" with its suffix, to per-image scores on the target.
    """
    return {
        f"zero_shot_mask{suffix}": blind.place_from(one.cover, target.cover)
        for suffix, one in frames.items()
    }


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
            path = write_result(
                folder,
                system,
                dataset,
                trained_on="annotations" if "_mask" in system else None,
                scored_on="annotations",
                n=entries["iou_a"]["n"],
                values=entries,
                **details,
            )
            written[path.stem] = read_result(path)
    return written


def table(paths: Sequence[Path], columns: Mapping[str, str]) -> pd.DataFrame:
    """Lay results files out, set by set.

    Args:
        paths: Results files, one row each.
        columns: Results key to heading.

    Returns:
        Index (set with its evidence level and n, system), values with their range.
    """
    rows = []
    for path in paths:
        result = read_result(path)
        where = f"{result['set']}: {result['evidence']}, n = {result['n']:,}"
        cells = {h: format_entry(result["values"][k]) for k, h in columns.items()}
        kept = {h: cell.replace(" ", "\N{NO-BREAK SPACE}") for h, cell in cells.items()}
        rows.append({"set": where, "system": result["system"]} | kept)
    index = ["set", "system"]
    return pd.DataFrame(rows, columns=[*index, *columns.values()]).set_index(index)
