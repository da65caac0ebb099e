"""Films by themselves: sheets of films, findings, and rows of films to tell apart."""

from collections.abc import Mapping, Sequence

import numpy as np

from chexnomaly.evidence import PHANTOM
from chexnomaly.figures.viewer import Panel, Viewer, boxes_layer
from chexnomaly.labels import DISPLAY_NAMES
from chexnomaly.phantom import Film
from chexnomaly.phantom.files.store import brightness


def figure_films(
    films: Sequence[np.ndarray | None],
    boxes: Sequence[np.ndarray],
    size: int,
    origin: str,
    columns: int = 4,
) -> Viewer:
    """Show a contact sheet of films with their boxes.

    Args:
        films: (H, W) in [0, 1] each; None where a film may not be shown.
        boxes: (N, 4) each, xyxy px of a square of side `size`.
        size: That side, px.
        origin: What the pixels are; only a "phantom" is shown.
        columns: Films per row.

    Returns:
        The films.
    """
    panels = [
        Panel(film, origin, (boxes_layer("readers", corners, (size, size)),))
        for film, corners in zip(films, boxes, strict=True)
    ]
    return Viewer({"": panels}, columns)


def figure_findings(films: Mapping[str, Film]) -> Viewer:
    """Show one film per finding, with its true boxes and the readers' boxes.

    Args:
        films: Finding key to a rendered film that shows it.

    Returns:
        The films; a title gives the largest conspicuity of the film's lesions.
    """
    panels = []
    for finding, made in films.items():
        clear = max((t.conspicuity for t in made.truths), default=0.0)
        frame = made.size_px[::-1]
        true = [t.box for t in made.truths]
        seen = [o.box for o in made.opinions if o.box is not None]
        truth = boxes_layer("truth", true, frame, "true lesions")
        readers = boxes_layer("readers", seen, frame, "boxes of readers")
        title = f"{DISPLAY_NAMES[finding]} ({clear:.2f})"
        panels.append(Panel(brightness(made), PHANTOM, (truth, readers), title))
    return Viewer({"": panels})


def figure_rows(
    rows: Sequence[tuple[str, Sequence[np.ndarray], Sequence[str]]], letters: str
) -> Viewer:
    """Show rows of films under a question each, lettered.

    Args:
        rows: Question, films, (H, W) in [0, 1], and what the pixels of each are, as in
            `Panel`.
        letters: Letter of each column.

    Returns:
        The films.
    """
    panels = {}
    for number, (text, *shown) in enumerate(rows, 1):
        lettered = zip(*shown, letters, strict=False)
        row = [Panel(film, kind, (), letter) for film, kind, letter in lettered]
        panels[f"{number}. {text}"] = row
    return Viewer(panels, max(map(len, panels.values())))
