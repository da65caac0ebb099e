"""What is said of NIH's films as a whole, and which of them are healthy.

NIH's own table has the patient, the view and labels mined from reports. Radiologists
of RSNA and of Tang et al. called films normal or not, and whoever marked a finding says
so too. Healthy is a film that RSNA or Tang called normal, that nobody called anything
else, and on which nobody marked anything: a missing box alone says nothing.
"""

import hashlib
from collections.abc import Iterable, Mapping, Set
from pathlib import Path

import pandas as pd

from chexnomaly.datasets.annotations.validation import is_one_of, matches, read_rows
from chexnomaly.datasets.sources.rsna import CLASS_OF_NAME
from chexnomaly.errors import Refusal
from chexnomaly.labels import FINDING_OF_NAME, NO_FINDING

FILM_NAME = "[0-9]{8}_[0-9]{3}"
"""How NIH names a film: patient and place in the patient's series."""

N_FOLDS = 5

GROUPS = ("rsna", "tang", "chestx_det")
"""Columns of what one group said of a film as a whole."""

NORMAL = "normal"
NONE_OF_13 = "none of 13"
"""ChestX-Det looked at a film and marked none of its findings."""

CONTRADICTORY = "contradictory"
"""One group called a film both."""

_ENTRY = {
    "image_id": "Image Index",
    "patient": "Patient ID",
    "view": "View Position",
    "labels": "Finding Labels",
}
_VALUE = {
    **{f"rsna {name}": key for name, key in CLASS_OF_NAME.items()},
    **{f"tang {name}": name for name in (NORMAL, "abnormal")},
}


def patient_of(image_id: str) -> str:
    """Return a film's patient, a number, from its name."""
    return str(int(image_id[:8]))


def fold_of(patient: str) -> int:
    """Return the fold that all films of a patient lie in, 0 to 4."""
    return int(hashlib.sha256(patient.encode()).hexdigest(), 16) % N_FOLDS


def read_entries(path: Path, here: Set[str]) -> tuple[pd.DataFrame, list[Refusal]]:
    """Read NIH's table of films.

    Args:
        path: `Data_Entry_2017.csv` or a later version of it.
        here: Image ids of the films that are there; others are passed over.

    Returns:
        Index image_id, sorted; columns patient, fold, view ("PA" or "AP"), labels (our
        keys, mined from reports, joined by "|"), row (line in the table); and the
        refused rows. The attribute "refused_ids" names films that lost their row.
    """
    derive = {
        "image_id": lambda table: table["image_id"].str.removesuffix(".png"),
        "labels": lambda table: table["labels"].map(_mined_labels),
    }
    films, refused = read_rows(
        path, _ENTRY, _ENTRY_RULES, derive, only={f"{name}.png" for name in here}
    )
    lost = {name.removesuffix(".png") for name in films.attrs["refused_ids"]}
    films["patient"] = films["image_id"].map(patient_of)
    films.insert(2, "fold", films["patient"].map(fold_of).astype("int64"))
    films = films.set_index("image_id").sort_index()
    films.attrs["refused_ids"] = frozenset(lost)
    return films, refused


def read_opinions(path: Path) -> tuple[pd.DataFrame, list[Refusal]]:
    """Read what radiologists called films: image_id, source and opinion.

    Returns:
        Columns image_id, group ("rsna" or "tang"), value, row; and the refused rows.
        The attribute "refused_ids" names films that lost an opinion.
    """
    columns = {"image_id": "image_id", "group": "source", "value": "opinion"}
    derive = {
        "group": lambda table: table["group"].str.split().str[0],
        "value": lambda table: (table["group"] + " " + table["value"]).map(_VALUE),
    }
    return read_rows(path, columns, _OPINION_RULES, derive)


def judge_films(
    films: pd.DataFrame,
    opinions: pd.DataFrame,
    outlines: Mapping[str, Iterable],
    boxed: Set[str],
    lost: Set[str],
) -> pd.DataFrame:
    """Say of each film what the groups called it, and whether it is abnormal.

    Args:
        films: As `read_entries` gives it.
        opinions: As `read_opinions` gives it.
        outlines: Image id of each film that ChestX-Det looked at, to what it marked.
        boxed: Films with a box by anyone.
        lost: Films that lost an annotation: never called healthy.

    Returns:
        The films, with the columns abnormal (boolean: what radiologists say, else the
        mined labels; NA where radiologists contradict each other, or where all that is
        left after a refusal is "normal"), rsna, tang and chestx_det (str; NA where a
        group did not look), healthy (bool).
    """
    columns = {group: {} for group in GROUPS}
    for image_id, group, value in opinions[["image_id", "group", "value"]].to_numpy():
        before = columns[group].setdefault(image_id, value)
        columns[group][image_id] = value if before == value else CONTRADICTORY
    columns["chestx_det"] = {
        name: "abnormal" if marked else NONE_OF_13 for name, marked in outlines.items()
    }
    said = pd.DataFrame(
        {group: films.index.to_series().map(found) for group, found in columns.items()}
    ).astype("str")
    both = (said == CONTRADICTORY).any(axis=1)
    normal = (said == NORMAL).any(axis=1) | both
    other = (said.notna() & ~said.isin([NORMAL, NONE_OF_13])).any(axis=1)
    other |= films.index.isin(boxed)
    doubted = films.index.isin(lost)
    mined = films["labels"] != NO_FINDING
    abnormal = (other | (mined & ~normal)).astype("boolean")
    abnormal = abnormal.mask((normal & other) | (doubted & ~abnormal.astype(bool)))
    healthy = normal & ~other & ~doubted
    return films.assign(abnormal=abnormal, **said, healthy=healthy)


def _mined_labels(text: str) -> str | None:
    keys = [FINDING_OF_NAME["nih"].get(name.strip()) for name in text.split("|")]
    return None if None in keys else "|".join(dict.fromkeys(keys))


def _is_own_patient(table: pd.DataFrame) -> pd.Series:
    number = pd.to_numeric(table["patient"], errors="coerce")
    return number == pd.to_numeric(table["image_id"].str[:8], errors="coerce")


IS_NAMED = matches("image_id", FILM_NAME, "a film's name, such as 00000001_000")
"""That a film goes by NIH's name."""

_ENTRY_RULES = (
    IS_NAMED,
    ("image_id", "each film once", lambda rows: ~rows.image_id.duplicated(keep=False)),
    ("patient", "the number in the film's name", _is_own_patient),
    is_one_of("view", ("PA", "AP"), "PA or AP"),
    ("labels", "known labels, joined by |", lambda rows: rows["labels"].notna()),
)
_OPINION_RULES = (
    IS_NAMED,
    is_one_of("group", GROUPS[:2], "rsna, or tang and a part"),
    is_one_of("value", _VALUE.values(), "an opinion of this source"),
)
