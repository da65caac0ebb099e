"""Films as a reader can look at them: layers to switch, opacity, an enlarged view.

What is written here shows every film and every layer by itself, without a script, in
JupyterLab as in the book. `viewer.css` beside this file comes with each viewer;
`book/static/viewer.js` adds the switches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import numpy as np

from chexnomaly.evidence import PHANTOM
from chexnomaly.figures.layers import LABELS, Layer, draw_layer, film_source

STYLE = f"<style>\n{Path(__file__).with_suffix('.css').read_text()}</style>"


@dataclass(frozen=True)
class Panel:
    """One film with its layers.

    Attributes:
        film: (H, W) in [0, 1]; None where there is none.
        origin: What the pixels are. Only a "phantom" and a reader's `layers.OWN` are
            shown; of any other film nothing appears, no box and no mask either.
        layers: What lies over it.
        title: Text under it.
        data: Names and values by which a page can filter.
        system: Whose prediction is shown at first, where there are several.
        below: HTML under the title.
    """

    film: np.ndarray | None
    origin: str
    layers: Sequence[Layer] = ()
    title: str = ""
    data: Mapping[str, str] = field(default_factory=dict)
    system: str = ""
    below: str = ""

    def html(self) -> str:
        """Write the film as a cell of the grid."""
        data = "".join(f' data-{k}="{escape(v)}"' for k, v in self.data.items())
        source = film_source(self.film, self.origin)
        title = f'<p class="xray-title">{escape(self.title)}</p>' if self.title else ""
        title += self.below
        if source is None:
            why = "no film" if self.origin == PHANTOM else "a real film: withheld"
            return _cell(f'<p class="xray-none">{why}</p>', title)
        height, width = self.film.shape
        side = "width" if width >= height else "height"
        layers = "".join(draw_layer(layer, self.system) for layer in self._ordered())
        film = (
            f'<div class="xray-film" style="aspect-ratio:{width}/{height};{side}:100%">'
            f'<img class="dark-light" loading="lazy" width="{width}" height="{height}"'
            f' src="{source}" alt="{escape(self.alt())}">'
            f"{layers}</div>"
        )
        return _cell(film, title, data)

    def alt(self) -> str:
        """Say what the film shows, for a reader who does not see it."""
        shown = [x for x in self._ordered() if x.system in ("", self.system)]
        heard = ", ".join(layer.words for layer in shown if layer.words)
        kind = "Computed chest film" if self.origin == PHANTOM else "Chest film"
        return f"{kind}: {heard}" if heard else kind

    def _ordered(self) -> list[Layer]:
        order = list(LABELS)
        return sorted(self.layers, key=lambda layer: order.index(layer.kind))


@dataclass(frozen=True)
class Viewer:
    """Rows of films under one set of switches.

    Attributes:
        rows: Name of each row to its films; an empty row says "none found".
        columns: Films beside each other on a wide page.
        before: HTML above the films, such as filters.
        labels: Other names of layers, by kind.
    """

    rows: Mapping[str, Sequence[Panel]]
    columns: int = 4
    before: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Count what there is to see."""
        return f"{sum(map(len, self.rows.values()))} films in {len(self.rows)} rows"

    def _repr_html_(self) -> str:
        rows = "".join(self._row(name, panels) for name, panels in self.rows.items())
        return f'{STYLE}<div class="xray">{self.before}{self._legend()}{rows}</div>'

    def _row(self, name: str, panels: Sequence[Panel]) -> str:
        title = f'<p class="xray-name">{escape(name)}</p>' if name else ""
        cells = "".join(panel.html() for panel in panels)
        cells = cells or _cell('<p class="xray-none">none found</p>')
        grid = f'<div class="xray-grid" style="--columns:{self.columns}">{cells}</div>'
        return title + grid

    def _legend(self) -> str:
        shown = [panel for panels in self.rows.values() for panel in panels]
        there = {layer.kind for panel in shown for layer in panel.layers}
        labels = {**LABELS, **self.labels}
        items = "".join(
            f'<li data-switch="{kind}"><span class="xray-key xray-key-{kind}"></span>'
            f"{escape(labels[kind])}</li>"
            for kind in LABELS
            if kind in there
        )
        return f'<ul class="xray-legend">{items}</ul>' if items else ""


def _cell(shown: str, title: str = "", data: str = "") -> str:
    frame = f'<div class="xray-frame">{shown}</div>'
    return f'<div class="xray-cell"{data}>{frame}{title}</div>'
