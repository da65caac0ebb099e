"""Counts of the shipped films for their data card: aggregates, never a single film."""

import pandas as pd

from chexnomaly.datasets.annotations.tables import read_table
from chexnomaly.datasets.sources import nih
from chexnomaly.labels import NO_FINDING

AGES = {"under 18": 18, "18 to 39": 40, "40 to 59": 60, "60 and over": 200}
"""Age group to the first age above it, years."""


def about() -> str:
    """Read whose the films are, from what lies beside them."""
    text = (nih.shipped() / "ATTRIBUTION.md").read_text(encoding="utf-8")
    return text.split("\n\n")[1].replace("*", "")


def film_counts() -> dict:
    """Count the shipped films, who they are of, and what is said of them.

    Returns:
        Group ("all", "boxed", "healthy") to its numbers: films, patients, PA, AP, and
        films by age group; and `readers`, boxed films by reader; `mined`, healthy films
        with a label mined from a report; `doubted`, films that radiologists contradict
        each other on; `view_auc`, of the view alone as a sign of a box; `shares`, the
        largest share of a group that one repository held.
    """
    table, _ = nih.read_annotations(nih.shipped())
    films = table.attrs["films"]
    names = {f"{name}.png" for name in films.index}
    needed = ("Image Index", "Patient Age")
    ages, _ = read_table(nih.find(nih.shipped(), *nih.ENTRY_TABLES), needed, only=names)
    years = pd.to_numeric(ages.set_index("Image Index")["Patient Age"].str.strip("Y"))
    years.index = years.index.str.removesuffix(".png")
    edges, labels = [-1, *(n - 1 for n in AGES.values())], list(AGES)
    ages = pd.cut(years.reindex(films.index), edges, labels=labels)
    films["age"] = ages.astype("str")
    origins = pd.read_csv(nih.shipped() / "SOURCES.csv", index_col="image_id")
    films["repository"] = origins["repository"]
    ill = table[table["finding"] != NO_FINDING]
    well = table.loc[table["finding"] == NO_FINDING, "image_id"]
    groups = {"all": films, "boxed": films.loc[ill["image_id"].unique()]}
    groups["healthy"] = films.loc[well.unique()]
    counts = {name: _count(group) for name, group in groups.items()}
    bedside = {name: (group["view"] == "AP").mean() for name, group in groups.items()}
    return counts | {
        "readers": ill.groupby("reader")["image_id"].nunique().to_dict(),
        "mined": int((groups["healthy"]["labels"] != NO_FINDING).sum()),
        "doubted": int(films["abnormal"].isna().sum()),
        "view_auc": 0.5 + (bedside["boxed"] - bedside["healthy"]) / 2,
        "shares": {
            name: group["repository"].value_counts(normalize=True).iloc[0]
            for name, group in groups.items()
        },
    }


def _count(films: pd.DataFrame) -> dict:
    views, ages = films["view"].value_counts(), films["age"].value_counts()
    numbers = {"films": len(films), "patients": films["patient"].nunique()}
    return numbers | views.to_dict() | {age: int(ages.get(age, 0)) for age in AGES}
