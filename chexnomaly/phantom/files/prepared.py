"""Healthy films in the layout of the unseen finding, to stand beside it.

RSNA's healthy films are those of its class "Normal"; of the phantom's they are films of
the same population that show nothing, not even what RSNA leaves without a box.
"""

from pathlib import Path

import pandas as pd

from chexnomaly.datasets.annotations.findings import save_findings
from chexnomaly.datasets.annotations.splits import save_split
from chexnomaly.datasets.prepared import PreparedSet
from chexnomaly.datasets.store.resize import resize_square
from chexnomaly.datasets.store.writer import StoreWriter
from chexnomaly.phantom.files.findings_table import findings_of
from chexnomaly.phantom.files.store import brightness
from chexnomaly.phantom.films import film
from chexnomaly.phantom.records import Film
from chexnomaly.phantom.version import GENERATOR

LAYOUT = "rsna"


def write_normal_films(
    root: Path, n: int, seed: int, size: int, size_px: tuple[int, int] = (192, 288)
) -> PreparedSet:
    """Render healthy films straight into a store, or open them where finished.

    Args:
        root: Folder to write; an interrupted run goes on where it stopped.
        n: How many.
        seed: Seed of the cohort.
        size: Side of the stored images, px.
        size_px: Smallest and largest longer side of a film, px.

    Returns:
        The films, all in the test part.
    """

    def make(index: int, pixels: bool = True) -> Film:
        return film(seed, index, size_px, layout=LAYOUT, findings=[], pixels=pixels)

    films = {one.image_id: k for k in range(n) for one in [make(k, pixels=False)]}
    ids = sorted(films)
    origin = repr((GENERATOR, LAYOUT, n, seed, size_px))
    writer = StoreWriter(root / "store", ids, size, origin=origin)
    try:
        for row in list(writer.missing):
            made = make(films[ids[row]])
            height, width = made.size_px
            writer.write(row, resize_square(brightness(made), size), width, height)
        writer.finish()
    finally:
        writer.close()
    readings = findings_of((make(films[i], pixels=False) for i in ids), LAYOUT)
    save_findings(readings, root / "findings.csv")
    save_split(pd.Series("test", index=ids), root / "splits.csv")
    return PreparedSet.open(root)
