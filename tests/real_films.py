"""Squares as if they were real films: patients, views, labels, groups of readers."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from chexnomaly.datasets.annotations.findings import COLUMNS, save_findings
from chexnomaly.datasets.annotations.splits import save_split, split_images
from chexnomaly.datasets.prepared import PreparedSet

N_FOLDS = 5
LABELLED_ALONE = 6
"""The last films, of which a label is known and no box."""


def as_films(squares: PreparedSet) -> PreparedSet:
    """Tell patients apart: two films each, the first of them AP every third time.

    Reader R1 is called "rsna", R2 "chestx-det"; R3 is left out. Ids that end in 6 were
    not looked at by "chestx-det", those in 4 have no box by "rsna".
    """
    ids = sorted(squares.split.index)
    numbers = np.arange(len(ids))
    patients = [f"{n // 2}" for n in numbers]
    abnormal = numbers % 2 == 0
    kinds = np.array(["ild", "nodule_mass"])[numbers % 4 // 2]
    films = pd.DataFrame(
        {
            "patient": patients,
            "fold": numbers // 2 % N_FOLDS,
            "view": np.where(numbers % 3 == 0, "AP", "PA"),
            "labels": np.where(abnormal, kinds, "no_finding"),
            "abnormal": pd.array(abnormal, dtype="boolean"),
            "rsna": np.where(abnormal, "lung_opacity", "normal"),
            "chestx_det": [None if i.endswith("6") else "abnormal" for i in ids],
        },
        index=pd.Index(ids, name="image_id"),
    )
    table = squares.findings.replace({"reader": {"R1": "rsna", "R2": "chestx-det"}})
    table = table[(table.reader != "R3") & ~table.image_id.isin(ids[-LABELLED_ALONE:])]
    unseen = table.image_id.str.endswith("6") & (table.reader == "chestx-det")
    unmarked = table.image_id.str.endswith("4") & (table.reader == "rsna")
    table = table[~unseen & ~unmarked].assign(source="nih")[list(COLUMNS)]
    return replace(squares, findings=table.reset_index(drop=True), films=films)


def write_films(squares: PreparedSet, out: Path) -> PreparedSet:
    """Put `as_films` into a folder as `prepare` would, and open it."""
    made = as_films(squares)
    shutil.copytree(squares.store.path, out / "store")
    save_findings(made.findings, out / "findings.csv")
    save_split(split_images(made.findings), out / "splits.csv")
    made.films.to_csv(out / "films.csv", lineterminator="\n")
    return PreparedSet.open(out)
