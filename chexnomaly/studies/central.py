"""The central contrast: every arm beside the U-Net alone, and beside its own twin."""

from pathlib import Path

import pandas as pd

from chexnomaly.claims.lookup import Ref, Shelf
from chexnomaly.results import Entry
from chexnomaly.studies.contrasts import NETWORKS_FILE

FROZEN_ARMS = {
    "CheX-Nomaly": "chexnomaly",
    "its twin never trained": "chexnomaly__random_base",
    "its twin began with single films": "chexnomaly__warm_start",
    "the film beside the twin's map": "chexnomaly__concat",
    "a frozen U-Net for the twin": "chexnomaly__from_supermodel",
}
"""Words to an arm; the last is the positive control."""

ASKED_ON = {
    "real films": "nih_boxes",
    "phantoms, findings that were learned": "study_test",
    "phantoms, pneumonia, which no network saw": "study_unseen_pneumonia",
}
"""Words to a set."""

AT_BOTH = {"at the chosen threshold": "iou_c@operating", "at 0.5": "iou_c"}
"""Words to a results key."""

ITS_TWIN = {
    "chexnomaly": "siamese_unet",
    "chexnomaly__warm_start": "siamese_unet__warm_start",
}
"""Arm to its twin."""

FILMS_OF = {
    "real films": ("films", "nih_boxes", "nih_pairs"),
    "phantoms": ("phantoms", "study_test", "study_pairs"),
}
"""Words to a world, its set that was seen, and its pairs."""


def differences(
    folder: Path, arms: dict[str, str], places: dict[str, str], other: str
) -> dict[str, dict[str, dict[str, Entry]]]:
    """Look up what arms of a study are above another one, in IoU.

    Args:
        folder: Results of the study.
        arms: Words to an arm.
        places: Words to a set.
        other: The arm that they are held against.

    Returns:
        By words of a place, of a threshold and of an arm; what is not measured is left
        out.
    """
    shelf, found = Shelf(folder), {}
    for place, dataset in places.items():
        for threshold, key in AT_BOTH.items():
            for words, arm in arms.items():
                pair = (Ref(arm, dataset, key), Ref(other, dataset, key))
                if gap := shelf.paired(*pair):
                    at = found.setdefault(place, {}).setdefault(threshold, {})
                    at[words] = gap._asdict()
    return found


def gains_by_twin(folder: Path) -> pd.DataFrame:
    """Set what a twin's training gains beside what the twin has learned.

    Args:
        folder: Results of the study, with its tables of networks.

    Returns:
        A row for each network: "films" and "twin" in words, "auc" of the twin on test
        pairs, and "gain" in IoU, at the chosen threshold, over the same network on a
        twin that was never trained.
    """
    rows, words = [], {arm: text for text, arm in FROZEN_ARMS.items()}
    for films, (world, seen, pairs) in FILMS_OF.items():
        if not (path := folder / NETWORKS_FILE.format(world)).exists():
            continue
        table = pd.read_csv(path).set_index(["set", "arm", "fold", "seed"])
        overlap = table["iou_c@operating"].unstack("arm").loc[seen]
        areas = table["auc"].unstack("arm").loc[pairs]
        for arm, twin in ITS_TWIN.items():
            gain = overlap[arm] - overlap["chexnomaly__random_base"]
            told = pd.DataFrame({"auc": areas[twin], "gain": gain}).dropna()
            rows.append(told.assign(films=films, twin=words[arm]))
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()
