"""Sheets of phantom films: every finding, a population, the rows of the blind test."""

from collections.abc import Mapping, Sequence

import numpy as np

from chexnomaly.evidence import PHANTOM
from chexnomaly.figures.layers import boxes_layer
from chexnomaly.figures.viewer import Panel, Viewer
from chexnomaly.labels import DISPLAY_NAMES
from chexnomaly.phantom import Film
from chexnomaly.phantom.files.store import brightness


def figure_findings(films: Mapping[str, Film], columns: int = 4) -> Viewer:
    """Show one film per finding, with its true boxes and the readers' boxes.

    Args:
        films: Finding key to a rendered film that shows it.
        columns: Films per row.

    Returns:
        The films; a title gives the largest conspicuity of the film's lesions.
    """
    panels = []
    for finding, made in films.items():
        clear = max((t.conspicuity for t in made.truths), default=0.0)
        frame = made.size_px[::-1]
        drawn = [o.box for o in made.opinions if o.box is not None]
        layers = (
            boxes_layer("truth", [t.box for t in made.truths], frame, "true lesions"),
            boxes_layer("readers", drawn, frame, "boxes of readers"),
        )
        title = f"{DISPLAY_NAMES[finding]} ({clear:.2f})"
        panels.append(Panel(brightness(made), PHANTOM, layers, title))
    return Viewer({"": panels}, columns)


def figure_population(films: Sequence[Film], columns: int = 4) -> Viewer:
    """Show films of different people, without boxes.

    Args:
        films: Rendered films.
        columns: Films per row.

    Returns:
        The films; titles give age, sex and projection.
    """
    panels = []
    for made in films:
        person = made.patient
        sex = "woman" if person.female else "man"
        view = "AP" if person.frontal_ap else "PA"
        title = f"{sex}, {person.age:.0f}, {view}"
        panels.append(Panel(brightness(made), PHANTOM, (), title))
    return Viewer({"": panels}, columns)


def figure_rows(
    texts: Sequence[str], rows: Sequence[Sequence[np.ndarray]], letters: str
) -> Viewer:
    """Show rows of phantom films under a question each, lettered.

    Args:
        texts: Question of each row.
        rows: Films of each row, (H, W) in [0, 1].
        letters: Letter of each column.

    Returns:
        The films.
    """
    panels = {
        f"{number}. {text}": [
            Panel(film, PHANTOM, (), letter)
            for film, letter in zip(row, letters, strict=False)
        ]
        for number, (text, row) in enumerate(zip(texts, rows, strict=True), 1)
    }
    return Viewer(panels, max(map(len, rows)))
