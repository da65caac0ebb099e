"""Films on pages: each picture becomes a file of its own, and scripts come along.

Notebooks carry films as data inside their output. In a page they would be loaded
before anything is read, and again on every page; as files they load when they come
into view, and once.
"""

import base64
import hashlib
import re
from pathlib import Path

from sphinx.application import Sphinx

PICTURE = re.compile(r'(src|href)="data:image/webp;base64,([A-Za-z0-9+/=]+)"')
STYLE = re.compile(r"<style>\n\.xray\{.*?</style>", re.DOTALL)
FOLDER = "_images/films"
DRAWING = re.compile(r'<img [^>]*src="[^"]*_images/([^"/]+\.svg)"[^>]*>')
TURNED = {"fill: #ffffff": "fill: #141414", "#000000": "#ebebeb"}
TURNED["<svg "] = '<svg fill="#ebebeb" '


def turn_drawings(
    app: Sphinx, page: str, template: str, context: dict, doctree: object
) -> None:
    """Let drawings turn dark with their page; films and maps in them keep their colors.

    One that holds none is marked for the style sheet. One that holds some gets a twin,
    whose words and lines are turned alone, and the page shows one of the two.
    """
    files = {name: Path(app.srcdir, uri) for uri, name in app.builder.images.items()}

    def turned(match: re.Match) -> str:
        text = files[match[1]].read_text() if match[1] in files else ""
        if "<image" not in text:
            return match[0].replace("<img", "<img data-plot", 1) if text else match[0]
        for light, dark in TURNED.items():
            text = text.replace(light, dark)
        twin = Path(app.outdir, "_images", f"dark-{match[1]}")
        twin.parent.mkdir(parents=True, exist_ok=True)
        twin.write_text(text)
        light = match[0].replace("<img", '<img class="only-light"', 1)
        dark = match[0].replace("<img", '<img loading="lazy" class="only-dark"', 1)
        return light + dark.replace(match[1], twin.name)

    context["body"] = DRAWING.sub(turned, context.get("body", ""))


def unpack(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    """Write a page's films as files, and load what shows films and figures large."""
    body = context.get("body", "")
    if "<figure" not in body and 'class="xray"' not in body:
        return
    app.add_css_file("viewer.css")
    app.add_js_file("viewer.js", loading_method="defer")

    def address(match: re.Match) -> str:
        content = base64.b64decode(match[2])
        name = f"{FOLDER}/{hashlib.sha256(content).hexdigest()[:20]}.webp"
        path = Path(app.outdir) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return f'{match[1]}="{context["pathto"](name, 1)}"'

    body = PICTURE.sub(address, body)
    first = STYLE.search(body)
    if first:  # once is enough
        body = body[: first.end()] + STYLE.sub("", body[first.end() :])
    context["body"] = body
