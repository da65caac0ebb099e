"""A phantom's boxes as a findings table, without the way through files."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from chexnomaly.datasets.annotations.findings import COLUMNS
from chexnomaly.datasets.annotations.validation import BOX
from chexnomaly.labels import NO_FINDING
from chexnomaly.phantom.films import Film, film
from chexnomaly.phantom.readers.reading import Opinion


def phantom_findings(
    n: int, seed: int, layout: str = "vindr", **options
) -> pd.DataFrame:
    """Annotate a cohort of phantoms without rendering it.

    Args:
        n: Number of films.
        seed: Seed of the cohort.
        layout: "vindr" (three readers) or "rsna" (one adjudicated set of boxes).
        options: Further arguments of `phantom.film`.

    Returns:
        A findings table; its frame is 512 px on the longer side.
    """
    films = (
        film(seed, index, 512, layout=layout, pixels=False, **options)
        for index in range(n)
    )
    return findings_of(films, layout)


def findings_of(films: Iterable[Film], layout: str = "vindr") -> pd.DataFrame:
    """Lay the readers' opinions out as a findings table.

    Args:
        films: Films of one cohort, with or without pixels.
        layout: Theirs; in "rsna" the readers' boxes are adjudicated.

    Returns:
        The table; rows are numbered from 2, as if below a header.
    """
    rows = [row for made in films for row in _rows(made, layout)]
    table = pd.DataFrame(rows, columns=[*COLUMNS[:-1]])
    table["row"] = np.arange(2, 2 + len(table))
    sides = dict.fromkeys(("width_px", "height_px", "row"), "Int64")
    return table.astype(sides | dict.fromkeys(BOX, "float64"))


def _rows(made: Film, layout: str) -> Iterator[tuple]:
    height, width = made.size_px
    opinions = made.opinions
    if layout == "rsna":
        agreed = [replace(opinion, reader="rsna") for opinion in consensus(made)]
        opinions = agreed or [Opinion("rsna", NO_FINDING, None)]
    for o in opinions:
        corners = o.box or (np.nan,) * 4
        yield made.image_id, o.reader, o.finding, *corners, width, height, "phantom"


def consensus(film: Film) -> list[Opinion]:
    """What the first reader who saw anything says: one box per lesion."""
    boxed = [opinion for opinion in film.opinions if opinion.box is not None]
    return [opinion for opinion in boxed if opinion.reader == boxed[0].reader]
