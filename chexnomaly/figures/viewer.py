"""Films as a reader can look at them: layers to switch, opacity, an enlarged view.

What is written here shows every film and every layer by itself, without a script, in
JupyterLab as in the book. `viewer.css` beside this file comes with each viewer;
`book/static/viewer.js` adds the switches. A layer is drawn as SVG in a frame of its
own, width by height, which is stretched over the film; so a 64 px mask and a 2,000 px
film need no common size.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from PIL import Image
from skimage.measure import approximate_polygon, find_contours

from chexnomaly.evidence import PHANTOM

STYLE = f"<style>\n{Path(__file__).with_suffix('.css').read_text()}</style>"

LABELS = {
    "truth": "True extent",
    "readers": "Readers' boxes",
    "prediction": "Prediction",
    "heat": "Heat map",
}
"""Kinds of layers, in the order in which they are drawn and switched."""

OWN = "own"
"""Origin of a film that its reader named in a parameter: shown to them, where they
are; the book itself is built without one."""

ON_PAGES = (PHANTOM, "nih")
"""Collections whose films any page may show; a page with NIH's says whose they are."""


@dataclass(frozen=True)
class Layer:
    """One thing drawn over a film.

    Attributes:
        kind: One of `LABELS`; decides color and switch.
        drawing: SVG elements.
        frame: Width and height that the elements are drawn in.
        system: Whose prediction it is, where a reader can choose.
        words: What a reader hears in its place.
    """

    kind: str
    drawing: str
    frame: tuple[float, float]
    system: str = ""
    words: str = ""


def boxes_layer(
    kind: str, boxes: np.ndarray, frame: tuple[float, float], named: str = "boxes"
) -> Layer:
    """Outline boxes.

    Args:
        kind: "truth" or "readers".
        boxes: (N, 4), xyxy, in the frame.
        frame: Width and height.
        named: What the boxes are, for a reader who does not see them.

    Returns:
        The layer, without elements where there is no box.
    """
    rows = np.asarray(boxes, dtype=float).reshape(-1, 4)
    drawn = "".join(
        f'<rect x="{_short(left)}" y="{_short(top)}" width="{_short(right - left)}"'
        f' height="{_short(bottom - top)}"/>'
        for left, top, right, bottom in rows
    )
    return Layer(kind, drawn, frame, words=f"{len(rows) or 'no'} {named}")


def mask_layer(
    probs: np.ndarray, threshold: float, system: str = "", tolerance_px: float = 0.2
) -> Layer:
    """Outline what a map marks above a threshold.

    Args:
        probs: (S, S) in [0, 1].
        threshold: A pixel is marked when its probability is strictly above.
        system: Whose map it is, where a reader can choose.
        tolerance_px: How far the outline may leave the traced one, px of the mask.

    Returns:
        The layer: one filled path, or nothing where nothing is marked.
    """
    marked = probs > threshold
    height, width = probs.shape
    path = ""
    for line in find_contours(np.pad(probs.astype(float), 1), threshold):
        points = approximate_polygon(line, tolerance_px)[:-1, ::-1] - 0.5
        if len(points) > 2:
            path += "M" + "L".join(f"{_short(x)} {_short(y)}" for x, y in points) + "Z"
    drawn = f'<path d="{path}"/>' if path else ""
    words = f"{marked.mean():.0%} of the film marked" if path else "nothing marked"
    return Layer("prediction", drawn, (width, height), system, words)


def heat_layer(values: np.ndarray, top: float, words: str) -> Layer:
    """Paint a map: clear at zero, ever stronger up to `top`.

    Args:
        values: (S, S), zero or more.
        top: Value that is painted at full strength.
        words: What a reader hears in its place.

    Returns:
        The layer.
    """
    shares = np.clip(values / max(top, 1e-9), 0, 1)
    painted = colormaps["inferno"](0.25 + 0.75 * shares)
    painted[..., 3] = 0.9 * np.sqrt(shares)
    height, width = values.shape
    image = f'<image width="{width}" height="{height}" href="{_webp(painted)}"/>'
    return Layer("heat", image, (width, height), words=words)


def film_source(film: np.ndarray | None, origin: str) -> str | None:
    """Turn a film into a picture's address, if it may be shown.

    The one door through which films reach a page. Phantoms pass, real films whose
    provider sets no restriction, and a file that a reader names to see it on their own
    machine; all others stay out of the site.

    Args:
        film: (H, W) in [0, 1]; None where there is none.
        origin: What the pixels are: one of `ON_PAGES`, `OWN`, or anything else.

    Returns:
        A data address; None where the film is missing or may not be shown.
    """
    if film is None or origin not in (*ON_PAGES, OWN):
        return None
    return _webp(np.asarray(film, dtype=float))


def draw_layer(layer: Layer, system: str = "") -> str:
    """Write a layer as one SVG element that covers its film.

    Args:
        layer: The layer.
        system: Whose prediction is shown at first; another's is written, and hidden.

    Returns:
        The element.
    """
    width, height = layer.frame
    whose = f' data-system="{escape(layer.system)}"' if layer.system else ""
    whose += " hidden" * bool(layer.system and system and layer.system != system)
    return (
        f'<svg class="xray-{layer.kind}" data-layer="{layer.kind}"{whose}'
        f' viewBox="0 0 {_short(width)} {_short(height)}" preserveAspectRatio="none"'
        f' aria-hidden="true">{layer.drawing}</svg>'
    )


def _webp(values: np.ndarray) -> str:
    """Pack (H, W) or (H, W, 4), in [0, 1], as an address of data."""
    file = io.BytesIO()
    picture = Image.fromarray((values * 255).round().astype(np.uint8))
    picture.save(file, "WEBP", quality=80, method=6)  # about 4 KB at 256 px
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


@dataclass(frozen=True)
class Panel:
    """One film with its layers.

    Attributes:
        film: (H, W) in [0, 1]; None where there is none.
        origin: What the pixels are. Only those of `ON_PAGES` and a reader's `OWN` are
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
            why = "no film" if self.origin in ON_PAGES else "a real film: withheld"
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
        return sorted(self.layers, key=lambda layer: [*LABELS].index(layer.kind))


@dataclass(frozen=True)
class Viewer:
    """Rows of films under one set of switches.

    Attributes:
        rows: Name of each row to its films; an empty row says "none found".
        columns: Films beside each other on a wide page.
        before: HTML above the films, such as filters.
    """

    rows: Mapping[str, Sequence[Panel]]
    columns: int = 4
    before: str = ""

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
        items = "".join(
            f'<li data-switch="{kind}"><span class="xray-key xray-key-{kind}"></span>'
            f"{escape(label)}</li>"
            for kind, label in LABELS.items()
            if kind in there
        )
        return f'<ul class="xray-legend">{items}</ul>' if items else ""


def _cell(shown: str, title: str = "", data: str = "") -> str:
    frame = f'<div class="xray-frame">{shown}</div>'
    return f'<div class="xray-cell"{data}>{frame}{title}</div>'
