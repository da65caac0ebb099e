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
DRAWING = re.compile(r'<img(?=[^>]* src="[^"]*_images/([^"/]+\.svg)")')


def mark_plots(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    """Mark drawings that hold no film; in dark mode these turn, and films never do."""
    files = {name: Path(app.srcdir, uri) for uri, name in app.builder.images.items()}

    def marked(match: re.Match) -> str:
        text = files[match[1]].read_text() if match[1] in files else "<image"
        return match[0] if "<image" in text else f"{match[0]} data-plot"

    context["body"] = DRAWING.sub(marked, context.get("body", ""))


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
