"""What concerns whole pages: addresses, the launch buttons, the picture in front."""

import json
import os
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from book.extensions.sources import root_of
from book.extensions.words import MEANINGS, badge, words
from book.pipeline.first_cell import address_of
from chexnomaly.evidence import LEVELS

logger = logging.getLogger(__name__)
PICTURES = (".webp", ".png", ".svg")


def configure(app: Sphinx, config: Config) -> None:
    """Find the repository's address; where there is one, show what leads to it."""
    project = Path(app.confdir).parent / "pyproject.toml"
    if not project.is_file():
        return
    address = address_of(project.parent)
    options = config.html_theme_options
    options["use_repository_button"] = bool(address)
    if address:
        options["repository_url"] = address
        options["launch_buttons"] = {
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
        }


def add_evidence(
    app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None
) -> None:
    """Gather the evidence levels of a page's numbers, for the key in its margin."""
    body = context.get("body", "")
    found = [level for level in LEVELS if f'evidence-{level}"' in body]
    context["evidence_levels"] = [(level, MEANINGS[level]) for level in found]


class HeroDirective(SphinxDirective):
    """The picture in front, as the notebooks drew it, with its evidence.

    It is `hero.webp`, `.png` or `.svg`, beside `hero.json` with the keys caption, alt
    and evidence, in `_build/pictures/<profile>/` or else in `book/reference/`. Where
    there is none yet, nothing appears.
    """

    def run(self) -> list[nodes.Node]:
        """Make the figure."""
        root = root_of(self.env)
        built = root / "_build" / "pictures" / self.config.chexnomaly_profile
        for folder in (built, root / "book" / "reference"):
            for picture in (folder / f"hero{ending}" for ending in PICTURES):
                if picture.is_file():
                    return [self.figure(picture)]
        return []

    def figure(self, picture: Path) -> nodes.container:
        """Show one picture with its caption and its evidence, without a number."""
        about = json.loads(picture.with_suffix(".json").read_text(encoding="utf-8"))
        for file in (picture, picture.with_suffix(".json")):
            self.env.note_dependency(str(file))
        uri = os.path.relpath(picture, Path(self.env.doc2path(self.env.docname)).parent)
        shown = nodes.container(classes=["hero"])
        shown += nodes.image(uri=uri, alt=about["alt"], classes=["dark-light"])
        shown += words(about["caption"] + " ", badge(about["evidence"]))
        return shown
