"""Cohorts as prepared sets: store, findings and split, without files in between."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from chexnomaly.datasets.annotations.findings import save_findings
from chexnomaly.datasets.annotations.splits import save_split
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.store.store import Store
from chexnomaly.phantom.files.findings_table import findings_of
from chexnomaly.phantom.files.store import write_store


def write_prepared(
    root: Path, parts: Sequence[str], seed: int, size: int, **options
) -> PreparedSet:
    """Render a cohort into a folder that notebooks open, or open it where finished.

    The tables are not read back: what checks tables from outside may not be installed.

    Args:
        root: Folder to write; an interrupted run goes on where it stopped.
        parts: "train", "val" or "test" for each film, in the order of their index.
        seed: Seed of the cohort.
        size: Side of the stored images, px.
        options: Further arguments of `write_store`.

    Returns:
        The films.
    """
    films = write_store(root / "store", len(parts), seed, size, **options)
    table = findings_of(films, options.get("layout", "vindr"))
    save_findings(table, root / "findings.csv")
    split = pd.Series(parts, index=[made.image_id for made in films], dtype="str")
    save_split(split, root / "splits.csv")
    return PreparedSet(root, Store.open(root / "store", verify=True), table, split)


def write_normal_films(
    root: Path, n: int, seed: int, size: int, size_px: tuple[int, int] = (192, 288)
) -> PreparedSet:
    """Render healthy films in the layout of the unseen finding, to stand beside it.

    RSNA's healthy films are those of its class "Normal"; the phantom's are films of the
    same population that show nothing, not even what RSNA leaves without a box.

    Args:
        root: As in `write_prepared`, like `seed` and `size`.
        n: How many.
        seed: Seed of the cohort.
        size: Side of the stored images, px.
        size_px: Smallest and largest longer side of a film, px.

    Returns:
        The films, all in the test part.
    """
    options = {"layout": "rsna", "findings": (), "size_px": size_px}
    return write_prepared(root, ["test"] * n, seed, size, **options)
