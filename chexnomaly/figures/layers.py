"""What lies over a film in the viewer: boxes, outlines of masks, heat maps, as SVG.

A layer is drawn in a frame of its own, width by height, which the viewer stretches
over the film; so a 64 px mask and a 2,000 px film need no common size.
"""

import base64
import io
from dataclasses import dataclass
from html import escape

import numpy as np
from matplotlib import colormaps
from PIL import Image
from skimage.measure import approximate_polygon, find_contours

from chexnomaly.evidence import PHANTOM

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

OUTLINE_PX = 0.2
"""How far a simplified outline may leave the traced one, px of the mask."""

QUALITY = 80
"""Of films as WebP: about 4 KB at 256 px."""


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
    probs: np.ndarray,
    threshold: float,
    system: str = "",
    tolerance_px: float = OUTLINE_PX,
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
    path = _outline(probs, threshold, tolerance_px) if marked.any() else ""
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

    The one door through which films reach a page. Real films stay out of the site:
    only phantoms pass, and a file that a reader names to see it on their own machine.

    Args:
        film: (H, W) in [0, 1]; None where there is none.
        origin: What the pixels are: "phantom", `OWN`, or anything else.

    Returns:
        A data address; None where the film is missing or may not be shown.
    """
    if film is None or origin not in (PHANTOM, OWN):
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


def _outline(probs: np.ndarray, threshold: float, tolerance_px: float) -> str:
    padded = np.pad(probs.astype(float), 1)
    parts = []
    for line in find_contours(padded, threshold):
        points = approximate_polygon(line, tolerance_px)[:-1, ::-1] - 0.5
        if len(points) > 2:
            parts.append("M" + "L".join(f"{_short(x)} {_short(y)}" for x, y in points))
    return "Z".join(parts) + "Z" * bool(parts)


def _webp(values: np.ndarray) -> str:
    """Pack (H, W) or (H, W, 4), in [0, 1], as an address of data."""
    file = io.BytesIO()
    picture = Image.fromarray((values * 255).round().astype(np.uint8))
    picture.save(file, "WEBP", quality=QUALITY, method=6)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
