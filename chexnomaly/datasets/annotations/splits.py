"""Which image trains, validates, tests (Section III; ambiguities 16, 17 and 21).

The split is of unique images, stratified by whether any reader drew any box, and
depends on nothing but ids, findings, fractions and seed: images are ordered by a hash
of seed and id, so the order of rows, the platform and the library versions do not
matter. VinDr-CXR names no patients; where a source does, `groups` keeps a patient's
images together, and `split_by_fold` holds out one fold of them after the other.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from chexnomaly import labels
from chexnomaly.errors import AnnotationError, raised_as
from chexnomaly.files import write_atomic

PARTS = ("train", "val", "test")
"""Names of the parts, in the order of the fractions."""

FRACTIONS = (0.8, 0.1, 0.1)
"""The paper's shares of training, validation and test images."""


def split_images(
    table: pd.DataFrame,
    seed: int = 0,
    fractions: Sequence[float] = FRACTIONS,
    groups: Mapping[str, str] | None = None,
) -> pd.Series:
    """Assign every image of a findings table to one part.

    Args:
        table: Findings; an image is positive when any row is a finding.
        seed: Another seed gives another split.
        fractions: Shares of train, val and test; they sum to 1.
        groups: Image id to patient; images of one patient share a part, and the
            shares then hold as nearly as whole patients allow. An image without a
            patient is its own.

    Returns:
        Image id (index "image_id", sorted) to "train", "val" or "test". Without
        groups the parts have round(N * fraction) images, training the remainder,
        and each part's share of positives is exact to one image.

    Raises:
        ValueError: The fractions are negative or do not sum to 1.
    """
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-9:
        raise ValueError(f"fractions: expected three that sum to 1, got {fractions}")
    positive = (table["finding"] != labels.NO_FINDING).groupby(table["image_id"]).any()
    patients = positive.index.map(lambda name: (groups or {}).get(name, "\n" + name))
    units = positive.groupby(np.asarray(patients, dtype=object)).agg(["any", "size"])
    strata = [units[units["any"] == value] for value in (True, False)]
    totals = [int(stratum["size"].sum()) for stratum in strata]
    quotas = [_apportion(totals, fraction) for fraction in fractions[1:]]
    parts: dict[str, str] = {}
    for stratum, val, test in zip(strata, *quotas, strict=True):
        parts |= _deal(stratum["size"], seed, val, test)
    assigned = [parts[patient] for patient in patients]
    index = pd.Index(positive.index, name="image_id")
    return pd.Series(assigned, index=index, name="split", dtype="str").sort_index()


def split_by_fold(films: pd.DataFrame, fold: int, val_share: float) -> pd.Series:
    """Hold one fold of patients out as the test part.

    Of the other patients a hash of fold and name says who validates, so that it
    depends on nothing else, least of all on what other films there are.

    Args:
        films: Index image_id; columns "patient" and "fold".
        fold: Which.
        val_share: Share of the other patients that validate, about.

    Returns:
        As `split_images`; a patient's films share a part.

    Raises:
        ValueError: No film is in that fold.
    """
    if not (films["fold"] == fold).any():
        known = sorted(films["fold"].unique().tolist())
        raise ValueError(f"fold {fold}, expected one of {known}")
    place = films["patient"].map(lambda name: int(_hash(f"{fold}\n{name}")[:8], 16))
    validates = place < val_share * 16**8
    parts = np.select([films["fold"] == fold, validates], ["test", "val"], "train")
    index = pd.Index(films.index, name="image_id")
    return pd.Series(parts, index=index, name="split", dtype="str").sort_index()


def _apportion(totals: list[int], fraction: float) -> list[int]:
    """Share round(sum * fraction) out over the strata, by largest remainder."""
    exact = [total * fraction for total in totals]
    shares = [int(value + 1e-9) for value in exact]
    left = int(sum(totals) * fraction + 0.5) - sum(shares)
    by_remainder = sorted(range(len(totals)), key=lambda i: shares[i] - exact[i])
    for i in by_remainder[:left]:
        shares[i] += 1
    return shares


def _deal(sizes: pd.Series, seed: int, val: int, test: int) -> dict[str, str]:
    """Give whole units to test, then val, then train, in the order of their hashes."""
    order = sorted(sizes.index, key=lambda name: _hash(f"{seed}\n{name}"))
    counts = np.cumsum([int(sizes[name]) for name in order])
    return {
        name: "test" if count <= test else "val" if count <= test + val else "train"
        for name, count in zip(order, counts, strict=True)
    }


def split_hash(split: pd.Series) -> str:
    """Return the sha256 of a split; the order of its rows does not matter."""
    lines = sorted(f"{name}\t{part}\n" for name, part in split.items())
    return _hash("".join(lines))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def save_split(split: pd.Series, path: Path) -> None:
    """Write a split as CSV with its hash beside it.

    Args:
        split: As `split_images` returns it.
        path: The CSV file; `<path>.json` receives hash and counts.
    """
    path = Path(path)
    frame = pd.DataFrame({"image_id": split.index, "split": split.to_numpy()})
    counts = {part: int((split == part).sum()) for part in PARTS}
    note = {"split_hash": split_hash(split), "counts": counts}
    write_atomic(path, frame.to_csv(index=False, lineterminator="\n"))
    write_atomic(Path(f"{path}.json"), json.dumps(note, indent=1) + "\n")


def load_split(path: Path) -> pd.Series:
    """Read a split that `save_split` wrote.

    Raises:
        AnnotationError: It is missing, malformed, or not what was saved.
    """
    path = Path(path)
    expected = "a split as it was saved; make it again"
    with raised_as(AnnotationError, "unreadable", file=path, expected=expected):
        frame = pd.read_csv(path, dtype="str", keep_default_na=False)
        note = json.loads(Path(f"{path}.json").read_text(encoding="utf-8-sig"))
        split = frame.set_index("image_id")["split"]
        digest = note["split_hash"]
    if split_hash(split) != digest:
        raise AnnotationError("changed since saved", file=path, expected=expected)
    return split
