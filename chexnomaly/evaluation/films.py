"""Real films of a held-out fold: whose boxes, which view, and group against group.

Several groups marked boxes, each by a rule of its own, and bedside films (AP) are
sicker than those of patients who stand (PA). Every system is therefore scored on the
union of all boxes and on each group's own, on both views and on each. The headline for
sick against healthy is PA against PA, since a network that tells the views apart tells
sick from healthy on the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.segmentation import SegmentationSet
from chexnomaly.evaluation.evaluator import TestSet
from chexnomaly.evaluation.scores import PAPER_THRESHOLD, ScoredSet
from chexnomaly.labels import NO_FINDING, SYNONYMS

UNION = "nih_boxes"
"""Key of the set with all boxes."""

VIEWS = ("PA", "AP")

FEW = ("iou_c", "mae_hard", "auc", "pointing")
"""What is computed on parts of that set."""


def film_sets(
    data: PreparedSet, outlines: Mapping[str, np.ndarray] | None = None
) -> dict[str, TestSet]:
    """Give the sets that a system is scored on, all from the test part.

    Args:
        data: Films with one fold held out.
        outlines: Image id to a mask of outlined findings, (S, S), bool, of the films
            that somebody looked at with outlines in mind.

    Returns:
        By set key: "nih_boxes" (every group's boxes together), "nih_boxes_pa" and
        "nih_boxes_ap", one for each group of readers, such as "nih_boxes_rsna", and
        "nih_polygons". Healthy films stand in each; a set without an abnormal film is
        left out.
    """
    whole = data.part("test")
    views = data.films["view"]
    sets = {UNION: whole}
    for view in VIEWS:
        ids = [i for i in whole.ids if views[i] == view]
        sets[f"{UNION}_{view.lower()}"] = whole.subset(ids)
    healthy = data.findings.finding == NO_FINDING
    for reader in sorted(set(data.findings.reader[~healthy])):
        rows = data.findings[healthy | (data.findings.reader == reader)]
        ids = sorted({*whole.ids} & {*rows.image_id})
        key = f"{UNION}_{reader.replace('-', '_')}"
        sets[key] = SegmentationSet(data.store, rows, ids)
    if outlines is not None:
        calm = {*whole.kinds()[1]}
        ids = [i for i in whole.ids if i in calm or np.any(outlines.get(i, False))]
        drawn = SegmentationSet(data.store, data.findings, ids, outlines=outlines)
        sets["nih_polygons"] = drawn
    patients = data.films["patient"].to_dict()
    made = {k: TestSet(s, data.origin, patients, FEW) for k, s in sets.items()}
    made[UNION] = replace(made[UNION], keys=())
    return {key: one for key, one in made.items() if one.scans.is_abnormal().any()}


def group_against_group(
    data: PreparedSet,
    first: str,
    second: str,
    findings: Sequence[str] = SYNONYMS["opacity"],
    boxed: bool = False,
) -> tuple[ScoredSet, TestSet]:
    """Score one group of radiologists as if it were a network, the other as truth.

    Args:
        data: Films of every part.
        first: The group whose boxes predict.
        second: The group whose boxes are the truth.
        findings: What both look for; opacities by default.
        boxed: Keep only films on which both drew a box.

    Returns:
        Scores at the paper's threshold of the films that both groups looked at, and
        the truth.
    """
    said = data.films[[first.replace("-", "_"), second.replace("-", "_")]]
    both = sorted(said.index[said.notna().all(axis=1)].intersection(data.store.ids))
    rows = data.findings[data.findings.finding.isin(findings)]
    one, other = (
        SegmentationSet(data.store, rows[rows.reader == reader], both)
        for reader in (first, second)
    )
    if boxed:
        kept = one.is_abnormal() & other.is_abnormal()
        other = other.subset(np.array(both)[kept].tolist())
    patients = data.films["patient"].to_dict()
    truth = TestSet(other, data.origin, patients, FEW)
    drawn = (one.mask(i)[None] for i in other.ids)
    return truth.score(drawn, [PAPER_THRESHOLD]), truth
