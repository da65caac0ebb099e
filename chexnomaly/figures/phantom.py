"""Sheets of phantom films: every finding, a population, the rows of the blind test.

Films are drawn with their own aspect, at about their own pixels.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from chexnomaly.figures.style import BLUE, ORANGE, WIDTH_IN, new_figure
from chexnomaly.labels import DISPLAY_NAMES
from chexnomaly.phantom import Film
from chexnomaly.phantom.direct import brightness

LEAST_DPI = 128
"""Below this, text becomes hard to read."""


def figure_findings(films: Mapping[str, Film], columns: int = 4) -> Figure:
    """Draw one film per finding, with its true boxes and the readers' boxes.

    Args:
        films: Finding key to a rendered film that shows it.
        columns: Films per row.

    Returns:
        The figure; the title gives the largest conspicuity of the film's lesions.
    """
    fig, axs = _sheet(len(films), columns, films.values())
    for ax, (finding, made) in zip(axs, films.items(), strict=False):
        clear = max((t.conspicuity for t in made.truths), default=0.0)
        draw_whole_film(ax, brightness(made), f"{DISPLAY_NAMES[finding]} ({clear:.2f})")
        drawn = [r.box for r in made.readings if r.box is not None]
        _outline(ax, drawn, BLUE, width=0.8, style="--")
        _outline(ax, [t.box for t in made.truths], ORANGE, width=1.4)
    return fig


def figure_population(films: Sequence[Film], columns: int = 4) -> Figure:
    """Draw films of different people, without boxes.

    Args:
        films: Rendered films.
        columns: Films per row.

    Returns:
        The figure; titles give age, sex and projection.
    """
    fig, axs = _sheet(len(films), columns, films)
    for ax, made in zip(axs, films, strict=False):
        person = made.patient
        sex = "woman" if person.female else "man"
        view = "AP" if person.frontal_ap else "PA"
        draw_whole_film(ax, brightness(made), f"{sex}, {person.age:.0f}, {view}")
    return fig


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


def _sheet(count: int, columns: int, films: Iterable[Film]) -> tuple[Figure, list]:
    rows = -(-count // columns)
    longest = max(max(made.size_px) for made in films)
    fig, axs = new_figure(rows, columns, rows * (WIDTH_IN / columns + 0.2))
    fig.set_dpi(max(LEAST_DPI, longest / (WIDTH_IN / columns)))
    for ax in axs.flat:
        ax.set_axis_off()
    return fig, list(axs.flat)


def _outline(ax: Axes, boxes, color: str, width: float, style: str = "-") -> None:
    for left, top, right, bottom in boxes:
        ax.add_patch(
            Rectangle(
                (left, top),
                right - left,
                bottom - top,
                fill=False,
                edgecolor=color,
                linewidth=width,
                linestyle=style,
            )
        )
