"""Sheets of phantom films: every finding, a population, the rows of the blind test.

Films are drawn with their own aspect, at about their own pixels.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chexnomaly.evidence import PHANTOM
from chexnomaly.figures.layers import boxes_layer
from chexnomaly.figures.style import WIDTH_IN, new_figure
from chexnomaly.figures.viewer import Panel, Viewer
from chexnomaly.labels import DISPLAY_NAMES
from chexnomaly.phantom import Film
from chexnomaly.phantom.files.store import brightness

LEAST_DPI = 128
"""Below this, text becomes hard to read."""


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
) -> Figure:
    """Draw rows of films under a question each, lettered.

    Args:
        texts: Title of each row.
        rows: Films of each row, (H, W) in [0, 1].
        letters: Letter of each column.

    Returns:
        The figure.
    """
    columns = max(len(row) for row in rows)
    longest = max(max(film.shape) for row in rows for film in row)
    fig, axs = new_figure(len(rows), columns, (WIDTH_IN / columns + 0.45) * len(rows))
    fig.set_dpi(max(LEAST_DPI, longest / (WIDTH_IN / columns)))
    for ax in axs.flat:
        ax.set_axis_off()
    for number, (line, text, row) in enumerate(zip(axs, texts, rows, strict=True), 1):
        for ax, film, letter in zip(line, row, letters, strict=False):
            draw_whole_film(ax, film, letter)
        line[0].set_title(f"{number}. {text}\n{letters[0]}", fontsize=8)
    return fig


def draw_whole_film(ax: Axes, film: np.ndarray, title: str = "") -> None:
    """Draw a film in its own pixels, its aspect kept.

    Args:
        ax: Where to draw; box coordinates are px of the film.
        film: (H, W) in [0, 1].
        title: Text above.
    """
    height, width = film.shape
    ax.set_axis_on()
    ax.imshow(film, cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0))
    ax.set(xticks=[], yticks=[], anchor="N")
    ax.spines[:].set_visible(False)
    ax.set_title(title, fontsize=8)
